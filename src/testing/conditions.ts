/** A small world of facts for tests of conditions: every kind of value once, and one that is absent. */
import { cel, profileOver } from "../core/policy/index.ts";

const { BOOL, INT, STRING, field, listOf, mapOf, messageOf, optional } = cel;
const ITEM = messageOf("Item", { name: field(STRING, ""), note: optional(STRING, ""), tags: field(listOf(STRING), "") });
export const ROOTS = {
  n: field(INT, ""),
  s: field(STRING, ""),
  yes: field(BOOL, ""),
  nums: field(listOf(INT), ""),
  dict: field(mapOf(STRING, INT), ""),
  items: field(listOf(ITEM), ""),
  one: field(ITEM, ""),
  gone: optional(INT, ""),
};
export const one = { name: "a", note: undefined, tags: ["x"] };
export const FACTS: cel.CelMessage = {
  n: 3,
  s: "src/é.md",
  yes: true,
  nums: [1, 2, 3],
  dict: new Map([["a", 1]]),
  items: [one, { ...one, name: "b", note: "n" }],
  one,
  gone: undefined,
};
export const profile = profileOver(ROOTS);
