import {
  canonical,
  digestOf,
  fail,
  keyedDigestOf,
  ok,
  type ChangeId,
  type Digest,
  type Json,
  type JsonObject,
  type KeyedDigest,
  type Millis,
  type PrincipalId,
  type Refusal,
  type Result,
} from "../core/base/index.ts";
import type { ChangeCommand } from "../core/change/index.ts";
import { parseProposal, sealSecrets, type Proposal, type ProposalInput, type ProposalStep } from "../core/plan/index.ts";
import { ownerOf, mayActFor, type Directory, type Parties } from "../core/review/index.ts";
import { beginChange, changeWrite, commitChange, decideAll, findChange } from "./commit.ts";
import { rulesInForce } from "./config.ts";
import type { Deps } from "./deps.ts";
import { jsonPayload, salted } from "./payloads.ts";
import type { Payload, StreamWrite } from "./ports.ts";
import { read, viewed } from "./reading.ts";
import { invalid, refused } from "./refusals.ts";
import type { Answer, Caller, ChangeView, ControlRefusal } from "./types.ts";
import { withoutSecrets } from "./words.ts";

/** A proposal is accepted when it is whole and durable; it is planned afterwards, from the outbox. */
export async function propose(deps: Deps, caller: Caller, raw: Json, idempotencyKey?: string): Answer<ChangeView> {
  const keyed =
    idempotencyKey === undefined
      ? undefined
      : { key: `${caller.principal}/${digestOf(idempotencyKey)}`, body: keyedDigestOf(deps.secretKey, canonical(raw)) };
  const earlier = keyed && (await earlierAnswer(deps, keyed));
  if (earlier !== undefined) return earlier;
  const input = parseProposal(raw);
  if (!input.ok) return fail(invalid("the proposal is not valid", input.error));
  const clean = await withoutSecrets(deps, wordsOf(input.value));
  if (!clean.ok) return clean;
  const steps = await admitSteps(deps, input.value);
  if (!steps.ok) return steps;
  const room = await roomFor(deps, caller.principal);
  if (!room.ok) return room;
  const id = deps.ids.next("chg") as ChangeId;
  const claims = keyed === undefined ? [] : [{ kind: "idempotency", key: keyed.key, value: `${keyed.body} ${id}` }];
  const committed = await beginChange(deps, id, async () => {
    const { directory, guards } = await rulesInForce(deps);
    const parties = partiesFor(caller, input.value, directory);
    if (!parties.ok) return parties;
    const superseded = await supersede(deps, caller, id, input.value.supersedes);
    if (!superseded.ok) return superseded;
    // What was edited stays edited: a new change in its place sets none of its makers free.
    const editors = [...new Set([...parties.value.editors, ...superseded.value.editors])];
    const made = { ...parties.value, editors };
    const proposal = sealed(deps, { ...parties.value, author: caller.principal }, input.value, steps.value);
    return ok({
      commands: [proposeCommand(deps, id, proposal.digest, made, input.value)],
      claims,
      payloads: [proposal],
      also: superseded.value.writes,
      guards,
    });
  });
  // Lost a race against the same key: answer as the winner's repetition.
  if (!committed.ok && committed.error.reason === "claim_taken" && keyed !== undefined)
    return (await earlierAnswer(deps, keyed)) ?? committed;
  return viewed(deps, committed);
}

interface Keyed {
  readonly key: string;
  /** Keyed, since the body may hold secrets and this is kept. */
  readonly body: KeyedDigest;
}

async function earlierAnswer(deps: Deps, { key, body }: Keyed): Promise<Result<ChangeView, ControlRefusal> | undefined> {
  const standing = await deps.store.claim("idempotency", key);
  if (standing === undefined) return undefined;
  const [earlierBody, change] = standing.value.split(" ");
  if (earlierBody === body) return read(deps, change ?? "");
  return fail({
    code: "idempotency_mismatch",
    reason: "idempotency_mismatch",
    message: "this Idempotency-Key was used for another request body",
    where: "Idempotency-Key",
    remedy: "use a new key for a new request",
  });
}

/** Whoever had a machine's token made could speak through it, and so cannot sign what it says. */
const handsOf = ({ issuer }: Caller, owner: PrincipalId): readonly PrincipalId[] =>
  issuer === undefined || issuer === owner ? [] : [issuer];

function partiesFor(caller: Caller, input: ProposalInput, directory: Directory): Result<Parties, ControlRefusal> {
  const owner = ownerOf(directory, caller.principal);
  const onBehalfOf = input.onBehalfOf ?? directory.machines.find((m) => m.id === caller.principal)?.actsFor[0] ?? owner;
  if (mayActFor(directory, caller.principal, onBehalfOf))
    return ok({ proposer: caller.principal, onBehalfOf, owner, editors: handsOf(caller, owner) });
  return fail({
    code: "forbidden",
    reason: "not_acting_for",
    message: `${caller.principal} may not act on behalf of ${onBehalfOf}`,
    where: "/on_behalf_of",
    remedy: "leave on_behalf_of out, or have the directory name whom it acts for",
  });
}

/** A connector points into its own input, as `/text` or as `input.patch, line 3`. */
const inside = (where = ""): string => (where === "" || where.startsWith("/") ? where : `/${where.replace(/^input\.?/, "")}`);

/** Raw steps become admitted ones: each connector parses its own input, and all faults are told at once. */
async function admitSteps(deps: Deps, input: ProposalInput): Promise<Result<readonly ProposalStep[], ControlRefusal>> {
  const steps: ProposalStep[] = [];
  const faults: Refusal[] = [];
  for (const [position, step] of input.steps.entries()) {
    const connector = deps.connectors.get(step.connector);
    if (connector === undefined) {
      const remedy = `one of: ${[...deps.connectors.keys()].toSorted().join(", ")}`;
      faults.push({
        code: "unknown_connector",
        message: `there is no connector "${step.connector}"`,
        where: `/steps/${position}/connector`,
        remedy,
      });
      continue;
    }
    // From here on a marked secret is its keyed digest: the value reaches no connector, no store and no message.
    const admitted = await connector.admit(sealSecrets(step.input, deps.secretKey).value);
    if (admitted.ok) steps.push({ ...step, input: admitted.value.input });
    else faults.push(...admitted.error.map((f) => ({ ...f, where: `/steps/${position}/input${inside(f.where)}` })));
  }
  return faults.length > 0 ? fail(invalid("the proposal cannot be accepted as it stands", faults)) : ok(steps);
}

/** Whoever revises a change is the author of what it says from then on: no words are put into its proposer's mouth. */
type Authored = Parties & { readonly author: PrincipalId };

function sealed(deps: Deps, { author, proposer, onBehalfOf }: Authored, input: ProposalInput, steps: readonly ProposalStep[]): Payload {
  const { title, summary, scope, claims, start } = input;
  const proposal: Proposal = salted(deps, {
    title,
    summary,
    author,
    proposer,
    onBehalfOf,
    ...(scope === undefined ? {} : { scope }),
    steps,
    claims,
    start,
  });
  return jsonPayload(proposal);
}

const wordsOf = ({ title, summary, claims }: ProposalInput): Readonly<Record<string, string>> => ({
  "/title": title,
  "/summary": summary,
  ...Object.fromEntries(claims.map((claim, n) => [`/claims/${n}`, claim])),
});

const stepNames = ({ steps }: ProposalInput) => steps.map(({ id, connector }) => ({ id, connector }));

function proposeCommand(deps: Deps, change: ChangeId, proposal: Digest, parties: Parties, input: ProposalInput): ChangeCommand {
  return {
    type: "propose",
    change,
    proposal,
    parties,
    steps: stepNames(input),
    start: input.start,
    expiresAt: expiry(deps, input),
    ...(input.supersedes === undefined ? {} : { supersedes: input.supersedes }),
  };
}

function expiry(deps: Deps, input: ProposalInput): Millis {
  const asked = (input.expiresInSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  return (deps.clock.now() + Math.min(asked, deps.limits.changeLifetimeMillis)) as Millis;
}

interface Superseded {
  readonly writes: readonly StreamWrite[];
  readonly editors: readonly PrincipalId[];
}

/** The superseded change ends in the same transaction in which the new one begins. */
async function supersede(
  deps: Deps,
  caller: Caller,
  by: ChangeId,
  target: ChangeId | undefined,
): Promise<Result<Superseded, ControlRefusal>> {
  if (target === undefined) return ok({ writes: [], editors: [] });
  const found = await findChange(deps, target);
  if (!found.ok) return found;
  const decided = decideAll(found.value.state, [{ type: "supersede", by, proposer: caller.principal }], deps.clock.now());
  return decided.ok
    ? ok({ writes: [changeWrite(decided.value)], editors: found.value.state.parties.editors })
    : fail(refused(decided.error));
}

const OPEN = ["proposed", "planned", "awaiting", "authorised", "running", "applied", "stale", "sent_back"];

/** One noisy agent may not fill the queue: its open changes are bounded. */
async function roomFor(deps: Deps, proposer: PrincipalId): Promise<Result<void, ControlRefusal>> {
  const limit = deps.limits.openChangesPerProposer;
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
  if (open < limit) return ok(undefined);
  return fail({
    code: "not_now",
    reason: "too_many_open",
    message: `${proposer} has ${limit} open changes already`,
    remedy: "withdraw some, or wait until they are decided",
  });
}

export async function revise(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  const input = parseProposal(raw);
  if (!input.ok) return fail(invalid("the revision is not valid", input.error));
  const clean = await withoutSecrets(deps, wordsOf(input.value));
  if (!clean.ok) return clean;
  const steps = await admitSteps(deps, input.value);
  if (!steps.ok) return steps;
  const committed = await commitChange(deps, change, async ({ parties, start }) => {
    const { directory, guards } = await rulesInForce(deps);
    const fixed = fixedMembers(raw as JsonObject, parties, start);
    if (fixed.length > 0) return fail(invalid("a revision cannot change this", fixed));
    // Whoever edits, the change stays its first proposer's: an editor becomes barred, the proposer does not become free.
    const proposal = sealed(deps, { ...parties, author: caller.principal }, { ...input.value, start }, steps.value);
    const { digest } = proposal;
    return ok({
      commands: [
        {
          type: "revise",
          by: caller.principal,
          ...(caller.issuer === undefined ? {} : { issuer: caller.issuer }),
          proposal: digest,
          steps: stepNames(input.value),
          expiresAt: expiry(deps, input.value),
          directory,
        },
      ],
      payloads: [proposal],
      guards,
    });
  });
  return viewed(deps, committed);
}

/** Said again they may stand; said otherwise they are refused rather than overlooked. */
function fixedMembers(raw: JsonObject, parties: Parties, start: Proposal["start"]): readonly Refusal[] {
  const stays = { on_behalf_of: parties.onBehalfOf, start, supersedes: undefined };
  return Object.entries(stays)
    .filter(([name, value]) => raw[name] !== undefined && raw[name] !== value)
    .map(([name]) => ({
      code: "fixed_member",
      message: "is settled when a change is proposed",
      where: `/${name}`,
      remedy: "propose another change",
    }));
}
