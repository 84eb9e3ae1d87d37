import { assert } from "../base/index.ts";
import { profileOver } from "./cel/profile.ts";
import type { Expression } from "./cel/profile.ts";
import { FACTS, STEP_FACT } from "./facts.ts";
import type { Facts } from "./facts.ts";
import type { Instruction, Outcome } from "./types.ts";

/** Conditions over the documented facts. */
export const FACTS_PROFILE = profileOver(FACTS.fields);
/** The same, and the step that a rule is judged for. */
export const STEP_PROFILE = profileOver({ ...FACTS.fields, ...STEP_FACT });

/** A rule as it is evaluated: a bundle's own, or one of the floor. */
export interface Judged {
  readonly id: string;
  readonly outcome: Outcome;
  readonly reason: string;
  readonly condition: Expression;
}

export interface FloorRule extends Judged {
  readonly instructions?: (facts: Facts) => readonly Instruction[];
}

function floor(name: string, outcome: Outcome, when: string, reason: string, instructions?: FloorRule["instructions"]): FloorRule {
  const condition = FACTS_PROFILE.condition(when);
  assert(condition.ok, `the floor's rule ${name} is valid`);
  return { id: `builtin:${name}`, outcome, reason, condition: condition.value, ...(instructions ? { instructions } : {}) };
}

/** One instruction for every finding that the rule is about. */
function fromFindings(rule: string, about: (finding: Facts["findings"][number]) => boolean): FloorRule["instructions"] {
  return (facts) =>
    facts.findings.filter(about).map(({ code, resource, remedy }) => ({
      rule: `builtin:${rule}`,
      code,
      message: remedy ?? "take out of the change what caused this finding",
      ...(resource === undefined ? {} : { resource }),
    }));
}

const NOTHING = (): readonly Instruction[] => [
  { rule: "builtin:no-effects", code: "no_effects", message: "the change does nothing: propose what should happen, or withdraw it" },
];

/** What holds whatever a bundle says. No rule of a bundle can take any of it away. */
export const FLOOR: readonly FloorRule[] = [
  floor(
    "refused",
    "block",
    'findings.exists(f, f.severity == "refused")',
    "the connector will not execute this as it stands",
    fromFindings("refused", (f) => f.severity === "refused"),
  ),
  floor(
    "out-of-scope",
    "revise",
    'findings.exists(f, f.code.startsWith("scope."))',
    "an effect leaves the scope of the change",
    fromFindings("out-of-scope", (f) => f.code.startsWith("scope.")),
  ),
  floor("no-effects", "revise", "size(effects) == 0", "the change does nothing", NOTHING),
  floor("danger", "review", 'findings.exists(f, f.severity == "danger")', "a dangerous finding is never passed automatically"),
  floor("unknown", "review", 'effects.exists(e, e.provenance == "unknown")', "nobody knows whether an effect is as stated"),
  floor("claimed", "review", 'effects.exists(e, e.provenance == "claimed")', "an effect is only claimed by the proposer"),
  floor("uninspectable", "review", "effects.exists(e, !e.inspectable)", "an effect cannot be shown to a reviewer"),
  floor(
    "consequence",
    "review",
    'effects.exists(e, e.reversibility == "unknown" || e.exposure == "unknown" || e.privilege == "unknown")',
    "nobody knows what an effect leads to",
  ),
  floor(
    "self",
    "review",
    'effects.exists(e, e.system == "pawl" || e.connector == "pawl")',
    "the rules by which Pawl decides are never changed automatically",
  ),
];

/** The never-automate list as rules: one for each surface of the bundle. */
export const surfaceRule = (name: string): FloorRule =>
  floor(`surface:${name}`, "review", `${JSON.stringify(name)} in summary.surfaces`, `the surface ${name} is never changed automatically`);
