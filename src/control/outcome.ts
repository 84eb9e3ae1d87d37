import { fail, ok } from "../core/base/index.ts";
import { stepOutcomes, type StepDigests } from "../core/change/index.ts";
import { refusedMachine } from "./audit.ts";
import { findChange } from "./commit.ts";
import type { Deps } from "./deps.ts";
import type { Answer, Caller, OutcomeView } from "./types.ts";

/** What a person looks at who is to say what became of a run: what is on record, and what the connectors see now. Nothing is changed. */
export async function outcome(deps: Deps, caller: Caller, change: string): Answer<OutcomeView> {
  const machine = await refusedMachine(deps, caller, "outcome", "judging a run", change);
  if (machine !== undefined) return fail(machine);
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  const { state } = found.value;
  if (state.status !== "indeterminate") {
    const message = `change ${state.id} is ${state.status}, so there is nothing to find out`;
    return fail({ code: "not_now", reason: "not_indeterminate", message, where: state.id, remedy: "`pawl show` tells how it stands" });
  }
  const outcomes = stepOutcomes(state);
  const steps: OutcomeView["steps"][number][] = [];
  for (const [n, step] of state.stepDigests.entries()) {
    const { id, connector, state: approved } = step;
    const known = outcomes[n] ?? "unknown";
    const seen = state.begun.includes(id) ? await look(deps, step) : {};
    steps.push({ id, connector, outcome: known, approved, ...seen });
  }
  const { id, run, because, checked } = state;
  return ok({ change: id, run, because: because.code, steps, ...(checked === undefined ? {} : { checked }) });
}

async function look(deps: Deps, step: StepDigests): Promise<Pick<OutcomeView["steps"][number], "seen" | "fault">> {
  const connector = deps.connectors.get(step.connector);
  if (connector === undefined) return unseen("unknown_connector", `there is no connector "${step.connector}" here`);
  const payload = await deps.store.payload(step.payload);
  if (payload === undefined || payload === "erased") return unseen("payload_gone", "what was executed was erased");
  const observed = await connector.observe(payload.bytes, { timeoutMillis: deps.limits.planTimeoutMillis });
  if (!observed.ok) return unseen(observed.error.code, observed.error.message);
  const { stateDigest, context } = observed.value;
  return { seen: { state: stateDigest, as_approved: stateDigest === step.state, context } };
}

const unseen = (code: string, message: string) => ({ fault: { code, message: message.slice(0, 1_000).toWellFormed() } });
