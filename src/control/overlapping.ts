/** What open changes that touch the same know of each other, and what becomes of the others when one of them was executed. */
import { byText, ok, type ChangeId, type Digest, type Result } from "../core/base/index.ts";
import type { ChangeState } from "../core/change/index.ts";
import { touchesOf, type Touch } from "../core/target/index.ts";
import type { Plan } from "../core/plan/index.ts";
import { commitChange, findChange, type Known } from "./commit.ts";
import type { Deps } from "./deps.ts";
import type { OutboxItem } from "./ports.ts";
import { touching } from "./touching.ts";
import { touchesOfPlan } from "./targets.ts";
import type { ConflictView, ControlRefusal } from "./types.ts";

const MOST_CONFLICTS = 20;
const MOST_NAMES = 5;

/** Volatile: told beside the plan and no part of it, or two open plans would void each other's votes. */
export async function conflictsOf(deps: Deps, change: ChangeId, plan: Plan): Promise<readonly ConflictView[]> {
  const others = (await touching(deps, touchesOf(plan))).filter((each) => each.change !== change);
  return others
    .toSorted((a, b) => byText(a.change, b.change))
    .slice(0, MOST_CONFLICTS)
    .map(({ change: id, status, proposer, shared }) => ({ change: id, status, proposer, ...named(shared) }));
}

function named(shared: readonly Touch[]): Pick<ConflictView, "resources" | "more"> {
  const names = shared.flatMap(({ system, resources }) => (resources === "all" ? [`all of ${system}`] : resources));
  const more = names.length - MOST_NAMES;
  return { resources: names.slice(0, MOST_NAMES), ...(more > 0 ? { more } : {}) };
}

/** One look for each change under review that touches what was changed, so that one that cannot be read holds up no other. */
export async function looksAfter(deps: Deps, item: OutboxItem, change: ChangeId): Promise<Result<readonly OutboxItem[], ControlRefusal>> {
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  const { state } = found.value;
  const touches = "object" in state ? await touchesOfPlan(deps, state.object.plan) : undefined;
  const others = touches === undefined ? [] : await touching(deps, touches);
  return ok(
    others
      .filter((each) => each.change !== change && (each.status === "awaiting" || each.status === "authorised"))
      .map((each) => ({
        key: `${item.key}/${each.change}`,
        kind: "observe",
        body: { change: each.change, proposer: each.proposer },
        dueAt: deps.clock.now(),
      })),
  );
}

interface Moved {
  readonly expected: Digest;
  readonly observed: Digest;
}

type UnderReview = Extract<ChangeState, { readonly status: "awaiting" | "authorised" }>;
const underReview = (state: ChangeState): state is UnderReview => state.status === "awaiting" || state.status === "authorised";

/** Reads again what a change under review rests on; one that rests on something else is stale. What cannot be read tells nothing. */
export async function observeAgain(deps: Deps, change: ChangeId): Promise<Result<Known | "unread", ControlRefusal>> {
  const found = await findChange(deps, change);
  if (!found.ok || !underReview(found.value.state)) return found;
  const { object } = found.value.state;
  const moved = await movedSince(deps, found.value.state);
  if (moved === "unread") return ok(moved);
  // Planned again meanwhile, it rests on what was seen then.
  const stands = (state: ChangeState): boolean =>
    underReview(state) && state.object.plan === object.plan && state.object.state === object.state;
  return commitChange(deps, change, async (state) =>
    ok({ commands: moved !== undefined && stands(state) ? [{ type: "stale", ...moved }] : [] }),
  );
}

async function movedSince(deps: Deps, { stepDigests }: UnderReview): Promise<Moved | "unread" | undefined> {
  for (const step of stepDigests) {
    const connector = deps.connectors.get(step.connector);
    const payload = await deps.store.payload(step.payload);
    if (connector === undefined || payload === undefined || payload === "erased") return undefined;
    const seen = await connector.observe(payload.bytes, { timeoutMillis: deps.limits.planTimeoutMillis });
    if (!seen.ok) return "unread";
    if (seen.value.stateDigest !== step.state) return { expected: step.state, observed: seen.value.stateDigest };
  }
  return undefined;
}
