/** With the real program: what is planned, kept and applied. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, renameSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { APPLY, BINARY, LIMITS, World, applied, data, observed, planned, settled, skip } from "./world.ts";

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
