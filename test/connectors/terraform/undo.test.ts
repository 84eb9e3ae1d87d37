/** With the real program: what is verified afterwards, and taken back. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Effect } from "../../../src/core/plan/index.ts";
import { LIMITS, World, applied, data, observed, planned, settled, skip } from "./world.ts";

const count = (effects: readonly Effect[], kind: string): number => effects.filter((effect) => effect.kind === kind).length;

test("[TF-24] [TF-26] a check that fails afterwards fails the verification, and the planned reverse leads back", { skip }, async (t) => {
  const world = new World(t);
  const text = (size: number): string =>
    `${data("a", `  input = ${size}`)}check "healthy" {\n  assert {\n    condition     = terraform_data.a.output < 10\n    error_message = "too large"\n  }\n}\n`;
  const connector = world.connector();
  world.file("main.tf", text(1));
  await settled(connector);
  world.file("main.tf", text(11) + data("b", "  input = 1"));
  const plan = await planned(connector);
  const done = await applied(connector, plan);
  const seen = await connector.verify(plan.payload, done, LIMITS);
  assert.ok(!seen.ok && seen.error.code === "verify_check_failed", JSON.stringify(seen));
  const undone = await connector.undo(plan.payload, done, LIMITS);
  assert.ok(undone.ok, JSON.stringify(undone));
  assert.equal(await observed(connector, plan), plan.analysis.step.stateDigest);
  const state = JSON.parse(world.state) as { resources: { name: string }[] };
  assert.deepEqual(
    state.resources.map(({ name }) => name),
    ["a"],
  );
});

test("[TF-24] a program that changes things behind the plan's back leaves a follow-up plan that is not empty", { skip }, async (t) => {
  const world = new World(t);
  const other = join(world.root, "flag");
  world.file(
    "main.tf",
    data("a", `  input = fileexists(${JSON.stringify(other)})\n  provisioner "local-exec" {\n    command = "touch ${other}"\n  }`),
  );
  const connector = world.connector();
  const plan = await planned(connector);
  assert.ok(plan.analysis.findings.some(({ code }) => code === "terraform.provisioner"));
  assert.equal(plan.analysis.step.effects[0]?.reversibility, "unknown");
  const done = await applied(connector, plan);
  const seen = await connector.verify(plan.payload, done, LIMITS);
  assert.ok(!seen.ok && seen.error.code === "verify_not_settled", JSON.stringify(seen));
  assert.deepEqual(seen.error.details?.["left"], ["update terraform_data.a"]);
});

test("[TF-26] an undo that would take back more is refused, and what cannot be undone says why", { skip }, async (t) => {
  const world = new World(t);
  const connector = world.connector();
  world.file("main.tf", data("a", "  input = 1") + data("b", "  input = 1"));
  world.beside("apply", "-input=false", "-auto-approve");
  world.file("main.tf", data("a", "  input = 2") + data("b", "  input = 1"));
  const blind = await planned(connector);
  assert.deepEqual([blind.analysis.step.undo.kind, blind.analysis.step.undo.provenance], ["impossible", "derived"]);
  assert.match(blind.analysis.step.undo.text, /no configuration is known/);
  const done = await applied(connector, blind);
  const refused = await connector.undo(blind.payload, done, LIMITS);
  assert.ok(!refused.ok && refused.error.code === "undo_impossible" && refused.error.effect === "none");
  assert.ok((await connector.verify(blind.payload, done, LIMITS)).ok);

  world.file("main.tf", data("a", "  input = 3") + data("b", "  input = 1"));
  const known = await planned(connector);
  assert.equal(known.analysis.step.undo.kind, "planned");
  const after = await applied(connector, known);
  world.file("main.tf", data("a", "  input = 3") + data("b", "  input = 9"));
  world.beside("apply", "-input=false", "-auto-approve");
  const moved = await connector.undo(known.payload, after, LIMITS);
  assert.ok(!moved.ok && moved.error.code === "undo_moved" && moved.error.effect === "none", JSON.stringify(moved));

  world.file("main.tf", `${data("a", "  input = 3")}removed {\n  from = terraform_data.b\n  lifecycle {\n    destroy = false\n  }\n}\n`);
  const forgets = await planned(connector);
  assert.match(forgets.analysis.step.undo.text, /make terraform_data.b a second time/);
  assert.ok(forgets.analysis.findings.some(({ code }) => code === "terraform.forgets"));
});

test("[TF-27] everything can be destroyed on request, and the reverse makes it anew", { skip }, async (t) => {
  const world = new World(t);
  world.file("main.tf", data("a", "  input = 1") + data("b", "  input = terraform_data.a.output"));
  const connector = world.connector();
  await settled(connector);
  const plan = await planned(connector, { workspace: "net", operation: "apply", destroy: true });
  assert.equal(plan.analysis.step.operation, "destroy");
  assert.deepEqual([count(plan.analysis.step.effects, "delete"), plan.analysis.step.undo.kind], [2, "planned"]);
  assert.match(plan.analysis.step.undo.text, /2 destroyed resources are made anew/);
  const done = await applied(connector, plan);
  assert.ok((await connector.verify(plan.payload, done, LIMITS)).ok);
  const undone = await connector.undo(plan.payload, done, LIMITS);
  assert.ok(undone.ok, JSON.stringify(undone));
  assert.equal(await observed(connector, plan), plan.analysis.step.stateDigest);
});
