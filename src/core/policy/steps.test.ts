import assert from "node:assert/strict";
import test from "node:test";
import { bundle, bundleText, facts, faultsOf } from "../../testing/policy.ts";
import { evaluate, explain } from "./index.ts";

const OWNER = { id: "owner", who: [{ owners: true }] };
const two = facts({
  effects: [
    { step: "step-1", connector: "sql", system: "sql:orders", resource: "sql:orders#public.users", owners: ["@dba"] },
    { step: "step-2", connector: "git", path: "src/a.ts", owners: ["@ada"] },
    { step: "step-2", connector: "git", path: "src/b.ts", owners: ["@bob"] },
  ],
});
const seats = (rules: readonly object[], given = two) =>
  evaluate(bundle(rules as never), given).route.seats.map(
    ({ id, step, who }) => `${id} ${step ?? "-"} ${who.map((one) => Object.values(one)[1]).join("|")}`,
  );

test("[PO-76] a rule for each step is judged on that step, and its seats are of that step's owners", () => {
  const each = { for: "each step", outcome: "review", seats: [OWNER] };
  assert.deepEqual(seats([{ ...each, when: "true" }]), [
    "step-1/owner step-1 @dba",
    "step-2/owner step-2 @ada",
    "step-2/owner-2 step-2 @bob",
  ]);
});

test("[PO-77] [C26] a rule that asks for one step takes no signature from another: the defaults sign what no rule asks for", () => {
  const each = { for: "each step", outcome: "review", seats: [{ id: "dba", who: [{ group: "dba" }] }] };
  const git = ["step-2/owner step-2 @ada", "step-2/owner-2 step-2 @bob"];
  const rule = { ...each, when: 'step.connector == "sql"' };
  assert.deepEqual(seats([]), ["owner - @ada", "owner-2 - @bob", "owner-3 - @dba"]);
  assert.deepEqual(seats([rule]), ["step-1/dba step-1 dba", ...git]);
  assert.deepEqual(seats([rule, { ...rule, outcome: "escalate" }]), ["step-1/dba step-1 dba", ...git]);
  // A rule for the whole change asks whom it wants for all of it.
  const whole = { outcome: "review", when: "true", seats: [{ id: "lead", who: [{ role: "lead" }] }] };
  assert.deepEqual(seats([rule, whole]), ["lead - lead", "step-1/dba step-1 dba"]);
});

test("[PO-77] the same people are asked once within a step, and for each step by itself", () => {
  const dba = { id: "dba", who: [{ group: "dba" }] };
  const rules = [
    { for: "each step", outcome: "review", when: "true", seats: [dba] },
    { for: "each step", outcome: "review", when: 'step.connector == "sql"', seats: [{ ...dba, id: "again", count: 2 }] },
    { outcome: "review", when: "true", seats: [dba] },
  ];
  const { route } = evaluate(bundle(rules), two);
  assert.deepEqual(
    route.seats.map(({ id, count }) => [id, count]),
    [
      ["dba", 1],
      ["step-1/dba", 2],
      ["step-2/dba", 1],
    ],
  );
});

test("[PO-76] what lets a change pass must hold for all its steps", () => {
  const auto = { for: "each step", outcome: "auto" };
  const of = (when: string) => evaluate(bundle([{ ...auto, when }]), two).route.outcome;
  assert.deepEqual(
    [of('step.connector in ["git", "sql"]'), of('step.connector == "git"'), of("step.effects[1].inspectable")],
    ["auto", "review", "review"],
  );
});

test("[PO-76] reasons, instructions and explanations name the steps", () => {
  const policy = bundle([
    { for: "each step", outcome: "revise", when: 'step.operation == "git.merge"', instruction: { code: "mend", message: "mend it" } },
  ]);
  const evaluation = evaluate(policy, two);
  assert.deepEqual(evaluation.route.reasons, [{ rule: "r0", outcome: "revise", text: "reason 0 (step-2)" }]);
  assert.deepEqual(evaluation.route.instructions, [{ rule: "r0", code: "mend", message: "mend it", resource: "step-2" }]);
  assert.ok(explain(evaluation).includes("  r0 (revise): fired for step-2"));
  assert.deepEqual(evaluate(policy, two, { indexed: false }).route, evaluation.route);
});

test("[PO-76] only a rule for each step knows a step", () => {
  assert.deepEqual(
    faultsOf(bundleText([{ when: 'step.id == "step-1"' }])).map(({ code }) => code),
    ["bundle_condition"],
  );
  assert.deepEqual(
    faultsOf(bundleText([{ for: "every step" }])).map(({ where }) => where),
    ["rules[0].for"],
  );
});
