import type { PlanView } from "../../control/types.ts";

/** Until core/plan renders text, the presentation as indented JSON. */
export function planText({ presentation }: PlanView, _form: { readonly width: number; readonly color: boolean }): string {
  return `${JSON.stringify(presentation, undefined, 2)}\n`;
}
