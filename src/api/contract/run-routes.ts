/** Routes about a run: to brake it, and to find out and say what became of it. */
import { Type } from "typebox";
import type { OutcomeView } from "../../control/types.ts";
import { choice, closed, digest, maybe, ref, shape, text } from "./parts.ts";
import { reconcileBody } from "./requests.ts";
import type { CallerKind, RouteContract } from "./table.ts";
import { change, checked, STEP_OUTCOMES } from "./views.ts";

const PEOPLE: readonly CallerKind[] = ["human"];

const step = Type.Object(
  {
    id: text(),
    connector: text(),
    outcome: choice(STEP_OUTCOMES),
    approved: digest("The state that it was approved on."),
    seen: maybe(
      Type.Object(
        { state: digest(), as_approved: Type.Boolean(), context: Type.Record(Type.String(), Type.String()) },
        { ...closed, description: "What its connector sees now. As approved: as if it had never happened, or had been undone." },
      ),
    ),
    fault: maybe(Type.Object({ code: text(), message: text() }, { ...closed, description: "Why its connector sees nothing." })),
  },
  closed,
);

export const outcome = shape<OutcomeView>()(
  Type.Object(
    { change: text(), run: text(), because: text("Why nobody knows."), steps: Type.Array(step), checked: maybe(checked) },
    { $id: "Outcome", ...closed },
  ),
);

export const runRoutes = {
  stop: {
    method: "POST",
    path: "/v1/changes/:id/stop",
    tag: "review",
    summary: "Have a run begin nothing more and undo what it did",
    callers: PEOPLE,
    trace: { kind: "writes", entries: ["stop_requested"] },
    lane: "reserved",
    answer: ref(change),
  },
  readOutcome: {
    method: "GET",
    path: "/v1/changes/:id/outcome",
    tag: "review",
    summary: "See what a run of unknown end began, and what its connectors see now",
    callers: PEOPLE,
    trace: { kind: "reads" },
    answer: ref(outcome),
  },
  reconcile: {
    method: "POST",
    path: "/v1/changes/:id/reconcile",
    tag: "review",
    summary: "Say how a run of unknown end did end",
    callers: PEOPLE,
    trace: { kind: "writes", entries: ["reconciled"] },
    body: reconcileBody,
    answer: ref(change),
  },
} as const satisfies Record<string, RouteContract>;
