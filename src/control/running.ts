import { assert, fail, ok, parseJson, type ChangeId, type JsonObject, type Result, type RunId, type RunnerId } from "../core/base/index.ts";
import type { ChangeCommand, ChangeState } from "../core/change/index.ts";
import { sealGrant, type Envelope, type GrantBody, type GrantEvidence } from "../core/grant/index.ts";
import { commitChange, loadChange, changeStream, type Committed } from "./commit.ts";
import { currentBundle, currentDirectory } from "./config.ts";
import type { Deps } from "./deps.ts";
import { inclusionAt } from "./ledger.ts";
import { jsonPayload } from "./payloads.ts";
import type { LedgerEntry, Offer, Payload, RunDesk, RunEnd, RunRef } from "./ports.ts";
import { noSuchChange } from "./refusals.ts";
import type { ControlRefusal } from "./types.ts";

type Authorised = Extract<ChangeState, { readonly status: "authorised" | "running" | "applied" | "verified" | "failed" | "undone" | "indeterminate" }>;

const GRANTED: readonly ChangeState["status"][] = ["authorised", "running", "applied", "verified", "failed", "undone", "indeterminate"];

export const isGranted = (state: ChangeState): state is Authorised => GRANTED.includes(state.status);

/** The signed grant, made from the state and the ledger whenever it is asked for: nothing in it is kept elsewhere. */
export async function issueGrant(deps: Deps, state: Authorised, runner: RunnerId): Promise<Result<Envelope, ControlRefusal>> {
  const entry = await authorisationEntry(deps, state);
  const evidence = await evidenceFor(deps, entry);
  if (!evidence.ok) return evidence;
  const body: GrantBody = {
    schema: "pawl/grant/v1",
    deployment: deps.origin,
    grant: state.grant,
    change: state.id,
    revision: state.revision,
    runner,
    steps: state.stepDigests,
    payload: state.payload,
    review: state.review,
    reviewDigest: state.reviewDigest,
    parties: state.parties,
    seats: state.seats,
    votes: state.votes,
    issuedAt: state.authorisedAt,
    expiresAt: state.grantExpiresAt,
    ledger: evidence.value,
  };
  return ok(sealGrant(body, deps.grantSigner));
}

async function evidenceFor(deps: Deps, entry: LedgerEntry): Promise<Result<GrantEvidence, ControlRefusal>> {
  const proof = await inclusionAt(deps, entry.index);
  if (!proof.ok) return proof;
  return ok({ index: entry.index, entry: new TextDecoder().decode(entry.bytes), proof: proof.value.proof, checkpoint: proof.value.checkpoint });
}

const PAGE = 200;

async function authorisationEntry(deps: Deps, state: Authorised): Promise<LedgerEntry> {
  for (let from = 0; from < state.version; from += PAGE) {
    for (const entry of await deps.store.history(changeStream(state.id), from, PAGE)) {
      const read = parseJson(entry.bytes);
      assert(read.ok, `ledger entry ${entry.index} is not JSON`);
      const event = (read.value as { event: { type: string; grant?: string } }).event;
      if (event.type === "authorised" && event.grant === state.grant) return entry;
    }
  }
  throw new Error(`invariant broken: change ${state.id} is authorised but the ledger has no entry of it`);
}

/** The desk at which runners report; what they may say is decided by the lifecycle, not here. */
export function runDesk(deps: Deps): RunDesk {
  const tell = async (ref: RunRef, command: ChangeCommand, payloads: readonly Payload[] = []): Promise<Result<void, ControlRefusal>> => {
    const done = await moveRun(deps, ref.change, () => ok(command), payloads);
    return done.ok ? ok(undefined) : done;
  };
  const who = (ref: RunRef) => ({ run: ref.run, runner: ref.runner });
  return {
    offer: (change, runner) => offer(deps, change, runner),
    async start(change, grant, runner) {
      const run = deps.ids.next("run") as RunId;
      const [directory, bundle] = [await currentDirectory(deps), await currentBundle(deps)];
      const done = await moveRun(deps, change, () => ok({ type: "start", grant, run, runner, directory, bundle: bundle.digest }));
      return done.ok ? ok({ change, run, runner }) : done;
    },
    begin: (ref, step, observed) => tell(ref, { type: "begin_effect", ...who(ref), step, observed }),
    finish(ref, step, facts) {
      const evidence = jsonPayload(facts);
      return tell(ref, { type: "finish_effect", ...who(ref), step, evidence: evidence.digest }, [evidence]);
    },
    beginUndo(ref, step, code, facts) {
      const evidence = jsonPayload(facts);
      return tell(ref, { type: "begin_undo", ...who(ref), step, because: { code, evidence: evidence.digest } }, [evidence]);
    },
    stale: (ref, expected, observed) => tell(ref, { type: "stale", run: ref.run, expected, observed }),
    report(ref, end: RunEnd, code: string, facts: JsonObject) {
      const evidence = jsonPayload(facts);
      return tell(ref, { type: "report", ...who(ref), outcome: end, because: { code, evidence: evidence.digest }, evidence: evidence.digest }, [evidence]);
    },
  };
}

async function moveRun(
  deps: Deps,
  change: ChangeId,
  command: (state: ChangeState) => Result<ChangeCommand, ControlRefusal>,
  payloads: readonly Payload[] = [],
): Promise<Result<Committed, ControlRefusal>> {
  return commitChange(deps, change, async (state) => {
    if (state === undefined) return fail(noSuchChange(change));
    const made = command(state);
    return made.ok ? ok({ commands: [made.value], payloads }) : made;
  });
}

async function offer(deps: Deps, change: ChangeId, runner: RunnerId): Promise<Result<Offer, ControlRefusal>> {
  const state = await loadChange(deps, change);
  if (state === undefined) return fail(noSuchChange(change));
  if (state.status !== "authorised") return fail({ code: "not_now", reason: "not_authorised", message: `change ${change} is ${state.status}, so there is nothing to run` });
  const envelope = await issueGrant(deps, state, runner);
  if (!envelope.ok) return envelope;
  const payloads: Uint8Array[] = [];
  for (const step of state.stepDigests) {
    const payload = await deps.store.payload(step.payload);
    if (payload === undefined || payload === "erased") return fail({ code: "unavailable", reason: "payload_gone", message: `the approved payload of step ${step.id} is gone`, remedy: "plan the change again" });
    payloads.push(payload.bytes);
  }
  return ok({ envelope: envelope.value, payloads });
}

/** A run whose runner is gone: nothing begun is a clean failure, anything else is for a human to reconcile. Never retried. */
export async function abandon(deps: Deps, change: ChangeId, code: string): Promise<Result<Committed, ControlRefusal>> {
  return commitChange(deps, change, async (state) => {
    if (state === undefined) return fail(noSuchChange(change));
    if (state.status !== "running") return ok({ commands: [] });
    return ok({ commands: [{ type: "abandon", run: state.run, because: { code } }] });
  });
}

