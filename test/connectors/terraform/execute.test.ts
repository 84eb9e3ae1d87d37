/** With the real program: what is planned, kept, applied, verified and taken back. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { Effect } from "../../../src/core/plan/index.ts";
import { APPLY, BINARY, LIMITS, World, applied, data, observed, planned, settled, skip } from "./world.ts";

const count = (effects: readonly Effect[], kind: string): number => effects.filter((effect) => effect.kind === kind).length;

/** Hundreds of resources in two generations. */
const generation = (second: boolean): string => `
variable "secret" {
  type      = string
  default   = "${second ? "canary-second-generation" : "canary-first-generation"}"
  sensitive = true
}
resource "terraform_data" "kept" {
  count = 100
  input = "same"
}
resource "terraform_data" "changed" {
  count = 100
  input = ${second ? `"v2 \${count.index}"` : `"v1 \${count.index}"`}
}
resource "terraform_data" "replaced" {
  for_each         = toset([for i in range(60) : "k\${i}"])
  triggers_replace = ${second ? "2" : "1"}
  lifecycle {
    create_before_destroy = true
  }
}
resource "terraform_data" "${second ? "renamed" : "named"}" {
  input = 1
}
${second ? "moved {\n  from = terraform_data.named\n  to   = terraform_data.renamed\n}" : ""}
${second ? "" : 'resource "terraform_data" "gone" {\n  count = 40\n  input = 1\n}'}
${second ? 'resource "terraform_data" "new" {\n  count = 50\n  input = 1\n}' : ""}
resource "terraform_data" "holds_secret" {
  input = { password = var.secret, size = ${second ? 2 : 1} }
}
output "open" {
  value = "${second ? "two" : "one"}"
}
output "closed" {
  value     = var.secret
  sensitive = true
}
`;

test(
  "[TF-20] [TF-11] [K78] hundreds of resources come, change, are replaced, move and go, and no sensitive value is seen",
  { skip },
  async (t) => {
    const world = new World(t);
    const connector = world.connector();
    const lines: string[] = [];
    world.file("main.tf", generation(false));
    const first = await settled(connector);
    assert.equal(count(first.analysis.step.effects, "create"), 302);
    assert.equal(first.analysis.step.undo.kind, "planned");
    world.file("main.tf", generation(true));
    const second = await planned(connector);
    const { effects } = second.analysis.step;
    assert.deepEqual(
      ["create", "update", "delete", "replace"].map((kind) => count(effects, kind)),
      [50, 101, 40, 60],
    );
    assert.match(
      effects.find(({ kind }) => kind === "replace")?.summary ?? "",
      /makes the new one, then destroys the old\); forced by triggers_replace/,
    );
    assert.deepEqual(
      effects.filter(({ kind }) => kind === "execute").map(({ summary }) => summary),
      ["Moves terraform_data.named to terraform_data.renamed in the state", "Changes the output closed", "Changes the output open"],
    );
    const done = await connector.apply(second.payload, second.analysis.step.stateDigest, {
      ...LIMITS,
      progress: (line) => void lines.push(line),
    });
    assert.ok(done.ok, JSON.stringify(done));
    const seen = await connector.verify(second.payload, done.value, LIMITS);
    assert.ok(seen.ok, JSON.stringify(seen));
    assert.ok(
      lines.includes("terraform_data.new[0]: create begins") &&
        lines.some((line) => line.startsWith("terraform_data.gone[0]: delete is done")),
    );
    assert.ok(
      !/canary/.test(JSON.stringify([first.analysis, second.analysis, done, seen, lines]) + Buffer.from(second.payload).toString()),
    );
    assert.match(world.state, /canary-second-generation/);
    const again = await connector.analyse(APPLY, LIMITS);
    assert.ok(!again.ok && again.error.code === "terraform_no_change");
  },
);

test("[TF-21] [B12] a state that moved meanwhile, and objects that moved without it, are seen", { skip }, async (t) => {
  const world = new World(t);
  const other = join(world.root, "other.tfstate");
  const others = (value: number): void =>
    writeFileSync(
      other,
      JSON.stringify({
        version: 4,
        terraform_version: "1.5.0",
        serial: 1,
        lineage: "x",
        outputs: { v: { value, type: "number" } },
        resources: [],
        check_results: null,
      }),
    );
  others(1);
  world.file(
    "main.tf",
    `${data("a", "  input = 1")}data "terraform_remote_state" "o" {\n  backend = "local"\n  config  = { path = ${JSON.stringify(other)} }\n}\n`,
  );
  const connector = world.connector();
  const plan = await planned(connector);
  assert.equal(await observed(connector, plan), plan.analysis.step.stateDigest);
  others(2);
  assert.notEqual(await observed(connector, plan), plan.analysis.step.stateDigest, "the refresh sees what no state file says");
  others(1);
  assert.equal(await observed(connector, plan), plan.analysis.step.stateDigest);
  world.file("extra.tf", data("b", "  input = 1"));
  world.beside("apply", "-input=false", "-auto-approve", "-target=terraform_data.b");
  const state = world.state;
  assert.notEqual(await observed(connector, plan), plan.analysis.step.stateDigest);
  const done = await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
  assert.ok(!done.ok && done.error.code === "stale_state" && done.error.effect === "none");
  assert.notEqual(done.error.details?.["expected"], done.error.details?.["observed"]);
  assert.equal(world.state, state);
});

test("[TF-22] [F52] [B15] a kept plan that was swapped, linked elsewhere or taken away is not applied", { skip }, async (t) => {
  const world = new World(t);
  world.file("main.tf", data("a", "  input = 1"));
  const connector = world.connector();
  const plan = await planned(connector);
  const folder = join(world.workDir, "plans", "net");
  const file = join(folder, readdirSync(folder).find((name) => name.endsWith(".tfplan")) ?? "");
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const whole = readFileSync(file);
  const refusedAs = async (code: string): Promise<void> => {
    const done = await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
    assert.ok(!done.ok && done.error.effect === "none", JSON.stringify(done));
    assert.equal(done.error.code, code);
  };
  const altered = Buffer.from(whole);
  altered[40] = (altered[40] ?? 0) ^ 1;
  writeFileSync(file, altered);
  await refusedAs("terraform_plan_differs");
  world.file("main.tf", data("a", "  input = 666"));
  world.beside("plan", "-input=false", `-out=${join(world.root, "evil.tfplan")}`);
  writeFileSync(file, readFileSync(join(world.root, "evil.tfplan")));
  await refusedAs("terraform_plan_differs");
  renameSync(file, `${file}.gone`);
  await refusedAs("terraform_plan_gone");
  writeFileSync(`${file}.gone`, whole);
  symlinkSync(`${file}.gone`, file);
  await refusedAs("terraform_plan_gone");
});

test("[TF-23] only the kept plan is applied, whatever the source says by then; and a pin holds one content", { skip }, async (t) => {
  const world = new World(t);
  const repository = world.git();
  world.file("main.tf", data("a", "  input = 1"));
  const first = repository.commit();
  const connector = world.connector({ source: repository.path, ref: "main" });
  const plan = await planned(connector);
  world.file("main.tf", data("a", "  input = 2"));
  repository.commit();
  await applied(connector, plan);
  assert.match(world.state, /"value": 1|"input": \{\s*"value": 1/);
  assert.match(JSON.stringify(plan.analysis.context), new RegExp(first));
  const folder = world.connector();
  const missing = await folder.analyse({ workspace: "net", operation: "apply", archive: `sha256:${"1".repeat(64)}` }, LIMITS);
  assert.ok(!missing.ok && missing.error.code === "terraform_pin_missing");
});

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

test("[TF-18] a plan that failed is refused, also where the program ends without complaint", { skip }, async (t) => {
  const world = new World(t);
  const never =
    '  input = 2\n  lifecycle {\n    precondition {\n      condition     = terraform_data.b.input == 2\n      error_message = "never"\n    }\n  }';
  world.file("main.tf", data("a", never) + data("b", "  input = 1"));
  const honest = await world.connector().analyse(APPLY, LIMITS);
  assert.ok(!honest.ok && honest.error.code === "terraform_failed" && /precondition/i.test(honest.error.message), JSON.stringify(honest));
  const lying = join(world.root, "lying");
  writeFileSync(lying, `#!/bin/sh\n${BINARY ?? ""} "$@"\ncode=$?\n[ "$1" = plan ] && exit 2\nexit $code\n`, { mode: 0o755 });
  const lied = await world.connector({ binary: lying }).analyse(APPLY, LIMITS);
  assert.ok(!lied.ok && lied.error.code === "terraform_plan_errored", JSON.stringify(lied));
});

test("[TF-5] [B14] a workspace of another name has a state of its own, and its resources other names", { skip }, async (t) => {
  const world = new World(t);
  const states = join(world.root, "states");
  world.file("backend.tf", `terraform {\n  backend "local" {\n    workspace_dir = ${JSON.stringify(states)}\n  }\n}\n`);
  world.file("main.tf", data("a", "  input = terraform.workspace"));
  const plan = await settled(world.connector({ workspace: "prod" }));
  assert.deepEqual(
    plan.analysis.step.effects.map(({ resource }) => resource),
    ["terraform:net/prod#terraform_data.a"],
  );
  assert.match(readFileSync(join(states, "prod", "terraform.tfstate"), "utf8"), /"prod"/);
  const lost = await world.connector().analyse(APPLY, LIMITS);
  assert.ok(!lost.ok && lost.error.code === "terraform_state_not_kept", "the default one would be written beside the copy");
});

test("[TF-5] a state that would be lost with the copy, or that is worked on elsewhere, is refused", { skip }, async (t) => {
  const world = new World(t);
  for (const [backend, code] of [
    ["", "terraform_state_not_kept"],
    ['terraform {\n  backend "local" {\n    path = "here.tfstate"\n  }\n}\n', "terraform_state_not_kept"],
  ] as const) {
    world.file("backend.tf", `${backend}${data("a", "  input = 1")}`);
    const answer = await world.connector().analyse(APPLY, LIMITS);
    assert.ok(!answer.ok && answer.error.code === code, JSON.stringify(answer));
  }
});

test(
  "[TF-6] [TF-19] equal plannings keep one plan, another state or configuration another; an old one is thrown away",
  { skip },
  async (t) => {
    const world = new World(t);
    world.file("main.tf", `variable "colour" {\n  type = string\n}\n${data("a", "  input = var.colour")}`);
    const connector = world.connector();
    const of = (colour: string) => planned(connector, { workspace: "net", operation: "apply", variables: { colour } });
    const [one, same, other] = [await of("red"), await of("red"), await of("blue")];
    assert.deepEqual(Buffer.from(one.payload), Buffer.from(same.payload));
    assert.notDeepEqual(Buffer.from(one.payload), Buffer.from(other.payload));
    const kept = () => readdirSync(join(world.workDir, "plans", "net")).filter((name) => name.endsWith(".tfplan")).length;
    assert.equal(kept(), 2);
    const later = world.connector({}, { clock: { now: () => (Date.now() + 7_200_000) as never } });
    const gone = await later.apply(one.payload, one.analysis.step.stateDigest, LIMITS);
    assert.ok(!gone.ok && gone.error.code === "terraform_plan_gone" && gone.error.effect === "none");
    assert.equal(kept(), 0);
    assert.deepEqual(readdirSync(join(world.workDir, "runs")), []);
  },
);

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
