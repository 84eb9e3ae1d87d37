import type { Finding, PlanStep } from "./types.ts";

/**
 * Steps that may stand in each other's way: a step whose state an earlier one changes meets another than was approved, and then the
 * earlier ones are undone. Each later step is told of once, with the first that it meets.
 */
export function meetingFindings(steps: readonly PlanStep[]): readonly Finding[] {
  const touched = new Map<string, string>();
  const rested = new Map<string, string>();
  return steps.flatMap(({ id, connector, stateDigest, effects }): readonly Finding[] => {
    const shared = effects.find(({ resource }) => touched.has(resource));
    const state = `${connector} ${stateDigest}`;
    const before = (shared && touched.get(shared.resource)) ?? (effects.length > 0 ? rested.get(state) : undefined);
    for (const { resource } of effects) if (!touched.has(resource)) touched.set(resource, id);
    if (effects.length > 0 && !rested.has(state)) rested.set(state, id);
    return before === undefined ? [] : [meeting(id, before, shared?.resource)];
  });
}

function meeting(step: string, before: string, resource: string | undefined): Finding {
  const what = resource === undefined ? "rests on the state that" : "touches what";
  return {
    code: "steps.meet",
    severity: "warning",
    message: `${step} ${what} ${before} changes: should it meet another state than was approved, ${before} is undone`,
    ...(resource === undefined ? {} : { resource }),
    remedy: "make one step of them, or a change of each",
    provenance: "derived",
  };
}
