/** What a document that came back from elsewhere must look like, member by member. */
import { isDigest, isPrincipalId } from "./ids.ts";
import { isObject } from "./json.ts";
import type { Json } from "./json.ts";

/** Says where a value has not the form, or undefined when it has. */
export type Form = (value: Json, at: string) => string | undefined;

export const where =
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

/** An object with members of any name. */
export const record =
  (each: Form): Form =>
  (value, at) =>
    isObject(value)
      ? first(
          Object.entries(value).map(
            ([key, member]) =>
              () =>
                each(member, `${at}/${key.slice(0, 64)}`),
          ),
        )
      : at;

/** One of several forms, told apart by one member. */
export const oneOf =
  (kinds: Readonly<Record<string, Form>>, by = "kind"): Form =>
  (value, at) => {
    const kind = isObject(value) ? value[by] : undefined;
    const form = typeof kind === "string" && Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
    return form === undefined ? `${at}/${by}` : form(value, at);
  };

export const nullOr =
  (form: Form): Form =>
  (value, at) =>
    value === null ? undefined : form(value, at);

function first(checks: readonly (() => string | undefined)[]): string | undefined {
  for (const check of checks) {
    const fault = check();
    if (fault !== undefined) return fault;
  }
  return undefined;
}
