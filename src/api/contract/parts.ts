import { Type, type Static, type TSchema } from "typebox";
import { PATTERNS } from "../../core/base/index.ts";

/** Control's views are read-only all the way down; a schema's type is not. */
export type Wire<T> = T extends readonly (infer I)[] ? readonly Wire<I>[] : T extends object ? { readonly [K in keyof T]: Wire<T[K]> } : T;

/** A wire shape: what goes out is exactly what the schema says, and the compiler compares it with the view it is made from. */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the view is named by the writer, the schema's type is inferred
export function shape<View>() {
  return <S extends TSchema>(schema: View extends Wire<Static<S>> ? S : never): S => schema;
}

/** The reference to a named schema; it keeps the type. */
export function ref<S extends TSchema & { readonly $id?: string }>(schema: S) {
  return Type.Unsafe<Static<S>>({ $ref: `${schema.$id ?? ""}#` });
}

export const closed = { additionalProperties: false } as const;
export const text = (description?: string) => Type.String(description === undefined ? {} : { description });
export const maybe = Type.Optional;
export const digest = (description?: string) =>
  Type.String({ pattern: PATTERNS.digest, ...(description === undefined ? {} : { description }) });
export const choice = <const V extends readonly string[]>(values: V, description?: string) =>
  Type.Enum([...values] as V[number][], { type: "string", ...(description === undefined ? {} : { description }) });
export const millis = (description: string) => Type.Integer({ description: `${description}, in milliseconds since 1970 UTC` });
export const hex32 = (description: string) => Type.String({ pattern: "^[0-9a-f]{64}$", description });
export const anything = (description: string) => Type.Unknown({ description });
