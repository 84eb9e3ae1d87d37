import { assert, never } from "../base/index.ts";
import { runningOf } from "./shape.ts";
import type { Because, ChangeEvent, ChangeState, Common, Running } from "./types.ts";

type RunEvent = Extract<
  ChangeEvent,
  {
    readonly type:
      | "effect_started"
      | "effect_done"
      | "undo_started"
      | "applied"
      | "checked"
      | "stop_requested"
      | "verified"
      | "failed"
      | "undone"
      | "indeterminate"
      | "reconciled";
  }
>;

/** What a run did, as it told it; every event names the run that holds the change. */
export function evolveRun(state: ChangeState, common: Common, event: RunEvent): ChangeState {
  const open =
    state.status === "running" || state.status === "applied" || (state.status === "indeterminate" && event.type === "reconciled");
  assert(open && state.run === event.run, `${event.type} of a run that does not hold the change`);
  const run: Common & Running = { ...runningOf(state), ...common };
  switch (event.type) {
    case "effect_started":
      return { ...run, status: "running", begun: [...run.begun, event.step] };
    case "effect_done":
      return { ...run, status: "running", done: [...run.done, event.step] };
    case "undo_started":
      return { ...run, status: state.status === "applied" ? "applied" : "running", undoing: [...run.undoing, event.step] };
    case "applied":
      return { ...run, status: "applied", appliedAt: event.at };
    case "checked":
      assert(state.status === "applied", "only what was applied is looked at");
      return { ...run, status: "applied", checked: { n: event.n, result: event.result, at: event.at } };
    case "stop_requested":
      return { ...run, status: state.status === "applied" ? "applied" : "running", stopped: event.by };
    case "verified":
      return { ...run, status: "verified", evidence: event.evidence };
    case "failed":
    case "undone":
    case "indeterminate":
      return { ...run, status: event.type, because: event.because };
    case "reconciled":
      return reconciled(run, event);
    default:
      return never(event, "event of a run");
  }
}

function reconciled(run: Common & Running, event: Extract<RunEvent, { readonly type: "reconciled" }>): ChangeState {
  if (event.as === "verified") return { ...run, status: "verified", evidence: event.evidence };
  const because: Because = { code: "reconciled", evidence: event.evidence };
  return { ...run, status: event.as, because };
}
