import { fail, ok, type PrincipalId, type Result } from "../core/base/index.ts";
import type { Deps } from "./deps.ts";
import type { ControlRefusal } from "./types.ts";

const OPEN = ["proposed", "planned", "awaiting", "authorised", "running", "applied", "stale", "sent_back"];

/** What was counted, and all that can have been added since. */
interface Count {
  readonly open: number;
  /** How many moves had been heard of when counting began. */
  readonly heard: number;
  /** Proposals let in here since. */
  let: number;
}

interface Ear {
  /** Moves of changes, here and on other nodes. No change becomes open without one. */
  heard: number;
  readonly counts: Map<PrincipalId, Count>;
}
const ears = new WeakMap<Deps, Ear>();

/**
 * One noisy agent may not fill the queue: its open changes are bounded. They are counted only when what was counted last and
 * everything heard of since could together reach the limit.
 */
export async function roomFor(deps: Deps, proposer: PrincipalId): Promise<Result<void, ControlRefusal>> {
  const limit = deps.limits.openChangesPerProposer;
  const ear = earOf(deps);
  const last = ear.counts.get(proposer);
  if (last !== undefined && last.open + (ear.heard - last.heard) + last.let < limit) {
    last.let += 1;
    return ok(undefined);
  }
  const { heard } = ear;
  const open = await countOpen(deps, proposer, limit);
  ear.counts.set(proposer, { open, heard, let: 1 });
  if (open < limit) return ok(undefined);
  return fail({
    code: "not_now",
    reason: "too_many_open",
    message: `${proposer} has ${limit} open changes already`,
    remedy: "withdraw some, or wait until they are decided",
  });
}

function earOf(deps: Deps): Ear {
  const known = ears.get(deps);
  if (known !== undefined) return known;
  const ear: Ear = { heard: 0, counts: new Map() };
  ears.set(deps, ear);
  deps.store.watch((streams) => {
    for (const stream of streams) if (stream.startsWith("change/")) ear.heard += 1;
  });
  return ear;
}

/** As far as the limit. */
async function countOpen(deps: Deps, proposer: PrincipalId, limit: number): Promise<number> {
  let open = 0;
  let cursor: string | undefined;
  do {
    const page = await deps.store.list({
      prefix: "change/",
      statuses: OPEN,
      proposer,
      limit: limit - open,
      ...(cursor === undefined ? {} : { cursor }),
    });
    open += page.rows.length;
    cursor = page.cursor;
  } while (cursor !== undefined && open < limit);
  return open;
}
