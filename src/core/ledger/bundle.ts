import { assert, ok } from "../base/index.ts";
import type { Result } from "../base/index.ts";
import type { LedgerFault } from "./faults.ts";
import { refuse } from "./faults.ts";
import { TILE_WIDTH } from "./tiles.ts";

/** What two bytes can count. */
export const MAX_ENTRY_BYTES = 0xffff;

/** Entries one behind the other, each behind its length in two bytes, the high one first (C2SP tlog-tiles). */
export function entryBundle(entries: readonly Uint8Array[]): Uint8Array {
  assert(entries.length <= TILE_WIDTH, "a bundle has at most 256 entries");
  const bundle = new Uint8Array(entries.reduce((sum, entry) => sum + 2 + entry.length, 0));
  let at = 0;
  for (const entry of entries) {
    assert(entry.length <= MAX_ENTRY_BYTES, `an entry has at most ${MAX_ENTRY_BYTES} bytes`);
    bundle[at] = entry.length >> 8;
    bundle[at + 1] = entry.length & 0xff;
    bundle.set(entry, at + 2);
    at += 2 + entry.length;
  }
  return bundle;
}

/** The entries of a bundle that has exactly so many, as views of its bytes. */
export function parseEntryBundle(bundle: Uint8Array, width: number): Result<Uint8Array[], LedgerFault> {
  const entries: Uint8Array[] = [];
  let at = 0;
  while (at < bundle.length) {
    if (entries.length === width) return refuse("bundle_malformed", `more than ${width} entries are in the bundle`);
    const start = at + 2;
    const length = ((bundle[at] ?? 0) << 8) | (bundle[at + 1] ?? 0);
    if (start + length > bundle.length) return refuse("bundle_malformed", `entry ${entries.length} of the bundle is cut off`);
    entries.push(bundle.subarray(start, start + length));
    at = start + length;
  }
  return entries.length === width
    ? ok(entries)
    : refuse("bundle_malformed", `${entries.length} entries are in the bundle instead of ${width}`);
}
