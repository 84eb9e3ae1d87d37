/** Whether the lifecycle would have decided what the events say: events that can be added up need not be ones that may happen. */
import { decide, type Because, type ChangeCommand, type ChangeState } from "../change/index.ts";
import { directoryAt } from "./people-checks.ts";
import { bundleInForce } from "./rules-checks.ts";
import type { Story, Told } from "./story.ts";

type Running = Extract<ChangeState, { readonly status: "running" | "applied" }>;

const isRun = (state: ChangeState | undefined): state is Running => state?.status === "running" || state?.status === "applied";

/** Why an event of a run may not have happened when it is said to have; undefined also where that cannot be told. */
export function runRuleFault(story: Story, told: Told): string | undefined {
  const { event, before, index } = told;
  if (event.type === "applied" && isRun(before) && before.done.length < before.stepDigests.length)
    return `entry ${index} says that it was applied, and not every step was done`;
  const command = event.type === "run_started" ? startOf(story, told) : commandOf(told);
  if (command === undefined || before === undefined) return undefined;
  const decided = decide(before, command, event.at);
  return decided.ok ? undefined : `entry ${index}, ${event.type}, could not happen then: ${decided.error.message}`;
}

/** On the people and the policy of that moment, as far as they are here; what freezes is not looked at. */
function startOf(story: Story, { event, index }: Told): ChangeCommand | undefined {
  if (event.type !== "run_started") return undefined;
  const directory = directoryAt(story, index);
  const bundle = bundleInForce(story, index);
  if (typeof directory === "string" || bundle === undefined) return undefined;
  const { grant, run, runner } = event;
  return { type: "start", grant, run, runner, directory, bundle, frozen: [] };
}

function commandOf({ event, before }: Told): ChangeCommand | undefined {
  if (!isRun(before) || !("run" in event)) return undefined;
  // A report names what it rests on, whatever that is.
  const reported = (because: Because) => ({ because, evidence: because.evidence ?? before.payload });
  const who = { run: event.run, runner: before.runner };
  switch (event.type) {
    case "effect_started":
      return { type: "begin_effect", ...who, step: event.step, observed: event.observed };
    case "effect_done":
      return { type: "finish_effect", ...who, step: event.step, evidence: event.evidence };
    case "undo_started":
      return { type: "begin_undo", ...who, step: event.step, because: event.because };
    case "checked":
      return { type: "check", ...who, n: event.n, result: event.result, evidence: event.evidence };
    case "verified":
      return { type: "report", ...who, outcome: event.type, ...reported({ code: event.type, evidence: event.evidence }) };
    case "failed":
    case "undone":
      return { type: "report", ...who, outcome: event.type, ...reported(event.because) };
    default:
      return undefined;
  }
}
