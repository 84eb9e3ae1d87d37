import { isDigest, isObject, isPrincipalId } from "../base/index.ts";
import type { Json } from "../base/index.ts";

/** Says where a value has not the form, or undefined when it has. */
export type Form = (value: Json, at: string) => string | undefined;

const where =
  (holds: (value: Json) => boolean): Form =>
  (value, at) =>
    holds(value) ? undefined : at;

export const text = where((value) => typeof value === "string" && value.length > 0 && value.length <= 1024);
export const longText = (most: number): Form => where((value) => typeof value === "string" && value.length <= most);
export const exactly = (...values: readonly string[]): Form => where((value) => typeof value === "string" && values.includes(value));
export const whole = where((value) => typeof value === "number" && Number.isSafeInteger(value) && value >= 0);
export const positive = where((value) => typeof value === "number" && Number.isSafeInteger(value) && value > 0);
export const truth = where((value) => typeof value === "boolean");
export const digest = where((value) => typeof value === "string" && isDigest(value));
export const principal = where((value) => typeof value === "string" && isPrincipalId(value));

export const list =
  (most: number, each: Form): Form =>
  (value, at) => {
    if (!Array.isArray(value) || value.length > most) return at;
    return first(value.map((item, n) => () => each(item, `${at}/${n}`)));
  };

/** An object with exactly these members; those in `optional` may be absent. */
export const object =
  (members: Readonly<Record<string, Form>>, optional: readonly string[] = []): Form =>
  (value, at) => {
    if (!isObject(value)) return at;
    const strange = Object.keys(value).find((key) => !Object.hasOwn(members, key));
    if (strange !== undefined) return `${at}/${strange.slice(0, 64)}`;
    return first(
      Object.entries(members).map(([key, form]) => () => {
        const member = value[key];
        if (member === undefined) return optional.includes(key) ? undefined : `${at}/${key}`;
        return form(member, `${at}/${key}`);
      }),
    );
  };

/** One of several forms, told apart by `kind`. */
export const oneOf =
  (kinds: Readonly<Record<string, Form>>): Form =>
  (value, at) => {
    const kind = isObject(value) ? value["kind"] : undefined;
    const form = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    return form === undefined ? `${at}/kind` : form(value, at);
  };

function first(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const fault = check();
    if (fault !== undefined) return fault;
  }
  return undefined;
}
