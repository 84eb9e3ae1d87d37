import { equalBytes } from "../../core/base/index.ts";
import { openCheckpoint, type OpenCheckpoint } from "../../core/ledger/index.ts";
import type { CheckpointRow, Head } from "../model.ts";
import type { LogIdentity } from "./fsck.ts";
import { pagesOf, type Check } from "./types.ts";

export interface Kept {
  readonly count: number;
  /** Those that a key of the log has signed, smallest first; the entries must have the root of each. */
  readonly opened: readonly OpenCheckpoint[];
  readonly last?: OpenCheckpoint;
}

/** The head's checkpoint and all kept ones. A longer one than the head's shows that the ledger was cut back. */
export async function openKept(check: Check, log: LogIdentity, head: Head | undefined): Promise<Kept> {
  const bySize = new Map<number, OpenCheckpoint>();
  let count = 0;
  for await (const rows of pagesOf<CheckpointRow>(check.snapshot, "checkpoints")) {
    for (const { size, root, note } of rows) {
      count++;
      const opened = open(check, log, note, `checkpoints/${size}`, size, root);
      if (opened) bySize.set(opened.size, opened);
    }
  }
  addHead(check, log, head, bySize);
  const opened = [...bySize.values()].toSorted((a, b) => a.size - b.size);
  const last = opened.at(-1);
  return { count, opened, ...(last && { last }) };
}

function addHead(check: Check, log: LogIdentity, head: Head | undefined, bySize: Map<number, OpenCheckpoint>): void {
  if (!head) return check.fault({ where: "head", message: "there is no head" });
  const opened = open(check, log, head.checkpoint, "head", head.size, head.root);
  if (!opened) return;
  const kept = bySize.get(opened.size);
  if (!kept) check.fault({ where: `checkpoints/${opened.size}`, message: "the head's checkpoint is not among those that are kept" });
  if (kept && !equalBytes(kept.root, opened.root)) {
    check.fault({ where: "head", message: `two roots were signed for size ${opened.size}: the log was forked` });
  }
  const longest = Math.max(...bySize.keys());
  if (longest > opened.size) {
    const message = `size ${longest} was signed, but the head has ${opened.size}: the ledger was cut back`;
    check.fault({ where: "head", message, index: opened.size, lastIndex: longest - 1 });
  }
  bySize.set(opened.size, kept ?? opened);
}

function open(
  check: Check,
  { origin, keys }: LogIdentity,
  note: string,
  where: string,
  size: number,
  root: Uint8Array,
): OpenCheckpoint | undefined {
  const opened = openCheckpoint(note, keys, origin);
  if (!opened.ok) {
    check.fault({ where, message: opened.error.message });
    return undefined;
  }
  if (opened.value.size !== size || !equalBytes(opened.value.root, root)) {
    check.fault({ where, message: "the columns and the signed checkpoint disagree" });
  }
  return opened.value;
}
