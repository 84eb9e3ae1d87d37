import type { Json } from "../../core/base/index.ts";

/** No character below U+0300 changes under NFC or combines with what stands before it. */
const NOT_SURELY_NFC = /[\u0300-\uffff]/;

/** What stands in a plan is in normal form C. Foreign text that is not is written out by code points, so that no two texts look the same. */
export function shownText(text: string): string {
  if (!NOT_SURELY_NFC.test(text) || text.normalize("NFC") === text) return text;
  return text.replace(/[^\x20-\x7e]/gu, (c) => `\\u{${(c.codePointAt(0) ?? 0).toString(16)}}`);
}

export function shownValue(value: Json): Json {
  return typeof value === "string" ? shownText(value) : value;
}
