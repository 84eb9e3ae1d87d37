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
import type { ChangeCommand, ChangeState } from "../core/change/index.ts";
import { momentsOf, parseProposal, sealSecrets, type Proposal, type ProposalInput } from "../core/plan/index.ts";
import { ownerOf, mayActFor, type Directory, type Parties } from "../core/review/index.ts";
import { accept, glance, withPlan, type Patience, type Written } from "./at-once.ts";
import { beginChange, changeWrite, commitChange, decideAll, findChange, type Intended } from "./commit.ts";
import { onRules, rulesInForce, type Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { jsonPayload, salted } from "./payloads.ts";
import type { AdmittedStep, Looked } from "./planning.ts";
import type { StreamWrite } from "./ports.ts";
import { read, viewed } from "./reading.ts";
import { invalid, refused } from "./refusals.ts";
import { isActive } from "./people.ts";
import { roomFor } from "./room.ts";
import { revokedAmong, unauthenticated } from "./tokens.ts";
import type { Answer, Caller, ChangeView, ControlRefusal } from "./types.ts";
import { withoutSecrets } from "./words.ts";

/**
 * A proposal is accepted when it is whole and durable. When its connectors answer within the caller's patience it is decided in the
 * same append; otherwise it is planned afterwards, from the outbox.
 */
export async function propose(
  deps: Deps,
  caller: Caller,
  raw: Json,
  idempotencyKey: string | undefined,
  patience: Patience,
): Answer<ChangeView> {
  const keyed =
    idempotencyKey === undefined
      ? undefined
      : { key: `${caller.principal}/${digestOf(idempotencyKey)}`, body: keyedDigestOf(deps.secretKey, canonical(raw)) };
  const earlier = keyed && (await earlierAnswer(deps, keyed));
  if (earlier !== undefined) return earlier;
  const asked = await readProposal(deps, raw, "the proposal is not valid");
  if (!asked.ok) return asked;
  const room = await roomFor(deps, caller.principal);
  if (!room.ok) return room;
  const begun = begin(deps, { caller, asked: asked.value, ...(keyed && { keyed }) }, patience);
  const committed = await begun.finally(room.value);
  // Lost a race against the same key: answer as the winner's repetition.
  if (!committed.ok && committed.error.reason === "claim_taken" && keyed !== undefined)
    return (await earlierAnswer(deps, keyed)) ?? committed;
  return viewed(deps, committed);
}

async function begin(deps: Deps, proposed: Pick<Beginning, "caller" | "asked" | "keyed">, patience: Patience): Written {
  const id = deps.ids.next("chg") as ChangeId;
  // Connectors are not asked for what will be refused.
  const may = await onRules(deps, 0, (rules) => made(deps, rules, { ...proposed, id }));
  if (!may.ok) return may;
  const seen = await glance(deps, proposed.caller.principal, proposed.asked.steps, patience);
  return accept(deps, id, seen, (looked) =>
    beginChange(deps, id, (tried) =>
      onRules(deps, tried, async (rules) =>
        asStanding(deps, proposed.caller, await beginning(deps, rules, { ...proposed, id, ...(looked && { looked }) })),
      ),
    ),
  );
}

interface Beginning {
  readonly caller: Caller;
  readonly id: ChangeId;
  readonly asked: Asked;
  readonly keyed?: Keyed;
  readonly looked?: Looked;
}

async function beginning(
  deps: Deps,
  rules: Rules,
  { caller, id, asked, keyed, looked }: Beginning,
): Promise<Result<Intended, ControlRefusal>> {
  const maker = await made(deps, rules, { caller, id, asked });
  if (!maker.ok) return maker;
  const { parties, writes } = maker.value;
  const proposal = sealed(deps, { ...parties, author: caller.principal }, asked);
  const { digest } = proposal.payload;
  const first: Intended = {
    commands: [proposeCommand(deps, id, digest, parties, asked.input)],
    claims: keyed === undefined ? [] : [{ kind: "idempotency", key: keyed.key, value: `${keyed.body} ${id}` }],
    payloads: [proposal.payload],
    also: writes,
    guards: rules.guards,
    directory: rules.directory,
  };
  const subject = { id, revision: 1, proposal: digest, parties };
  return ok(looked === undefined ? first : withPlan(deps, first, subject, proposal.document, looked, rules));
}

interface Maker extends Omit<Superseded, "editors"> {
  readonly parties: Parties;
}

/** Whose the change is, if they may propose it. */
async function made(
  deps: Deps,
  { directory }: Rules,
  { caller, id, asked: { input } }: Pick<Beginning, "caller" | "id" | "asked">,
): Promise<Result<Maker, ControlRefusal>> {
  const parties = partiesFor(caller, input, directory);
  if (!parties.ok) return parties;
  const superseded = await supersede(deps, caller, id, input.supersedes);
  if (!superseded.ok) return superseded;
  // What was edited stays edited: a new change in its place sets none of its makers free.
  const editors = [...new Set([...parties.value.editors, ...superseded.value.editors])];
  return ok({ parties: { ...parties.value, editors }, writes: superseded.value.writes });
}

/** Whoever waited for connectors may have lost their place or their token meanwhile: it is theirs if they stand when it is written. */
async function asStanding(
  deps: Deps,
  caller: Caller,
  intended: Result<Intended, ControlRefusal>,
): Promise<Result<Intended, ControlRefusal>> {
  if (!intended.ok) return intended;
  const { directory, guards = [] } = intended.value;
  const token = await revokedAmong(deps, [caller.identity]);
  const stands = token.revoked.length === 0 && directory !== undefined && isActive(directory, caller.principal);
  return stands ? ok({ ...intended.value, guards: [...guards, ...token.guards] }) : unauthenticated();
}

/** A proposal from outside, read and admitted. */
interface Asked {
  readonly input: ProposalInput;
  readonly steps: readonly AdmittedStep[];
}

async function readProposal(deps: Deps, raw: Json, refusal: string): Promise<Result<Asked, ControlRefusal>> {
  const input = parseProposal(raw);
  if (!input.ok) return fail(invalid(refusal, input.error));
  const clean = await withoutSecrets(deps, wordsOf(input.value));
  if (!clean.ok) return clean;
  const steps = await admitSteps(deps, input.value);
  return steps.ok ? ok({ input: input.value, steps: steps.value }) : steps;
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
async function admitSteps(deps: Deps, input: ProposalInput): Promise<Result<readonly AdmittedStep[], ControlRefusal>> {
  const steps: AdmittedStep[] = [];
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
    if (admitted.ok) steps.push({ step: { ...step, input: admitted.value.input }, names: admitted.value.names });
    else faults.push(...admitted.error.map((f) => ({ ...f, where: `/steps/${position}/input${inside(f.where)}` })));
  }
  const away = faults.find(({ code }) => code === "runner_absent");
  if (away !== undefined) return fail({ ...away, code: "unavailable", reason: away.code });
  return faults.length > 0 ? fail(invalid("the proposal cannot be accepted as it stands", faults)) : ok(steps);
}

/** Whoever revises a change is the author of what it says from then on: no words are put into its proposer's mouth. */
type Authored = Parties & { readonly author: PrincipalId };

function sealed(deps: Deps, { author, proposer, onBehalfOf }: Authored, { input, steps }: Asked) {
  const { title, summary, scope, claims, start, schedule, watch } = input;
  const document: Proposal = salted(deps, {
    title,
    summary,
    author,
    proposer,
    onBehalfOf,
    ...(scope === undefined ? {} : { scope }),
    steps: steps.map(({ step }) => step),
    claims,
    start,
    ...(schedule === undefined ? {} : { schedule }),
    ...(watch === undefined ? {} : { watch }),
  });
  return { document, payload: jsonPayload(document) };
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
    ...timesOf(deps, input),
    ...(input.supersedes === undefined ? {} : { supersedes: input.supersedes }),
  };
}

/** What may not start after a moment has expired then: nothing that is due runs late. */
function timesOf(deps: Deps, input: ProposalInput): { readonly expiresAt: Millis; readonly notBefore?: Millis } {
  const asked = (input.expiresInSeconds ?? Number.POSITIVE_INFINITY) * 1000;
  const { notBefore, notAfter = Number.POSITIVE_INFINITY } = momentsOf(input.schedule);
  const expiresAt = Math.min(deps.clock.now() + Math.min(asked, deps.limits.changeLifetimeMillis), notAfter) as Millis;
  return { expiresAt, ...(notBefore === undefined ? {} : { notBefore }) };
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

export async function revise(deps: Deps, caller: Caller, change: string, raw: Json, patience: Patience): Answer<ChangeView> {
  const asked = await readProposal(deps, raw, "the revision is not valid");
  if (!asked.ok) return asked;
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  // Connectors are not asked for what will be refused.
  const may = await revision(deps, found.value.state, { caller, raw, asked: asked.value });
  if (!may.ok) return may;
  const allowed = decideAll(found.value.state, may.value.commands, deps.clock.now());
  if (!allowed.ok) return fail(refused(allowed.error));
  const seen = await glance(deps, caller.principal, asked.value.steps, patience);
  const committed = await accept(deps, change as ChangeId, seen, (looked) =>
    commitChange(deps, change, async (state) =>
      asStanding(deps, caller, await revision(deps, state, { caller, raw, asked: asked.value, ...(looked && { looked }) })),
    ),
  );
  return viewed(deps, committed);
}

type Revision = Omit<Beginning, "id" | "keyed"> & { readonly raw: Json };

async function revision(
  deps: Deps,
  state: ChangeState,
  { caller, raw, asked, looked }: Revision,
): Promise<Result<Intended, ControlRefusal>> {
  const { parties, start } = state;
  const rules = await rulesInForce(deps);
  const fixed = fixedMembers(raw as JsonObject, parties, start);
  if (fixed.length > 0) return fail(invalid("a revision cannot change this", fixed));
  // Whoever edits, the change stays its first proposer's: an editor becomes barred, the proposer does not become free.
  const input = { ...asked.input, start };
  const { document, payload } = sealed(deps, { ...parties, author: caller.principal }, { ...asked, input });
  const command: ChangeCommand = {
    type: "revise",
    by: caller.principal,
    ...(caller.issuer === undefined ? {} : { issuer: caller.issuer }),
    proposal: payload.digest,
    steps: stepNames(input),
    ...timesOf(deps, input),
    directory: rules.directory,
  };
  const first: Intended = { commands: [command], payloads: [payload], guards: rules.guards, directory: rules.directory };
  const revised = looked && decideAll(state, [command], deps.clock.now());
  if (looked === undefined || revised?.ok !== true || revised.value.state === undefined) return ok(first);
  return ok(withPlan(deps, first, revised.value.state, document, looked, rules));
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
