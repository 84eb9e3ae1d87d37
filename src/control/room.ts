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
  /** Proposals let in here that are not written yet, nor refused. */
  readonly entering: Map<PrincipalId, number>;
}
const ears = new WeakMap<Deps, Ear>();

/**
 * One noisy agent may not fill the queue: its open changes are bounded, with those that are still being accepted, until whoever was let
 * in leaves. They are counted only when what was counted last and everything heard of since could together reach the limit.
 */
export async function roomFor(deps: Deps, proposer: PrincipalId): Promise<Result<() => void, ControlRefusal>> {
  const limit = deps.limits.openChangesPerProposer;
  const ear = earOf(deps);
  const before = enter(ear, proposer, 1);
  const leave = (): void => void enter(ear, proposer, -1);
  try {
    if (await isRoom(deps, ear, proposer, before)) return ok(leave);
  } catch (error) {
    leave();
    throw error;
  }
  leave();
  return fail({
    code: "not_now",
    reason: "too_many_open",
    message: `${proposer} has ${limit} open changes already`,
    remedy: "withdraw some, or wait until they are decided",
  });
}

/** How many were being accepted before. */
function enter({ entering }: Ear, proposer: PrincipalId, more: 1 | -1): number {
  const before = entering.get(proposer) ?? 0;
  if (before + more === 0) entering.delete(proposer);
  else entering.set(proposer, before + more);
  return before;
}

async function isRoom(deps: Deps, ear: Ear, proposer: PrincipalId, before: number): Promise<boolean> {
  const limit = deps.limits.openChangesPerProposer;
  const last = ear.counts.get(proposer);
  if (last !== undefined && last.open + (ear.heard - last.heard) + last.let < limit) {
    last.let += 1;
    return true;
  }
  const { heard } = ear;
  const open = await countOpen(deps, proposer, limit);
  // Whoever is still being accepted may not have been counted.
  ear.counts.set(proposer, { open, heard, let: ear.entering.get(proposer) ?? 0 });
  return open + before < limit;
}

function earOf(deps: Deps): Ear {
  const known = ears.get(deps);
  if (known !== undefined) return known;
  const ear: Ear = { heard: 0, counts: new Map(), entering: new Map() };
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
