/** Names and unpredictable bytes. */
import { randomFillSync } from "node:crypto";
import type { Clock, Ids } from "./control/ports.ts";

/** Asked for in advance, since each call of the operating system costs more than its bytes. */
const pool = new Uint8Array(4096);
let used = pool.length;

/** Bytes of its own: what was handed out is wiped from the pool, and handed out once. */
function random(bytes: number): Uint8Array {
  if (bytes > pool.length) return randomFillSync(new Uint8Array(bytes));
  if (used + bytes > pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const taken = pool.slice(used, used + bytes);
  pool.fill(0, used, used + bytes);
  used += bytes;
  return taken;
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("hex");

/** Ids in the order of the clock. */
export const idsBy = (clock: Clock): Ids => ({
  next: (prefix) => `${prefix}_${clock.now().toString(16).padStart(12, "0")}${hex(random(10))}`,
  random,
});
