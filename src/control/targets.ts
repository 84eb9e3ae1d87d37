/** Which runs hold what, in the store: a start takes what its change touches, in one append with it, and its end gives it back. */
import {
  fail,
  keyedDigestOf,
  ok,
  type ChangeId,
  type Digest,
  type Json,
  type KeyedDigest,
  type Result,
  type RunId,
} from "../core/base/index.ts";
import { decide, type ChangeCommand, type ChangeState } from "../core/change/index.ts";
import type { Plan } from "../core/plan/index.ts";
import {
  holderAmong,
  NOTHING_HELD,
  released,
  taken,
  targetAfter,
  touchesOf,
  type Held,
  type TargetEvent,
  type TargetState,
  type Touch,
} from "../core/target/index.ts";
import type { Intended, Known } from "./commit.ts";
import type { Deps } from "./deps.ts";
import { readJson } from "./payloads.ts";
import type { Guard, StoredStream, StreamWrite } from "./ports.ts";
import { quarantined } from "./refusals.ts";
import type { ControlRefusal } from "./types.ts";

const targetStream = (target: KeyedDigest): string => `target/${target}`;

/** One target system as a run would take it: names as digests under the deployment's key, alike on every node. */
interface Wanted {
  readonly target: KeyedDigest;
  readonly resources: Held;
}

const wantedOf = ({ secretKey }: Deps, touches: readonly Touch[]): readonly Wanted[] =>
  touches.map(({ system, resources }) => ({
    target: keyedDigestOf(secretKey, `target ${system}`),
    resources: resources === "all" ? resources : resources.map((resource) => keyedDigestOf(secretKey, `resource ${resource}`)).toSorted(),
  }));

const known = new WeakMap<Deps, Map<Digest, readonly Touch[]>>();
const MOST_KNOWN = 2_000;

/** What the plan of this digest touches; nothing can be said of one that was erased. */
export async function touchesOfPlan(deps: Deps, plan: Digest): Promise<readonly Touch[] | undefined> {
  const all = known.get(deps) ?? new Map<Digest, readonly Touch[]>();
  known.set(deps, all);
  const earlier = all.get(plan);
  if (earlier !== undefined) return earlier;
  const document = await readJson<Plan>(deps, plan);
  if (document === undefined) return undefined;
  const touches = touchesOf(document);
  if (all.size >= MOST_KNOWN) all.clear();
  all.set(plan, touches);
  return touches;
}

async function loadTarget(deps: Deps, target: KeyedDigest): Promise<Result<StoredStream | undefined, ControlRefusal>> {
  const row = await deps.store.load(targetStream(target));
  return row?.quarantined === undefined ? ok(row) : fail(quarantined(row.stream, row.quarantined));
}

const stateOf = (row: StoredStream | undefined): TargetState => (row === undefined ? NOTHING_HELD : (row.body as unknown as TargetState));

function targetWrite(target: KeyedDigest, row: StoredStream | undefined, event: TargetEvent): StreamWrite {
  const state = targetAfter(stateOf(row), event);
  return {
    stream: targetStream(target),
    expected: row?.version ?? 0,
    events: [event as unknown as Json],
    state: {
      body: state as unknown as Json,
      status: state.held.length === 0 ? "free" : "held",
      proposer: "",
      createdAt: row?.createdAt ?? event.at,
      updatedAt: event.at,
    },
  };
}

/** What a start takes, to be written with it. */
interface Taking {
  readonly targets: readonly KeyedDigest[];
  readonly writes: readonly StreamWrite[];
}

type Authorised = Extract<ChangeState, { readonly status: "authorised" }>;
type Start = Extract<ChangeCommand, { readonly type: "start" }>;

/** A start together with what it takes. What it is refused for by itself is told first. */
export async function starting(
  deps: Deps,
  state: ChangeState,
  start: Start,
  guards: readonly Guard[],
): Promise<Result<Intended, ControlRefusal>> {
  const alone = { commands: [start], guards };
  if (state.status !== "authorised" || !decide(state, start, deps.clock.now()).ok) return ok(alone);
  const taking = await take(deps, state, start.run);
  if (!taking.ok) return taking;
  const { targets, writes } = taking.value;
  return ok({ ...alone, commands: [{ ...start, targets }], also: writes });
}

/** Everything that the change touches, or nothing: who is before it is named. */
async function take(deps: Deps, { id, object }: Authorised, run: RunId): Promise<Result<Taking, ControlRefusal>> {
  const touches = await touchesOfPlan(deps, object.plan);
  if (touches === undefined) return fail(planErased(id));
  const at = deps.clock.now();
  const writes: StreamWrite[] = [];
  const wanted = wantedOf(deps, touches);
  for (const { target, resources } of wanted) {
    const row = await loadTarget(deps, target);
    if (!row.ok) return row;
    const holder = holderAmong(stateOf(row.value), resources);
    if (holder !== undefined) return fail(busy(id, holder.change));
    writes.push(targetWrite(target, row.value, taken({ change: id, run, resources }, at)));
  }
  return ok({ targets: wanted.map(({ target }) => target), writes });
}

/** A change whose run has not ended, and the stream that says so. */
interface Busy {
  readonly change: ChangeId;
  readonly stream: string;
  readonly version: number;
}

/** Who is on something that this change touches. */
export async function holderOf(deps: Deps, state: Authorised): Promise<Busy | undefined> {
  const touches = await touchesOfPlan(deps, state.object.plan);
  for (const { target, resources } of wantedOf(deps, touches ?? [])) {
    const row = await loadTarget(deps, target);
    if (!row.ok || row.value === undefined) continue;
    const holder = holderAmong(stateOf(row.value), resources);
    if (holder !== undefined) return { change: holder.change, stream: row.value.stream, version: row.value.version };
  }
  return undefined;
}

const planErased = (change: ChangeId): ControlRefusal => ({
  code: "not_now",
  reason: "plan_gone",
  message: `the plan of change ${change} was erased, so that nobody can tell what it touches`,
  where: change,
  remedy: "plan the change again",
});

const busy = (change: ChangeId, holder: ChangeId): ControlRefusal => ({
  code: "not_now",
  reason: "resource_busy",
  message: `change ${holder} has started on what change ${change} touches, and its run has not ended`,
  where: holder,
  details: { holder },
  remedy: `wait until it has; if nobody knows what became of it, a person looks and says so: pawl reconcile ${holder}`,
});

/** What a run holds until it has ended for certain: an indeterminate one keeps it until somebody says what became of it. */
const HOLDING: readonly ChangeState["status"][] = ["running", "applied", "indeterminate"];

/** What a run gives back, if it ends with this decision. */
export async function givenBack(
  deps: Deps,
  before: ChangeState | undefined,
  { state, updatedAt: at }: Known,
): Promise<readonly StreamWrite[]> {
  if (before === undefined || !("run" in before) || !HOLDING.includes(before.status) || HOLDING.includes(state.status)) return [];
  const writes: StreamWrite[] = [];
  for (const target of before.targets ?? []) {
    const row = await loadTarget(deps, target);
    // It stays held, and an operator is told: that a run has ended is not lost for it.
    if (!row.ok) {
      deps.report({ what: `giving back what ${before.id} held`, error: row.error });
      continue;
    }
    const event = released(stateOf(row.value), { change: before.id, run: before.run }, at);
    if (event !== undefined) writes.push(targetWrite(target, row.value, event));
  }
  return writes;
}
