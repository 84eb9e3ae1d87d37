import { canonical, digestOf, fail, ok, type ChangeId, type Json, type PrincipalId, type Refusal, type Result } from "../core/base/index.ts";
import type { ChangeCommand } from "../core/change/index.ts";
import { parseProposal, type Proposal, type ProposalInput, type ProposalStep } from "../core/plan/index.ts";
import { ownerOf, mayActFor, type Directory, type Parties } from "../core/review/index.ts";
import { commitChange, decideAll, changeWrite, loadChange, type Intended } from "./commit.ts";
import { currentDirectory } from "./config.ts";
import type { Deps } from "./deps.ts";
import { jsonPayload } from "./payloads.ts";
import type { Payload } from "./ports.ts";
import { viewChange } from "./reading.ts";
import { invalid, noSuchChange, refused } from "./refusals.ts";
import type { Answer, Caller, ChangeView, ControlRefusal } from "./types.ts";

/** A proposal is accepted when it is whole and durable; it is planned afterwards, from the outbox. */
export async function propose(deps: Deps, caller: Caller, raw: Json, idempotencyKey?: string): Answer<ChangeView> {
  const body = digestOf(canonical(raw));
  if (idempotencyKey !== undefined) {
    const earlier = await earlierAnswer(deps, caller, idempotencyKey, body);
    if (earlier !== undefined) return earlier;
  }
  const input = parseProposal(raw);
  if (!input.ok) return fail(invalid("the proposal is not valid", input.error));
  const directory = await currentDirectory(deps);
  const parties = partiesFor(caller, input.value, directory);
  if (!parties.ok) return parties;
  const accepted = await accept(deps, input.value, parties.value);
  if (!accepted.ok) return accepted;
  const room = await roomFor(deps, caller.principal);
  if (!room.ok) return room;
  const id = deps.ids.next("chg") as ChangeId;
  const claims = idempotencyKey === undefined ? [] : [{ kind: "idempotency", key: idempotencyClaim(caller, idempotencyKey), value: `${body} ${id}` }];
  const committed = await commitChange(deps, id, async () => {
    const superseding = await supersede(deps, caller, id, input.value.supersedes);
    if (!superseding.ok) return superseding;
    return ok<Intended>({ commands: [proposeCommand(deps, id, accepted.value, input.value)], claims, payloads: [accepted.value.proposal], also: superseding.value });
  });
  if (!committed.ok && committed.error.reason === "claim_taken" && idempotencyKey !== undefined) {
    // Lost a race against the same key: answer as the winner's repetition.
    return (await earlierAnswer(deps, caller, idempotencyKey, body)) ?? committed;
  }
  return committed.ok ? ok(await viewChange(deps, committed.value.state, directory)) : committed;
}

const idempotencyClaim = (caller: Caller, key: string): string => `${caller.principal}/${digestOf(key)}`;

async function earlierAnswer(deps: Deps, caller: Caller, key: string, body: string): Promise<Result<ChangeView, ControlRefusal> | undefined> {
  const standing = await deps.store.claim("idempotency", idempotencyClaim(caller, key));
  if (standing === undefined) return undefined;
  const [earlierBody, change] = standing.value.split(" ");
  if (earlierBody !== body) {
    return fail({ code: "idempotency_mismatch", reason: "idempotency_mismatch", message: "this Idempotency-Key was used for another request body", where: "Idempotency-Key", remedy: "use a new key for a new request" });
  }
  const state = await loadChange(deps, change ?? "");
  return state === undefined ? fail(noSuchChange(change ?? "")) : ok(await viewChange(deps, state, await currentDirectory(deps)));
}

interface Accepted {
  readonly proposal: Payload;
  readonly parties: Parties;
  readonly steps: readonly { readonly id: string; readonly connector: string }[];
}

function partiesFor(caller: Caller, input: ProposalInput, directory: Directory): Result<Parties, ControlRefusal> {
  const owner = ownerOf(directory, caller.principal);
  const onBehalfOf = input.onBehalfOf ?? directory.machines.find((m) => m.id === caller.principal)?.actsFor[0] ?? owner;
  if (mayActFor(directory, caller.principal, onBehalfOf)) return ok({ proposer: caller.principal, onBehalfOf, owner, editors: [] });
  return fail({
    code: "forbidden",
    reason: "not_acting_for",
    message: `${caller.principal} may not act on behalf of ${onBehalfOf}`,
    where: "/on_behalf_of",
    remedy: "leave on_behalf_of out, or have the directory name whom it acts for",
  });
}

/** Raw steps become admitted ones: each connector parses its own input, and all faults are told at once. */
async function accept(deps: Deps, input: ProposalInput, parties: Parties): Promise<Result<Accepted, ControlRefusal>> {
  const steps: ProposalStep[] = [];
  const faults: Refusal[] = [];
  for (const [position, step] of input.steps.entries()) {
    const connector = deps.connectors.get(step.connector);
    if (connector === undefined) {
      faults.push({ code: "unknown_connector", message: `there is no connector "${step.connector}"`, where: `/steps/${position}/connector`, remedy: `one of: ${[...deps.connectors.keys()].sort().join(", ")}` });
      continue;
    }
    const admitted = await connector.admit(step.input);
    if (admitted.ok) steps.push({ ...step, input: admitted.value.input });
    else faults.push(...admitted.error.map((f) => ({ ...f, where: `/steps/${position}/input${f.where ?? ""}` })));
  }
  if (faults.length > 0) return fail(invalid("the proposal cannot be accepted as it stands", faults));
  const proposal = jsonPayload(sealed(deps, parties, input, steps));
  return ok({ proposal, parties, steps: steps.map(({ id, connector }) => ({ id, connector })) });
}

function sealed(deps: Deps, { proposer, onBehalfOf }: Parties, input: ProposalInput, steps: readonly ProposalStep[]): Proposal {
  return {
    title: input.title,
    summary: input.summary,
    proposer,
    onBehalfOf,
    ...(input.scope === undefined ? {} : { scope: input.scope }),
    steps,
    claims: input.claims,
    start: input.start,
    salt: Buffer.from(deps.ids.random(16)).toString("hex"),
  };
}

function proposeCommand(deps: Deps, change: ChangeId, accepted: Accepted, input: ProposalInput): ChangeCommand {
  return {
    type: "propose",
    change,
    proposal: accepted.proposal.digest,
    parties: accepted.parties,
    steps: accepted.steps,
    start: input.start,
    expiresAt: expiry(deps, input),
    ...(input.supersedes === undefined ? {} : { supersedes: input.supersedes }),
  };
}

function expiry(deps: Deps, input: ProposalInput): ReturnType<Deps["clock"]["now"]> {
  const asked = (input.expiresInSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  return (deps.clock.now() + Math.min(asked, deps.limits.changeLifetimeMillis)) as ReturnType<Deps["clock"]["now"]>;
}

/** The superseded change ends in the same transaction in which the new one begins. */
async function supersede(deps: Deps, caller: Caller, by: ChangeId, target: ChangeId | undefined): Promise<Result<ReturnType<typeof changeWrite>[], ControlRefusal>> {
  if (target === undefined) return ok([]);
  const state = await loadChange(deps, target);
  if (state === undefined) return fail(noSuchChange(target));
  const decided = decideAll(state, [{ type: "supersede", by, proposer: caller.principal }], deps.clock.now());
  return decided.ok ? ok([changeWrite(target, state, decided.value)]) : fail(refused(decided.error));
}

const OPEN = ["proposed", "planned", "awaiting", "authorised", "running", "stale", "sent_back"];

/** One noisy agent may not fill the queue: its open changes are bounded. */
async function roomFor(deps: Deps, proposer: PrincipalId): Promise<Result<void, ControlRefusal>> {
  const limit = deps.limits.openChangesPerProposer;
  const { rows } = await deps.store.list({ prefix: "change/", statuses: OPEN, proposer, limit: limit + 1 });
  if (rows.length <= limit) return ok(undefined);
  return fail({ code: "not_now", reason: "too_many_open", message: `${proposer} has ${limit} open changes already`, remedy: "withdraw some, or wait until they are decided" });
}

export async function revise(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  const input = parseProposal(raw);
  if (!input.ok) return fail(invalid("the revision is not valid", input.error));
  const directory = await currentDirectory(deps);
  const committed = await commitChange(deps, change as ChangeId, async (state) => {
    if (state === undefined) return fail(noSuchChange(change));
    // Whoever edits, the change stays its first proposer's: an editor becomes barred, the proposer does not become free.
    const accepted = await accept(deps, input.value, state.parties);
    if (!accepted.ok) return accepted;
    return ok<Intended>({
      commands: [{ type: "revise", by: caller.principal, proposal: accepted.value.proposal.digest, steps: accepted.value.steps, expiresAt: expiry(deps, input.value), directory }],
      payloads: [accepted.value.proposal],
    });
  });
  return committed.ok ? ok(await viewChange(deps, committed.value.state, directory)) : committed;
}
