import { fail, ok, type Digest, type GrantId, type Json, type Millis, type PersonId, type Result } from "../core/base/index.ts";
import { isFinal, type ChangeState, type GlassVerdict } from "../core/change/index.ts";
import type { Plan } from "../core/plan/index.ts";
import { glassRoute, type Glass as Emergency } from "../core/policy/index.ts";
import { present } from "../core/presentation/index.ts";
import { eligible, resolvePerson, type Directory } from "../core/review/index.ts";
import { refusedMachine } from "./audit.ts";
import { commitChange, type Intended } from "./commit.ts";
import type { Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { glassAfter, type GlassEvent, type GlassState, type OpenGlass } from "./glass-state.ts";
import { frozenFor } from "./holding.ts";
import { erased, jsonPayload, readJson, wordsPayload } from "./payloads.ts";
import { evaluatePlan, newGrant } from "./planning.ts";
import type { Payload, StreamWrite } from "./ports.ts";
import { fields } from "./raw.ts";
import { read, viewed } from "./reading.ts";
import { rulesFor } from "./standing.ts";
import type { Answer, Caller, ChangeView, ControlRefusal, GlassListView } from "./types.ts";
import { withoutSecrets } from "./words.ts";

/** Which broken glass waits for a review, of all changes: one row, because whoever breaks it answers for all that they broke. */
const STREAM = "glass";
/** More than anybody has looked at is no emergency any more. */
const MOST_OPEN = 100;

interface Index {
  readonly version: number;
  readonly createdAt: Millis;
  readonly state: GlassState;
}

async function openGlass(deps: Deps): Promise<Index> {
  const row = await deps.store.load(STREAM);
  if (row === undefined) return { version: 0, createdAt: deps.clock.now(), state: { open: [] } };
  return { version: row.version, createdAt: row.createdAt, state: row.body as unknown as GlassState };
}

function indexed({ clock }: Deps, { version, createdAt, state: before }: Index, event: GlassEvent): StreamWrite {
  const body = glassAfter([event], before) as unknown as Json;
  const state = { body, status: "open", proposer: "", createdAt, updatedAt: clock.now() };
  return { stream: STREAM, expected: version, events: [event as unknown as Json], state };
}

/** Whether breaking it counts is decided by the lifecycle, on the change, the policy and the people of the moment it is written. */
export async function breakGlass(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  const machine = await refusedMachine(deps, caller, "break_glass", "breaking the glass", change);
  if (machine !== undefined) return fail(machine);
  const asked = fields(raw, { reason: "text", review_digest: "digest" });
  if (!asked.ok) return asked;
  const clean = await withoutSecrets(deps, { "/reason": asked.value["reason"] });
  if (!clean.ok) return clean;
  const reason = wordsPayload(deps, asked.value["reason"] ?? "");
  const committed = await commitChange(deps, change, async (state) => {
    const rules = await rulesFor(deps, state, caller.identity);
    return emergency(deps, { caller, state, rules, reason, reviewDigest: asked.value["review_digest"] as Digest });
  });
  if (committed.ok) deps.report({ what: `the glass was broken for change ${change}`, error: caller.principal });
  return viewed(deps, committed);
}

interface Breaking {
  readonly caller: Caller;
  readonly state: ChangeState;
  readonly rules: Rules;
  readonly reason: Payload;
  readonly reviewDigest: Digest;
}

async function emergency(deps: Deps, breaking: Breaking): Promise<Result<Intended, ControlRefusal>> {
  const { caller, state, rules, reason, reviewDigest } = breaking;
  const { bundle, directory, guards } = rules;
  if (state.status !== "awaiting" && state.status !== "authorised") return fail(notWaiting(state));
  if (bundle.glass === undefined) return fail(noRoute());
  const glass = bundle.glass;
  if (state.review.bundle !== bundle.digest) return fail(policyMoved(state));
  const made = await routeAt(deps, rules, glass, state);
  if (!made.ok) return made;
  const index = await openGlass(deps);
  const now = deps.clock.now();
  const offer = newGrant(deps);
  const dueAt = (now + glass.second.withinMillis) as Millis;
  const by = caller.principal.slice("human:".length) as PersonId;
  const open: OpenGlass = { change: state.id, grant: offer.grant, by, name: glass.name, at: now, due_at: dueAt };
  if (index.state.open.length >= MOST_OPEN) return fail(tooMany());
  return ok({
    commands: [
      {
        type: "break_glass",
        voter: caller.principal,
        identity: caller.identity,
        reviewDigest,
        review: { ...state.review, ...made.value.digests },
        name: glass.name,
        seat: glass.seat,
        second: glass.second.who,
        dueAt,
        reason: reason.digest,
        channel: caller.channel,
        strength: "session",
        frozen: frozenFor(deps, bundle, state),
        overdue: index.state.open.filter(({ due_at: due }) => due <= now).map((each) => each.by),
        directory,
        ...offer,
      },
    ],
    payloads: [reason, ...made.value.payloads],
    also: [indexed(deps, index, { type: "glass_opened", ...open })],
    guards,
  });
}

/** The emergency route of a change, as it is signed: over the same plan and the same state. */
async function routeAt(
  deps: Deps,
  { bundle }: Rules,
  glass: Emergency,
  state: Extract<ChangeState, { readonly status: "awaiting" | "authorised" }>,
): Promise<
  Result<
    { readonly digests: { readonly route: Digest; readonly presentation: Digest }; readonly payloads: readonly Payload[] },
    ControlRefusal
  >
> {
  const plan = await readJson<Plan>(deps, state.review.plan);
  if (plan === undefined) return erased(`the plan of change ${state.id}`);
  const route = glassRoute(glass, evaluatePlan(bundle, plan, state, deps.clock.now()).route);
  if (!route.ok) return fail({ ...route.error, code: "forbidden", reason: route.error.code });
  const sealed = jsonPayload(route.value);
  const { plan: planned, state: seen } = state.review;
  const presentation = jsonPayload(present(plan, route.value, { plan: planned, state: seen, route: sealed.digest }));
  return ok({ digests: { route: sealed.digest, presentation: presentation.digest }, payloads: [sealed, presentation] });
}

const noRoute = (): ControlRefusal => ({
  code: "forbidden",
  reason: "glass_forbidden",
  message: "the policy in force has no emergency route",
  remedy: "a policy names one as break_glass; until then the seats decide",
});

const notWaiting = ({ id, status }: ChangeState): ControlRefusal => ({
  code: "not_now",
  reason: isFinal(status) ? "ended" : "wrong_status",
  message: `change ${id} is ${status}: there is nothing that an emergency could take away`,
  where: id,
  remedy: "what is blocked or sent back must be mended; `pawl show` tells how it stands",
});

const policyMoved = ({ id }: ChangeState): ControlRefusal => ({
  code: "review_moved",
  reason: "policy_moved",
  message: "another policy came into force since this was planned",
  remedy: `it is being planned again; look at it once more, or say so yourself: pawl replan ${id}`,
});

const tooMany = (): ControlRefusal => ({
  code: "not_now",
  reason: "glass_overdue",
  message: `${MOST_OPEN} broken glasses wait for a review`,
  remedy: "have them reviewed: pawl list --glass",
});

/** Somebody else says afterwards whether it was right. */
export async function reviewGlass(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  const machine = await refusedMachine(deps, caller, "review_glass", "reviewing broken glass", change);
  if (machine !== undefined) return fail(machine);
  const asked = fields(raw, { verdict: ["approve", "object"], evidence: "text" });
  if (!asked.ok) return asked;
  const clean = await withoutSecrets(deps, { "/evidence": asked.value["evidence"] });
  if (!clean.ok) return clean;
  const comment = wordsPayload(deps, asked.value["evidence"] ?? "");
  const verdict = asked.value["verdict"] as GlassVerdict;
  const committed = await commitChange(deps, change, async (state) => {
    const { directory, guards } = await rulesFor(deps, state, caller.identity);
    const index = await openGlass(deps);
    const grants = reviewable(state, caller, directory);
    const at = deps.clock.now();
    const by = caller.principal;
    return ok({
      commands: [{ type: "review_glass", by, identity: caller.identity, verdict, comment: comment.digest, directory }],
      payloads: [comment],
      also: grants.length === 0 ? [] : [indexed(deps, index, { type: "glass_closed", at, change: state.id, grants })],
      guards,
    });
  });
  return viewed(deps, committed);
}

/** Those that whoever asks may review; if there are none, the lifecycle says why. */
function reviewable({ glass = [] }: ChangeState, { principal }: Caller, directory: Directory): readonly GrantId[] {
  const person = resolvePerson(directory, principal);
  const mine = glass.filter(
    ({ review, by, second }) => review === undefined && by !== person?.id && person && eligible({ who: second }, person, directory),
  );
  return mine.map(({ grant }) => grant);
}

/** All that waits for a review, the oldest first. */
export async function listGlass(deps: Deps): Answer<GlassListView> {
  const { open } = (await openGlass(deps)).state;
  const views = await Promise.all(
    open.map(async ({ change, grant }) => {
      const view = await read(deps, change);
      const found = view.ok ? view.value.glass?.find((each) => each.grant === grant) : undefined;
      return view.ok && found ? [{ ...found, change, title: view.value.title }] : [];
    }),
  );
  return ok({ glass: views.flat() });
}

/** How many wait, and how many of them for too long. */
export async function glassNow(deps: Deps): Promise<{ readonly open: number; readonly overdue: number }> {
  const { open } = (await openGlass(deps)).state;
  const now = deps.clock.now();
  return { open: open.length, overdue: open.filter(({ due_at: due }) => due <= now).length };
}
