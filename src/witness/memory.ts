/**
 * What this machine remembers of its log, outside the database: the highest head it has seen. A database that was set back, by a
 * failover that lost commits or by a backup, does not begin with it, and nothing may be built on that as if nothing had happened.
 */
import { join } from "node:path";
import type { Store } from "../control/ports.ts";
import { ok, refuse, type Result } from "../core/base/index.ts";
import { openCheckpoint, verifyConsistency, type LogKey } from "../core/ledger/index.ts";
import { readIfThere, replaceFile } from "./files.ts";
import { proofOfGrowth } from "./growth.ts";

export interface HeadGuard {
  /** Whether the database's log still begins with what was remembered; a good head is remembered from then on. */
  check(): Promise<Result<{ readonly size: number }>>;
}

export function headGuard(
  dataDir: string,
  store: Pick<Store, "head" | "tile">,
  log: { origin: string; keys: readonly LogKey[] },
): HeadGuard {
  const path = join(dataDir, "head.note");
  return {
    async check() {
      const head = await store.head();
      const note = readIfThere(path);
      const remembered = note === undefined ? undefined : openCheckpoint(note, log.keys, log.origin);
      if (remembered !== undefined && !remembered.ok)
        return refuse("head_unreadable", remembered.error.message, { where: path, remedy: REMEDY });
      const fault = remembered && (await setBack(store, remembered.value, head));
      if (fault !== undefined) return refuse("log_set_back", fault, { where: path, remedy: REMEDY });
      if (remembered?.value.size !== head.size) replaceFile(path, head.checkpoint);
      return ok({ size: head.size });
    },
  };
}

const REMEDY =
  "find out what happened to the database; what was acknowledged is missing from it. To go on with what is left, and to say so for good: pawl ledger accept-loss";

type Head = Awaited<ReturnType<Store["head"]>>;

async function setBack(store: Pick<Store, "tile">, seen: { size: number; root: Uint8Array }, head: Head): Promise<string | undefined> {
  if (head.size < seen.size) return `the database's log has ${head.size} entries, and this machine has seen it with ${seen.size}`;
  const proof = await proofOfGrowth(store, seen.size, head.size);
  const grown = verifyConsistency({ from: seen.size, to: head.size, fromRoot: seen.root, toRoot: head.root, proof });
  return grown.ok
    ? undefined
    : `the database's log of ${head.size} entries does not begin with the ${seen.size} that this machine has seen`;
}
