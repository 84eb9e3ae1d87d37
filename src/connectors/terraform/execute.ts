import { join } from "node:path";
import type { PerformFault, Performed, RunLimits, VerifyFault } from "../../control/ports.ts";
import { canonical, fail, ok, refuse } from "../../core/base/index.ts";
import type { Digest, JsonObject, KeyedDigest, Refusal, Result } from "../../core/base/index.ts";
import { applyFile, untouched } from "./apply.ts";
import type { Applied } from "./apply.ts";
import { systemOf } from "./declare.ts";
import { remember } from "./folders.ts";
import { knownFrom, look, rememberRestored } from "./observe.ts";
import { stateDigestOf } from "./payload.ts";
import { appliedPath } from "./planning.ts";
import { inSession, makePlan, plansOf, pullState, showPlan } from "./session.ts";
import type { Session, Setup } from "./session.ts";
import { sameState } from "./state.ts";
import type { StoredState } from "./state.ts";
import type { Recipe, TerraformPayload, TerraformWorkspace } from "./types.ts";
import { settle } from "./whereabouts.ts";

export interface Execution {
  readonly setup: Setup;
  readonly workspace: TerraformWorkspace;
  readonly payload: TerraformPayload;
  readonly bytes: Uint8Array;
  readonly signal: AbortSignal;
  readonly progress: RunLimits["progress"];
}

type Write<T> = Result<T, PerformFault>;

/** A session whose work says for itself whether something happened; what keeps it from opening touched nothing. */
async function writing<T>(
  { setup, workspace, signal }: Execution,
  recipe: Recipe,
  work: (session: Session) => Promise<Write<T>>,
): Promise<Write<T>> {
  let answer: Write<T> | undefined;
  const opened = await inSession(setup, workspace, { start: knownFrom(recipe), mode: "write" }, signal, async (session) => {
    answer = await work(session);
    return ok(undefined);
  });
  if (answer !== undefined) return answer;
  return opened.ok ? untouched({ code: "terraform_failed", message: "nothing was done" }) : untouched(opened.error);
}

/** Applies the kept plan file and nothing else, on the state that it was made for. */
export async function applyPayload(execution: Execution, expected: Digest): Promise<Write<Performed>> {
  const { setup, workspace, payload, progress } = execution;
  const approved = stateDigestOf(systemOf(workspace), payload.state);
  if (expected !== approved) return stale(workspace, expected, approved, payload.state.serial);
  const done = await writing<Applied>(execution, payload.recipe, async (session) => {
    const state = await pullState(setup, session);
    if (!state.ok) return untouched(state.error);
    if (!sameState(state.value, payload.state)) {
      const observed = stateDigestOf(systemOf(workspace), { ...state.value, seen: payload.state.seen });
      return stale(workspace, expected, observed, state.value.serial);
    }
    const taken = await takeApproved(execution, session);
    if (!taken.ok) return untouched(taken.error);
    const applied = await applyFile(setup, session, state.value, progress);
    if (applied.ok) await settle(setup.options, workspace, applied.value.after.lineage, session.whereabouts);
    return applied;
  });
  return done.ok ? ok({ facts: { ...done.value.facts, state: stateFacts(done.value.after) } }) : done;
}

function stale(workspace: TerraformWorkspace, expected: Digest, observed: Digest, serial: number): Write<never> {
  return untouched({
    code: "stale_state",
    message: `the state of ${systemOf(workspace)} is not as it was when this was approved`,
    remedy: "plan the change again on the state as it is now",
    details: { expected, observed, serial },
  });
}

/** A copy of our own of what was approved: judged by its digest, and by what it says. */
async function takeApproved({ setup, payload }: Execution, session: Session): Promise<Result<void>> {
  const file = join(session.root, "approved");
  const taken = await plansOf(setup, session.workspace).take(payload.plan, file);
  if (!taken.ok) return taken;
  const shown = await showPlan(setup, session, file);
  if (!shown.ok) return shown;
  return shown.value.digest === payload.plan_json
    ? ok(undefined)
    : refuse("terraform_plan_differs", "the kept plan does not say what was approved", { remedy: "plan the change again" });
}

const stateFacts = ({ lineage, serial, content }: Pick<StoredState, "lineage" | "serial" | "content">): JsonObject => ({
  lineage,
  serial,
  content,
});

/** What keeps a look from being made, and says nothing of what would be seen. */
const PASSING: ReadonlySet<string> = new Set([
  "terraform_timeout",
  "terraform_locked",
  "terraform_source_unreadable",
  "terraform_modules_differ",
]);

/** Nothing is left to do: the same configuration, planned again, changes nothing, and no check fails. */
export async function verifyPayload(execution: Execution): Promise<Result<Performed, VerifyFault>> {
  const { setup, workspace, payload } = execution;
  const checked = await settled(execution, payload.recipe, "verify");
  if (!checked.ok) return fail({ ...checked.error, ...(PASSING.has(checked.error.code) && { inconclusive: true as const }) });
  const { configuration, variables, targets, destroy } = payload.recipe;
  if (targets.length === 0)
    await remember(appliedPath(setup, workspace), {
      configuration: { ...configuration },
      variables: { ...variables },
      targets: [],
      destroy,
    });
  return ok({ facts: checked.value });
}

async function settled(execution: Execution, recipe: Recipe, what: "verify" | "undo"): Promise<Result<JsonObject>> {
  const { setup, workspace, signal } = execution;
  const looked = await inSession(setup, workspace, { start: knownFrom(recipe), mode: "read" }, signal, (session) =>
    look(setup, session, recipe),
  );
  if (!looked.ok) return looked;
  const { analysis } = looked.value.planned;
  const left = analysis.touched.map(({ doing, address }) => `${doing} ${address}`);
  if (!analysis.nothingToDo)
    return refuse(`${what}_not_settled`, `a plan after it still has something to do: ${left.slice(0, 5).join(", ") || "outputs change"}`, {
      remedy: "find out what changed it meanwhile",
      details: { left: left.slice(0, 100), count: left.length },
    });
  if (what === "verify" && analysis.failingChecks.length > 0)
    return refuse("verify_check_failed", `checks of the configuration fail: ${analysis.failingChecks.slice(0, 5).join(", ")}`, {
      remedy: "read what the checks say; the change is taken back",
      details: { checks: analysis.failingChecks.slice(0, 100) },
    });
  const { lineage, serial, content } = looked.value.state;
  return ok({ follow_up: "empty", lineage, serial, content });
}

/** Plans the configuration from before, looks that this reaches no further than what was done, and applies it. */
export async function undoPayload(execution: Execution, performed: Performed): Promise<Write<Performed>> {
  const { setup, workspace, payload, bytes, signal, progress } = execution;
  const { previous } = payload;
  if (previous === undefined)
    return untouched({ code: "undo_impossible", message: "no configuration is known that leads back", remedy: "propose one by hand" });
  const ours = performed.facts["state"];
  const reverse = await planReverse(execution, previous, ours === undefined ? "" : canonical(ours));
  if (!reverse.ok) return untouched(reverse.error);
  const done = await writing<Applied>(execution, previous, async (session) => {
    const state = await pullState(setup, session);
    if (!state.ok) return untouched(state.error);
    if (ours === undefined || canonical(stateFacts(state.value)) !== canonical(ours)) return untouched(MOVED);
    const taken = await plansOf(setup, workspace).take(reverse.value, join(session.root, "approved"));
    return taken.ok ? applyFile(setup, session, state.value, progress) : untouched(taken.error);
  });
  await plansOf(setup, workspace).drop(reverse.value);
  if (!done.ok) return done;
  const checked = await settled(execution, previous, "undo");
  if (!checked.ok) return fail({ ...checked.error, effect: "possible" });
  const seen = await inSession(setup, workspace, { start: knownFrom(payload.recipe), mode: "read" }, signal, (session) =>
    look(setup, session, payload.recipe),
  );
  if (seen.ok) await rememberRestored(setup, bytes, seen.value.state);
  return ok({ facts: { ...done.value.facts, state: stateFacts(done.value.after), reversed: true } });
}

const MOVED: Refusal = {
  code: "undo_moved",
  message: "the state moved on after the apply, so taking it back would take back more",
  remedy: "take it back by a change of its own, on the state as it is now",
};

/** With the variables to plan with only. The approved plan says how far the reverse may reach. */
async function planReverse(execution: Execution, previous: Recipe, ours: string): Promise<Result<KeyedDigest>> {
  const { setup, workspace, payload, signal } = execution;
  return inSession(setup, workspace, { start: knownFrom(previous), mode: "read" }, signal, async (session) => {
    const state = await pullState(setup, session);
    if (!state.ok) return state;
    if (canonical(stateFacts(state.value)) !== ours) return fail(MOVED);
    const approved = join(session.root, "approved");
    const taken = await plansOf(setup, session.workspace).take(payload.plan, approved);
    if (!taken.ok) return taken;
    const forward = await showPlan(setup, session, approved);
    if (!forward.ok) return forward;
    const made = await makePlan(setup, session, previous);
    if (!made.ok) return made;
    const touched = new Set(forward.value.touched.map(({ address }) => address));
    const further = made.value.analysis.touched.filter(({ address }) => !touched.has(address));
    if (further.length > 0)
      return refuse(
        "undo_reaches_further",
        `the plan in reverse would also ${further[0]?.doing ?? "change"} ${further[0]?.address ?? ""}`,
        {
          remedy: "take it back by a change of its own",
        },
      );
    const identity = canonical({ reverse: payload.plan, state: stateFacts(state.value) });
    return plansOf(setup, session.workspace).keep(made.value.file, identity, setup.options.clock.now());
  });
}
