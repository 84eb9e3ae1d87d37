import {
  assert,
  fail,
  ok,
  type ChangeId,
  type JsonObject,
  type Refusal,
  type Result,
  type RunId,
  type RunnerId,
} from "../core/base/index.ts";
import { decide, runFault, type ChangeCommand, type ChangeEvent, type ChangeState } from "../core/change/index.ts";
import { sealGrant, sealUndoGrant, type Envelope, type GrantBody, type GrantEvidence } from "../core/grant/index.ts";
import { admitReviewer, isParty } from "../core/review/index.ts";
import { auditWrite } from "./audit.ts";
import { changeStream, commitChange, findChange, runItem, type Known } from "./commit.ts";
import type { Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { frozenFor } from "./holding.ts";
import { inclusionAt } from "./ledger.ts";
import { jsonPayload, salted } from "./payloads.ts";
import type { Guard, LedgerEntry, Offer, Payload, RunDesk, RunEnd, RunRef } from "./ports.ts";
import { read } from "./reading.ts";
import { refused } from "./refusals.ts";
import { rulesFor } from "./standing.ts";
import { onDeclarations } from "./declared.ts";
import { starting } from "./targets.ts";
import type { Answer, Caller, ChangeView, ControlRefusal } from "./types.ts";

type Granted = Extract<ChangeState, { readonly grant: unknown }>;

/** The signed grant of an authorised or started change; before the start it names the runner of this node. */
export async function readGrant(deps: Deps, change: string, runner: RunnerId): Answer<Envelope> {
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  const { state } = found.value;
  if (!("grant" in state)) return fail(notAuthorised(state, "there is no grant"));
  return issueGrant(deps, state, "run" in state ? state.runner : runner);
}

function notAuthorised({ id, status }: ChangeState, so: string): ControlRefusal {
  return {
    code: "not_now",
    reason: "not_authorised",
    message: `change ${id} is ${status}, so ${so}`,
    where: id,
    remedy: "`pawl show` tells what it waits for",
  };
}

/** Made from the state and the ledger whenever it is asked for: nothing in it is kept elsewhere. */
async function issueGrant(deps: Deps, state: Granted, runner: RunnerId): Promise<Result<Envelope, ControlRefusal>> {
  const evidence = await evidenceFor(deps, state);
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
    ...(state.watch === undefined ? {} : { watch: state.watch }),
    review: state.review,
    reviewDigest: state.reviewDigest,
    parties: state.parties,
    seats: state.seats,
    votes: state.votes,
    issuedAt: state.authorisedAt,
    expiresAt: state.grantExpiresAt,
    ...(state.notBefore === undefined ? {} : { notBefore: state.notBefore }),
    ledger: evidence.value,
  };
  return ok(sealGrant(body, deps.grantSigner));
}

/** Proof that the authorisation stands in the ledger. */
async function evidenceFor(deps: Deps, { id, grant, authorisedVersion }: Granted): Promise<Result<GrantEvidence, ControlRefusal>> {
  const [entry] = await deps.store.history(changeStream(id), authorisedVersion - 1, 1);
  const event = entry && eventOf(entry);
  assert(
    entry !== undefined && event?.type === "authorised" && event.grant === grant,
    `the ledger has no entry of the grant of change ${id}`,
  );
  return proofOf(deps, entry);
}

/** The event that an entry of a change holds; the store has checked its bytes. */
const eventOf = ({ bytes }: LedgerEntry): ChangeEvent =>
  (JSON.parse(new TextDecoder().decode(bytes)) as { readonly event: ChangeEvent }).event;

async function proofOf(deps: Deps, { index, bytes }: LedgerEntry): Promise<Result<GrantEvidence, ControlRefusal>> {
  const proof = await inclusionAt(deps, index);
  if (!proof.ok) return proof;
  const { proof: nodes, checkpoint } = proof.value;
  return ok({ index, entry: new TextDecoder().decode(bytes), proof: nodes, checkpoint });
}

/** Once an undo has begun, little else is written of its change. */
const UNDO_EVENTS = 256;

/** Permission to undo one step, for the runner whose undo the ledger has as begun. */
async function issueUndoGrant(deps: Deps, state: ChangeState, step: string): Promise<Result<Envelope, ControlRefusal>> {
  assert("run" in state, `change ${state.id} is undone by its run`);
  const { id, version, run, runner, grant, stepDigests } = state;
  const entries = await deps.store.history(changeStream(id), Math.max(0, version - UNDO_EVENTS), UNDO_EVENTS);
  const begun = entries.flatMap((entry) => {
    const event = eventOf(entry);
    return event.type === "undo_started" && event.run === run && event.step === step ? [{ entry, event }] : [];
  })[0];
  const done = stepDigests.find((each) => each.id === step);
  assert(begun !== undefined && done !== undefined, `the undo of step ${step} of change ${id} has no entry`);
  const ledger = await proofOf(deps, begun.entry);
  if (!ledger.ok) return ledger;
  const { because, at: issuedAt } = begun.event;
  const body = { deployment: deps.origin, grant, change: id, run, runner, step: done, because, issuedAt, ledger: ledger.value };
  return ok(sealUndoGrant({ schema: "pawl/undo-grant/v1", ...body }, deps.grantSigner));
}

/**
 * Whoever made the change starts it, or whoever may sit in one of its seats. The start itself is the runner's, from the outbox:
 * asked for twice, or by hand and by itself at once, it is one start.
 */
export async function requestRun(deps: Deps, caller: Caller, change: string, runner: RunnerId): Answer<ChangeView> {
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  const { state } = found.value;
  if (state.status !== "authorised") return fail(notAuthorised(state, "it cannot start"));
  const rules = await rulesFor(deps, state);
  const fault = mayNotStart(state, caller, rules) ?? startFault(deps, state, rules, runner);
  if (fault !== undefined) return fail(fault);
  const { principal, identity } = caller;
  const now = deps.clock.now();
  const written = await deps.store.append({
    writes: [auditWrite(deps, { type: "run_requested", change: state.id, grant: state.grant, by: principal, identity })],
    claims: [{ kind: "run_request", key: state.grant, value: principal }],
    outbox: [runItem(state, now)],
  });
  return written.ok || written.error.code === "claim_taken" ? read(deps, change) : fail(refused(written.error));
}

function mayNotStart(
  state: Extract<ChangeState, { status: "authorised" }>,
  caller: Caller,
  { directory }: Rules,
): ControlRefusal | undefined {
  const { parties, seats } = state;
  if (isParty(parties, caller.principal)) return undefined;
  const reviewer = admitReviewer({ voter: caller.principal, identity: caller.identity }, { seats, parties, directory });
  if (reviewer.ok) return undefined;
  return {
    code: "forbidden",
    reason: "not_a_party",
    message: `${caller.principal} neither made this change nor may sit in one of its seats`,
    where: caller.principal,
    remedy: "ask its proposer, or one of its reviewers",
  };
}

/** What the start would be refused for now is told now. */
function startFault(
  deps: Deps,
  state: Extract<ChangeState, { status: "authorised" }>,
  rules: Rules,
  runner: RunnerId,
): ControlRefusal | undefined {
  const { bundle, directory } = rules;
  const start = {
    type: "start",
    grant: state.grant,
    run: "run_asked" as RunId,
    runner,
    directory,
    bundle: bundle.digest,
    frozen: frozenFor(deps, bundle, state),
  } as const;
  const decided = decide(state, start, deps.clock.now());
  return decided.ok ? undefined : refused(decided.error);
}

/** A runner is told the lifecycle's own code; that the desk is away is the one thing it does something about. */
const atDesk = ({ code, reason, ...rest }: ControlRefusal): Refusal => ({ ...rest, code: code === "unavailable" ? code : reason });

/** A runner that was not answered says again what may be on record already: then it stands as it was said first. */
function wasTold(state: ChangeState, { run, runner }: RunRef, command: ChangeCommand): boolean {
  if (!("run" in state) || state.run !== run || state.runner !== runner) return false;
  if (command.type === "finish_effect") return state.done.includes(command.step);
  // Whoever was given up meanwhile begins nothing, although its intent is on record.
  const holds = state.status === "running" || state.status === "applied";
  if (command.type === "begin_effect")
    return holds && state.undoing.length === 0 && state.begun.length > state.done.length && state.begun.at(-1) === command.step;
  if (command.type === "check") return holds && state.checked?.n === command.n;
  if (command.type === "begin_undo") return holds && state.undoing.at(-1) === command.step;
  // `failed` and `indeterminate` may be others' words, who gave the run up.
  return command.type === "report" && state.status === command.outcome && (state.status === "verified" || state.status === "undone");
}

/** The desk at which runners report; what they may say is decided by the lifecycle, not here. `standing`: what must still be so of who reports. */
export function runDesk(deps: Deps, standing: readonly Guard[] = []): RunDesk {
  const commit = (ref: RunRef, command: ChangeCommand, payloads: readonly Payload[] = []) =>
    commitChange(deps, ref.change, async (state) =>
      ok(wasTold(state, ref, command) ? { commands: [] } : { commands: [command], payloads, guards: standing }),
    );
  const tell = async (ref: RunRef, command: ChangeCommand, payloads: readonly Payload[] = []): Promise<Result<void>> => {
    const done = await commit(ref, command, payloads);
    return done.ok ? ok(undefined) : fail(atDesk(done.error));
  };
  // Salted, like all that somebody could guess from its digest in the ledger.
  const evidenceOf = (facts: JsonObject): Payload => jsonPayload(salted(deps, facts));
  const who = (ref: RunRef) => ({ run: ref.run, runner: ref.runner });
  return {
    async offer(change, runner) {
      const made = await offer(deps, change, runner);
      return made.ok ? made : fail(atDesk(made.error));
    },
    async start(change, grant, runner) {
      const run = deps.ids.next("run") as RunId;
      const done = await commitChange(deps, change, async (state) => {
        const { bundle, directory, guards } = await rulesFor(deps, state);
        const frozen = frozenFor(deps, bundle, state);
        const declarations = await onDeclarations(deps, state);
        if (!declarations.ok) return declarations;
        const all = [...guards, ...declarations.value, ...standing];
        return starting(deps, state, { type: "start", grant, run, runner, directory, bundle: bundle.digest, frozen }, all);
      });
      return done.ok ? ok({ change, run, runner }) : fail(atDesk(done.error));
    },
    begin(ref, step, observed, facts) {
      const seen = facts === undefined ? undefined : evidenceOf(facts);
      const evidence = seen === undefined ? {} : { evidence: seen.digest };
      return tell(ref, { type: "begin_effect", ...who(ref), step, observed, ...evidence }, seen === undefined ? [] : [seen]);
    },
    finish(ref, step, facts) {
      const evidence = evidenceOf(facts);
      return tell(ref, { type: "finish_effect", ...who(ref), step, evidence: evidence.digest }, [evidence]);
    },
    check(ref, n, result, facts) {
      const evidence = evidenceOf(facts);
      return tell(ref, { type: "check", ...who(ref), n, result, evidence: evidence.digest }, [evidence]);
    },
    async standing({ change, run, runner }) {
      const found = await findChange(deps, change);
      if (!found.ok) return fail(atDesk(found.error));
      const fault = runFault(found.value.state, { run, runner });
      return fault === undefined ? ok(undefined) : fail(fault);
    },
    async beginUndo(ref, step, code, facts) {
      const evidence = evidenceOf(facts);
      const because = { code, evidence: evidence.digest };
      const done = await commit(ref, { type: "begin_undo", ...who(ref), step, because }, [evidence]);
      const grant = done.ok ? await issueUndoGrant(deps, done.value.state, step) : done;
      return grant.ok ? grant : fail(atDesk(grant.error));
    },
    stale: (ref, expected, observed) => tell(ref, { type: "stale", run: ref.run, expected, observed }),
    report(ref, end: RunEnd, code: string, facts: JsonObject) {
      const evidence = evidenceOf(facts);
      const because = { code, evidence: evidence.digest };
      return tell(ref, { type: "report", ...who(ref), outcome: end, because, evidence: evidence.digest }, [evidence]);
    },
  };
}

async function offer(deps: Deps, change: ChangeId, runner: RunnerId): Promise<Result<Offer, ControlRefusal>> {
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  const { state } = found.value;
  if (state.status !== "authorised") return fail(notAuthorised(state, "there is nothing to run"));
  const envelope = await issueGrant(deps, state, runner);
  if (!envelope.ok) return envelope;
  const payloads: Uint8Array[] = [];
  for (const step of state.stepDigests) {
    const payload = await deps.store.payload(step.payload);
    if (payload === undefined || payload === "erased") {
      const message = `the approved payload of step ${step.id} is gone`;
      return fail({ code: "not_now", reason: "payload_gone", message, remedy: "plan the change again" });
    }
    payloads.push(payload.bytes);
  }
  return ok({ envelope: envelope.value, payloads });
}

/** A run whose runner is gone: nothing begun is a clean failure, anything else is for a human to reconcile. Never retried. */
export async function abandon(deps: Deps, change: string, run: RunId, code: string): Promise<Result<Known, ControlRefusal>> {
  return commitChange(deps, change, async (state) => {
    const holds = (state.status === "running" || state.status === "applied") && state.run === run;
    return ok({ commands: holds ? [{ type: "abandon", run, because: { code } }] : [] });
  });
}

/** What this runner had under way when its process ended: it will not come back to report. Others' runs are theirs. */
export async function abandonRunsOf(deps: Deps, runner: RunnerId, code = "runner_restarted"): Promise<void> {
  let cursor: string | undefined;
  do {
    const page = await deps.store.list({
      prefix: "change/",
      statuses: ["running", "applied"],
      limit: 200,
      ...(cursor === undefined ? {} : { cursor }),
    });
    for (const row of page.rows) {
      const state = row.body as { readonly runner?: RunnerId; readonly run?: RunId } | null;
      if (state?.runner !== runner || state.run === undefined) continue;
      // One change that cannot be moved does not keep the others, or the start, from going on.
      const done = await abandon(deps, row.stream.slice("change/".length), state.run, code).catch((error: unknown) => fail(error));
      if (!done.ok) deps.report({ what: `giving up the run of ${row.stream}`, error: done.error });
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
}
