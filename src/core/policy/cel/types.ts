/**
 * The types of the profile `pawl-cel/1`. There are no doubles (so no NaN and no rounding), no null, no dyn and no unsigned
 * integers: every expression has one type known at load, and two evaluators cannot disagree about it.
 */
export type CelType =
  | { readonly kind: "bool" | "int" | "string" }
  | { readonly kind: "list"; readonly of: CelType }
  | { readonly kind: "map"; readonly key: CelType; readonly of: CelType }
  | { readonly kind: "message"; readonly name: string; readonly fields: Fields }
  /** The element of an empty literal: fits every type. */
  | { readonly kind: "any" };

export interface Field {
  readonly type: CelType;
  /** An optional field may be absent; reading it then is an error. */
  readonly optional: boolean;
  readonly doc: string;
}
export type Fields = Readonly<Record<string, Field>>;
export type MessageType = Extract<CelType, { kind: "message" }>;

export const BOOL = { kind: "bool" } as const;
export const INT = { kind: "int" } as const;
export const STRING = { kind: "string" } as const;
export const ANY = { kind: "any" } as const;
export const listOf = <const T extends CelType>(of: T): { readonly kind: "list"; readonly of: T } => ({ kind: "list", of });
export const mapOf = <const K extends CelType, const T extends CelType>(
  key: K,
  of: T,
): { readonly kind: "map"; readonly key: K; readonly of: T } => ({ kind: "map", key, of });
export const messageOf = <const F extends Fields>(
  name: string,
  fields: F,
): { readonly kind: "message"; readonly name: string; readonly fields: F } => ({ kind: "message", name, fields });
export const field = <const T extends CelType>(
  type: T,
  doc: string,
): { readonly type: T; readonly optional: false; readonly doc: string } => ({ type, optional: false, doc });
export const optional = <const T extends CelType>(
  type: T,
  doc: string,
): { readonly type: T; readonly optional: true; readonly doc: string } => ({ type, optional: true, doc });

/** An int is a number where a double holds it exactly, and a bigint beyond: equal ints are always `===`. */
export type CelInt = number | bigint;
export type CelValue = boolean | CelInt | string | readonly CelValue[] | ReadonlyMap<CelValue, CelValue> | CelMessage;
export interface CelMessage {
  readonly [field: string]: CelValue | undefined;
}

/** An error is a value, so that `false && error` is false at no cost, as CEL wants. */
export class CelError {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}
export type Outcome = CelValue | CelError;

export function nameOf(type: CelType): string {
  switch (type.kind) {
    case "list":
      return `list<${nameOf(type.of)}>`;
    case "map":
      return `map<${nameOf(type.key)}, ${nameOf(type.of)}>`;
    case "message":
      return type.name;
    case "any":
      return "dyn";
    default:
      return type.kind;
  }
}

/** The one type that both fit, or undefined. */
export function unify(a: CelType, b: CelType): CelType | undefined {
  if (a.kind === "any") return b;
  if (b.kind === "any") return a;
  if (a.kind === "list" && b.kind === "list") {
    const of = unify(a.of, b.of);
    return of && listOf(of);
  }
  if (a.kind === "map" && b.kind === "map") {
    const key = unify(a.key, b.key);
    const of = unify(a.of, b.of);
    return key && of && mapOf(key, of);
  }
  if (a.kind === "message" && b.kind === "message") return a.name === b.name ? a : undefined;
  return a.kind === b.kind ? a : undefined;
}

export function holdsMessage(type: CelType): boolean {
  if (type.kind === "list") return holdsMessage(type.of);
  if (type.kind === "map") return holdsMessage(type.of);
  return type.kind === "message";
}
