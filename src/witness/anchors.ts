/** Heads of the log written down elsewhere: each extends the one before, or nothing more is written and the alarm is raised. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Store } from "../control/ports.ts";
import { fail, ok, refuse, type Refusal, type Result } from "../core/base/index.ts";
import { openCheckpoint, verifyConsistency, type LogKey, type OpenCheckpoint } from "../core/ledger/index.ts";
import { readIfThere, replaceFile } from "./files.ts";
import { proofOfGrowth } from "./growth.ts";

/** A place that keeps signed heads: what it keeps last is read again each time, for others can write there too. */
export interface AnchorPlace {
  readonly name: string;
  last(stop: AbortSignal): Promise<Result<string | undefined>>;
  /** Durable when it answers. */
  put(note: string, stop: AbortSignal): Promise<Result<void>>;
}

export interface Anchor {
  readonly place: AnchorPlace;
  readonly everyMillis: number;
}

export interface Anchoring {
  readonly store: Pick<Store, "head" | "tile">;
  readonly log: { readonly origin: string; readonly keys: readonly LogKey[] };
  /** Where this machine keeps what it has written down itself. */
  readonly folder: string;
}

const REMEDY = "stop Pawl, keep the database and the place as they are, and compare them";

/** Writes the present head down where it is not yet, if it extends what stands there. */
export async function anchorHead({ store, log, folder }: Anchoring, place: AnchorPlace, stop: AbortSignal): Promise<Result<void>> {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const kept = join(folder, `${place.name}.note`);
  const found = await place.last(stop);
  if (!found.ok) return found;
  const last = found.value === undefined ? ok(undefined) : opened(place, found.value, log);
  if (!last.ok) return last;
  const own = readIfThere(kept);
  const mine = own === undefined ? undefined : openCheckpoint(own, log.keys, log.origin);
  if (mine?.ok === true && (last.value === undefined || last.value.size < mine.value.size))
    return fail(lost(place, mine.value, last.value, kept));
  const head = await store.head();
  const fault = last.value && (await forked(store, place, last.value, head));
  if (fault !== undefined) return fail(fault);
  if (last.value?.size !== head.size) {
    const written = await place.put(head.checkpoint, stop);
    if (!written.ok) return written;
  }
  if (own !== head.checkpoint) replaceFile(kept, head.checkpoint);
  return ok(undefined);
}

function opened({ name }: AnchorPlace, note: string, { keys, origin }: Anchoring["log"]): Result<OpenCheckpoint> {
  const head = openCheckpoint(note, keys, origin);
  if (head.ok) return head;
  return refuse("anchor_unreadable", `what stands at the anchor ${name} is no head of this log: ${head.error.message}`, { remedy: REMEDY });
}

const lost = ({ name }: AnchorPlace, { size }: OpenCheckpoint, last: OpenCheckpoint | undefined, kept: string): Refusal => ({
  code: "anchor_lost",
  message: `a head of ${size} entries was written down at the anchor ${name}, and what stands there last has ${last?.size ?? "none"}`,
  remedy: `find out who took it away. Where the place was meant to be replaced, take away ${kept}`,
});

type Head = Awaited<ReturnType<Store["head"]>>;

async function forked(store: Pick<Store, "tile">, { name }: AnchorPlace, last: OpenCheckpoint, head: Head): Promise<Refusal | undefined> {
  if (last.size > head.size) {
    const message = `the anchor ${name} has this log with ${last.size} entries, and it has ${head.size} now`;
    return { code: "anchor_ahead", message, remedy: REMEDY };
  }
  const proof = await proofOfGrowth(store, last.size, head.size);
  const grown = verifyConsistency({ from: last.size, to: head.size, fromRoot: last.root, toRoot: head.root, proof });
  if (grown.ok) return undefined;
  const message = `the log of ${head.size} entries does not begin with the ${last.size} that the anchor ${name} has`;
  return { code: "anchor_refuses", message, remedy: REMEDY };
}
