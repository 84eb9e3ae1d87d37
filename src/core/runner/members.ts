import { isObject } from "../base/index.ts";
import type { Json, JsonObject } from "../base/index.ts";

/** Narrow looks into what somebody sent; each answers undefined where it is not so. */
export const objectOf = (value: Json | undefined): JsonObject | undefined => (isObject(value) ? value : undefined);

/** An object with these members and no others; a name that ends in `?` may be missing. */
export function exactly(value: Json | undefined, names: readonly string[]): JsonObject | undefined {
  const object = objectOf(value);
  if (object === undefined) return undefined;
  const known = new Set(names.map((name) => name.replace("?", "")));
  const whole = names.every((name) => name.endsWith("?") || Object.hasOwn(object, name));
  return whole && Object.keys(object).every((name) => known.has(name)) ? object : undefined;
}

export const textOf = (value: Json | undefined, most: number): string | undefined =>
  typeof value === "string" && value.length > 0 && value.length <= most ? value : undefined;

export const wholeOf = (value: Json | undefined, most = Number.MAX_SAFE_INTEGER): number | undefined =>
  typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= most ? value : undefined;

/** A list of which every element can be read. */
export function listOf<T>(value: Json | undefined, most: number, read: (item: Json) => T | undefined): readonly T[] | undefined {
  if (!Array.isArray(value) || value.length > most) return undefined;
  const items: T[] = [];
  for (const each of value) {
    const item = read(each);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}
