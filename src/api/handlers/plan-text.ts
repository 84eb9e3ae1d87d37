import { renderText } from "../../core/presentation/index.ts";
import type { PlanView } from "../../control/types.ts";

/** The plan as a terminal shows it; what is true only as of now is put where the renderer says so. */
export function planText(
  { change, presentation, trace, context }: PlanView,
  form: { readonly width: number; readonly color: boolean },
): string {
  const volatile = Object.entries(context).flatMap(([step, facts]) =>
    Object.entries(facts).map(([name, text]) => ({ label: `${step} ${name}`, text })),
  );
  const facts = [
    { label: "status", text: change.status },
    { label: "revision", text: String(change.revision) },
    { label: "expires", text: new Date(change.expires_at).toISOString() },
    ...(change.holds ?? []).map((text) => ({ label: "held by", text })),
    { label: "next", text: change.next },
    ...volatile,
  ];
  const votes = (change.seats ?? []).flatMap(({ id, signed_by }) =>
    signed_by.map(({ name, channel }) => ({ seat: id, text: `${name}, by ${channel}`, approves: true })),
  );
  return renderText(presentation, { ...form, context: { facts, votes, trace } });
}
