/** Bugs in what policy says, what it is asked about, and what reaches the log. */
import { edit, type Plant } from "./plant.ts";

const EVALUATE = "src/core/policy/evaluate.ts";
const JUDGE = "src/core/policy/judge.ts";
const FLOOR = "src/core/policy/floor.ts";
const RUNNING = "src/core/change/running.ts";
const COMMIT = "src/control/commit.ts";

/** Conditions that come to no answer are heard, except where it is so. */
const unheard = (when: string) => [edit(JUDGE, "else if (value !== false)", `else if (value !== false && !(${when}))`)];

export const RULES: readonly Plant[] = [
  {
    name: "policy-error-passes",
    what: "a rule that cannot be evaluated counts as one that does not match",
    breaks: [11, 12],
    edits: unheard("value !== true"),
  },
  {
    name: "absent-passes",
    what: "a rule that reads an absent attribute counts as one that does not match",
    breaks: [11, 12],
    edits: unheard('value instanceof CelError && value.message.startsWith("absent attribute")'),
  },
  {
    name: "silence-passes",
    what: "what no rule speaks of is automatic",
    breaks: [11, 12],
    edits: [
      edit("src/core/policy/notes.ts", 'rule: "builtin:default",\n  outcome: "review",', 'rule: "builtin:default",\n  outcome: "auto",'),
    ],
  },
  {
    name: "mildest-wins",
    what: "of several outcomes the mildest wins",
    breaks: [3, 4, 11, 12],
    edits: [edit(EVALUATE, "(rank(b) > rank(a) ? b : a)", "(rank(b) < rank(a) ? b : a)")],
  },
  {
    name: "claim-passes",
    what: "an effect that its proposer only claims may pass automatically",
    breaks: [11, 12],
    edits: [edit(FLOOR, 'e.provenance == "claimed"', 'e.provenance == "claimed" && e.provenance == "derived"')],
  },
  {
    name: "unknown-passes",
    what: "an effect that nobody knows to be as stated may pass automatically",
    breaks: [11, 12],
    edits: [edit(FLOOR, 'e.provenance == "unknown"', 'e.provenance == "unknown" && e.provenance == "derived"')],
  },
  {
    name: "danger-passes",
    what: "a dangerous finding may pass automatically",
    breaks: [11, 12],
    edits: [edit(FLOOR, 'f.severity == "danger"', 'f.severity == "danger" && f.severity == "info"')],
  },
  {
    name: "old-policy-starts",
    what: "a run starts by a route of a policy that is not in force any more",
    breaks: [6, 7, 11],
    edits: [edit(RUNNING, "if (command.bundle !== state.review.bundle)", "if (false as boolean)")],
  },
  {
    name: "hold-ignored",
    what: "a held change starts: its job is made, and the consume does not look",
    breaks: [7, 11, 14],
    edits: [
      edit(RUNNING, "if (state.holds.length > 0)", "if (false as boolean)"),
      edit(COMMIT, "if (state.holds.length > 0) return", "if (false as boolean) return"),
    ],
  },
  {
    name: "scope-ignored",
    what: "no effect is ever found to be outside the scope",
    breaks: [3, 11],
    edits: [edit("src/core/plan/scope.ts", "...effects.flatMap(leaves),", "...effects.flatMap(leaves).slice(0, 0),")],
  },
  {
    name: "step-not-in-payload",
    what: "the payload's digest leaves the last step out",
    breaks: [1, 3],
    edits: [edit("src/core/change/shape.ts", "return digestJson(steps.map((", "return digestJson(steps.slice(0, -1).map((")],
  },
  {
    name: "secret-not-sealed",
    what: "a marked secret reaches the connector and the store as it is",
    breaks: [16],
    edits: [
      edit(
        "src/control/propose.ts",
        "connector.admit(sealSecrets(step.input, deps.secretKey).value)",
        "connector.admit(sealSecrets(step.input, deps.secretKey).secrets < 0 ? null : step.input)",
      ),
    ],
  },
  {
    name: "words-not-scanned",
    what: "a secret in somebody's words is written and shown",
    breaks: [16],
    edits: [edit("src/control/words.ts", "return faults.length === 0 ?", "return faults.length >= 0 ?")],
  },
];
