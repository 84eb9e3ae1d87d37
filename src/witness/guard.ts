/**
 * What this machine remembers of its log, outside the database: the highest head it has seen. A database that was set back, by a
 * failover that lost commits or by a backup, does not begin with it, and nothing may be built on that as if nothing had happened.
 */
import { join } from "node:path";
import type { Store } from "../control/ports.ts";
import { fail, ok, refuse, type Refusal, type Result } from "../core/base/index.ts";
import { openCheckpoint, verifyConsistency, type LogKey, type OpenCheckpoint } from "../core/ledger/index.ts";
import { readIfThere, replaceFile } from "./files.ts";
import { proofOfGrowth } from "./growth.ts";

export interface HeadGuard {
  /** Whether the database's log still begins with what was remembered; a good head is remembered from then on. */
  check(): Promise<Result<void>>;
  /** Gives up a head of this size that the database has lost, once `record` has put that on record. */
  forget(size: number, record: (lost: OpenCheckpoint) => Promise<Result<unknown>>): Promise<Result<void>>;
}

const RESTORE = "restore the database that has what was acknowledged, from another replica or a later backup";
const REPLACE = "put back the file from a backup of the data folder, or take it away if you know that the database has lost nothing";
const remedyFor = (size: number): string =>
  `${RESTORE}. Only when it is lost for good: \`pawl ledger accept-loss --size ${size}\` puts that on record; whoever kept the lost head can prove that the log was forked`;

export function headGuard(
  dataDir: string,
  store: Pick<Store, "head" | "tile">,
  log: { readonly origin: string; readonly keys: readonly LogKey[] },
): HeadGuard {
  const path = join(dataDir, "head.note");
  const look = async (): Promise<{ readonly head: Head; readonly seen?: OpenCheckpoint; readonly fault?: Refusal }> => {
    const head = await store.head();
    const note = readIfThere(path);
    if (note === undefined) return { head };
    const seen = openCheckpoint(note, log.keys, log.origin);
    if (!seen.ok) {
      const message = `the head that this machine remembered cannot be read: ${seen.error.message}`;
      return { head, fault: { code: "head_unreadable", message, where: path, remedy: REPLACE } };
    }
    const message = await setBack(store, seen.value, head);
    const fault =
      message === undefined ? {} : { fault: { code: "log_set_back", message, where: path, remedy: remedyFor(seen.value.size) } };
    return { head, seen: seen.value, ...fault };
  };
  const check = async (): Promise<Result<void>> => {
    const { head, seen, fault } = await look();
    if (fault !== undefined) return fail(fault);
    if (seen?.size !== head.size) replaceFile(path, head.checkpoint);
    return ok(undefined);
  };
  // One after the other: a check that began earlier must not put an older head over a newer one.
  let last: Promise<unknown> = Promise.resolve();
  return {
    check: () => {
      const done = last.then(check);
      last = done.catch(() => undefined);
      return done;
    },
    async forget(size, record) {
      const { seen, fault } = await look();
      if (seen === undefined || fault === undefined)
        return fail(
          fault ?? { code: "nothing_lost", message: "the database's log begins with all that this machine remembers", where: path },
        );
      if (seen.size !== size)
        return refuse("another_size", `what was lost is a log of ${seen.size} entries, not of ${size}`, {
          remedy: fault.remedy ?? RESTORE,
        });
      const recorded = await record(seen);
      if (!recorded.ok) return recorded;
      replaceFile(path, (await store.head()).checkpoint);
      return ok(undefined);
    },
  };
}

type Head = Awaited<ReturnType<Store["head"]>>;

async function setBack(store: Pick<Store, "tile">, seen: OpenCheckpoint, head: Head): Promise<string | undefined> {
  if (head.size < seen.size) return `the database's log has ${head.size} entries, and this machine has seen it with ${seen.size}`;
  const proof = await proofOfGrowth(store, seen.size, head.size);
  const grown = verifyConsistency({ from: seen.size, to: head.size, fromRoot: seen.root, toRoot: head.root, proof });
  return grown.ok
    ? undefined
    : `the database's log of ${head.size} entries does not begin with the ${seen.size} that this machine has seen`;
}
