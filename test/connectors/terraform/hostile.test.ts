/** What tries to get further than it may: programs that run while planning, processes that die, plans that somebody brings. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { RunLimits } from "../../../src/control/ports.ts";
import type { Json } from "../../../src/core/base/index.ts";
import { APPLY, BINARY, LIMITS, World, applied, data, planned, settled, skip } from "./world.ts";

const READ = "canary-read-credential";
const WRITE = "canary-write-credential";

test("[TF-8] [B20] a malicious provider that runs while planning sees the credentials to read with, and no others", { skip }, async (t) => {
  const world = new World(t);
  const plugins = join(world.root, "plugins");
  const seen = join(world.root, "seen");
  const provider = join(
    plugins,
    "example.com/evil/evil/1.0.0",
    `linux_${process.arch === "arm64" ? "arm64" : "amd64"}`,
    "terraform-provider-evil_v1.0.0",
  );
  mkdirSync(dirname(provider), { recursive: true });
  writeFileSync(provider, `#!/bin/sh\nenv >> ${seen}\nexit 1\n`);
  chmodSync(provider, 0o755);
  world.file(
    "backend.tf",
    `terraform {\n  required_providers {\n    evil = { source = "example.com/evil/evil" }\n  }\n  backend "local" {\n    path = ${JSON.stringify(world.statePath)}\n  }\n}\nresource "evil_thing" "a" {}\n`,
  );
  const env = { PATH: process.env["PATH"], READER: READ, WRITER: WRITE, PAWL_TOKEN: "canary-of-pawl" };
  const declared = { planEnv: ["CLOUD_KEY=READER"], applyEnv: ["CLOUD_KEY=WRITER", "WRITER"], pluginDir: plugins };
  const unlocked = await world.connector(declared, { env }).analyse(APPLY, LIMITS);
  assert.ok(
    !unlocked.ok && /lock file|dependency lock/i.test(unlocked.error.message),
    "a provider that no lock file names is not even started",
  );
  assert.ok(!existsSync(seen));
  world.file(".terraform.lock.hcl", lockOf(world, plugins));
  const answer = await world.connector(declared, { env }).analyse(APPLY, LIMITS);
  assert.ok(!answer.ok);
  const said = readFileSync(seen, "utf8");
  assert.match(said, new RegExp(`^CLOUD_KEY=${READ}$`, "m"));
  assert.ok(!said.includes(WRITE) && !said.includes("canary-of-pawl"));
  assert.ok(!JSON.stringify(answer).includes("canary"), "nor does a refusal repeat one");
});

/** As an operator would make it, once, and commit it. */
function lockOf(world: World, plugins: string): string {
  world.initArgs = [`-plugin-dir=${plugins}`];
  world.beside("version");
  const dir = readdirSync(world.root).findLast((name) => name.startsWith("beside-")) ?? "";
  return readFileSync(join(world.root, dir, ".terraform.lock.hcl"), "utf8");
}

test(
  "[TF-8] [B20] [J76] what is applied runs with the credentials to write with, and with no other of the environment",
  { skip },
  async (t) => {
    const world = new World(t);
    const seen = join(world.root, "seen");
    world.file("main.tf", data("a", `  provisioner "local-exec" {\n    command = "env >> ${seen}"\n  }`));
    const env = { PATH: process.env["PATH"], READER: READ, WRITER: WRITE, PAWL_TOKEN: "canary-of-pawl" };
    const connector = world.connector({ planEnv: ["CLOUD_KEY=READER"], applyEnv: ["CLOUD_KEY=WRITER"] }, { env });
    assert.deepEqual(connector.needs, { read: ["READER"], write: ["WRITER"] });
    const plan = await planned(connector);
    assert.ok(!existsSync(seen));
    await applied(connector, plan);
    const said = readFileSync(seen, "utf8");
    assert.match(said, new RegExp(`^CLOUD_KEY=${WRITE}$`, "m"));
    assert.ok(!said.includes(READ) && !said.includes("canary-of-pawl"));
  },
);

/** The processes that this one started, and theirs. */
function below(parent: number): readonly number[] {
  const mine = readdirSync("/proc").filter((name) => /^\d+$/.test(name) && parentOf(name) === parent);
  return mine.flatMap((name) => [Number(name), ...below(Number(name))]);
}
function parentOf(pid: string): number {
  try {
    return Number(/\) \S (\d+) /.exec(readFileSync(`/proc/${pid}/stat`, "utf8"))?.[1]);
  } catch {
    return 0;
  }
}
function killTerraform(): void {
  for (const pid of below(process.pid)) if (programOf(pid) === BINARY) process.kill(pid, "SIGKILL");
}
function programOf(pid: number): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    return "";
  }
}

const SLOW = (name: string, after: string, seconds: number): string =>
  data(name, `  ${after}\n  provisioner "local-exec" {\n    command = "exec sleep ${seconds}"\n  }`);

for (const [moment, sign] of [
  ["when it begins with the first resource", /^terraform_data.first: create begins/],
  ["when a part is done", /^terraform_data.first: create is done/],
  ["while a program of the configuration runs", /^terraform_data.second: a program of the configuration runs/],
] as const) {
  test(`[TF-25] [D30] the apply is killed ${moment}: whatever happened is told, and nothing is promised`, { skip }, async (t) => {
    const world = new World(t);
    world.file(
      "main.tf",
      data("first", "  input = 1") +
        SLOW("second", "input = terraform_data.first.id", 30) +
        SLOW("third", "input = terraform_data.second.id", 30),
    );
    const connector = world.connector();
    const plan = await planned(connector);
    const limits: RunLimits = { ...LIMITS, progress: (line) => (sign.test(line) ? killTerraform() : undefined) };
    const done = await connector.apply(plan.payload, plan.analysis.step.stateDigest, limits);
    assert.ok(!done.ok, "it was killed");
    assert.deepEqual([done.error.code, done.error.effect], ["terraform_apply_unknown", "possible"]);
    assert.match(done.error.message, /did not end by itself: \d of \d resources that it began with were done/);
    const { started } = done.error.details as unknown as { started: { addresses: string[] } };
    assert.ok(started.addresses.includes("terraform_data.first"));
    assert.ok(!started.addresses.includes("terraform_data.third"));
    const again = await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
    assert.ok(
      !again.ok || world.state.includes("third"),
      "only a state that nothing was written to is applied to again, and only when asked",
    );
  });
}

test("[TF-25] an apply that fails in the middle says which resources the state has, and which failed", { skip }, async (t) => {
  const world = new World(t);
  const fails = data(
    "bad",
    '  input = terraform_data.good.id\n  provisioner "local-exec" {\n    command = "echo canary-output >&2; exit 3"\n  }',
  );
  world.file("main.tf", data("good", "  input = 1") + fails);
  const connector = world.connector();
  const plan = await planned(connector);
  const done = await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
  assert.ok(!done.ok && done.error.effect === "possible" && done.error.code === "terraform_apply_failed", JSON.stringify(done));
  const details = done.error.details as Record<string, { addresses: string[]; made: { addresses: string[] } }>;
  assert.deepEqual(details["completed"]?.addresses, ["terraform_data.good"]);
  assert.deepEqual(details["failed"]?.addresses, ["terraform_data.bad"]);
  assert.deepEqual(details["difference"]?.made.addresses, ["terraform_data.bad", "terraform_data.good"]);
  assert.ok(!JSON.stringify(done).includes("canary"));
});

test("[TF-25] an apply that could not begin says that nothing happened", { skip }, async (t) => {
  const world = new World(t);
  world.file("main.tf", data("a", "  input = 1"));
  const refusing = join(world.root, "refusing");
  writeFileSync(refusing, `#!/bin/sh\n[ "$1" = apply ] && { echo "no" >&2; exit 1; }\nexec ${BINARY ?? ""} "$@"\n`, { mode: 0o755 });
  const connector = world.connector({ binary: refusing });
  const plan = await planned(connector);
  const done = await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
  assert.ok(!done.ok && done.error.effect === "none" && done.error.code === "terraform_apply_failed", JSON.stringify(done));
});

test("[TF-9] [D38] a program that changed since Pawl started runs nothing, and one that is absent says so", { skip }, async (t) => {
  const world = new World(t);
  world.file("main.tf", data("a", "  input = 1"));
  const own = join(world.root, "own");
  const script = (words: string): void => writeFileSync(own, `#!/bin/sh\n${words}\nexec ${BINARY ?? ""} "$@"\n`, { mode: 0o755 });
  script("");
  const connector = world.connector({ binary: own });
  const plan = await planned(connector);
  script(`touch ${join(world.root, "ran")}`);
  const done = await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
  assert.ok(!done.ok && done.error.code === "terraform_changed" && done.error.effect === "none");
  assert.ok(!existsSync(join(world.root, "ran")));
  assert.notEqual(world.connector({ binary: own }).digest, connector.digest);
  const absent = await world.connector({ binary: "no-such-terraform" }).analyse(APPLY, LIMITS);
  assert.ok(!absent.ok && absent.error.code === "terraform_missing");
});

test(
  "[TF-7] [K78] a plan that an agent brings is read as a claim, is stored without its secrets, and never executes",
  { skip },
  async (t) => {
    const world = new World(t);
    world.file(
      "main.tf",
      `variable "s" {\n  type      = string\n  default   = "canary-in-a-claim"\n  sensitive = true\n}\n${data("a", "  input = { s = var.s, n = 1 }")}output "o" {\n  value     = var.s\n  sensitive = true\n}\n`,
    );
    world.beside("plan", "-input=false", `-out=${join(world.root, "p")}`);
    const text = world.beside("show", "-json", join(world.root, "p"));
    const connector = world.connector();
    for (const plan_json of [text, JSON.parse(text) as Json]) {
      const admitted = await connector.admit({ workspace: "net", plan_json });
      assert.ok(admitted.ok, JSON.stringify(admitted));
      assert.ok(!JSON.stringify(admitted).includes("canary"));
      assert.deepEqual(await connector.admit(admitted.value.input), admitted);
      const read = await connector.analyse(admitted.value.input, LIMITS);
      assert.ok(read.ok, JSON.stringify(read));
      const { step, findings } = read.value.analysis;
      assert.ok(step.effects.length === 2 && step.effects.every(({ provenance }) => provenance === "claimed"));
      assert.equal(
        step.effects.find(({ kind }) => kind === "create")?.fields.find(({ path }) => path === "input.s")?.after?.kind,
        "secret",
      );
      assert.ok(findings.some(({ code, severity }) => code === "terraform.claim_only" && severity === "refused"));
      const run = await connector.apply(read.value.payload, step.stateDigest, LIMITS);
      assert.ok(!run.ok && run.error.code === "terraform_claim_only" && run.error.effect === "none");
      assert.ok(!(await connector.observe(read.value.payload, LIMITS)).ok);
    }
    assert.ok(!existsSync(world.statePath));
    const refused = await connector.admit({
      workspace: "net",
      plan_json: text.replace('"format_version"', '"errored":true,"format_version"'),
    });
    assert.ok(!refused.ok && refused.error[0]?.code === "terraform_plan_refused");
  },
);

test("[TF-1] [TF-2] [TF-3] what a proposer may set is bounded: names, types, targets, and no secret", { skip }, async (t) => {
  const world = new World(t);
  const connector = world.connector({}, { findSecrets: async (words) => (words.includes("hunter2") ? [{ rule: "test/password" }] : []) });
  const codes = async (more: Record<string, Json>): Promise<readonly string[]> => {
    const answer = await connector.admit({ workspace: "net", operation: "apply", ...more });
    return answer.ok ? [] : answer.error.map(({ code }) => code);
  };
  assert.deepEqual(await codes({ variables: { size: 3, colour: "red", on: true } }), []);
  assert.deepEqual(await codes({ variables: { size: "3", other: 1 } }), ["terraform_variable_refused", "terraform_variable_refused"]);
  assert.deepEqual(await codes({ variables: { colour: "hunter2" } }), ["terraform_secret"]);
  assert.deepEqual(await codes({ targets: ["terraform_data.a"] }), ["terraform_target_refused"]);
  assert.deepEqual(await codes({ commit: "main" }), ["terraform_pin_refused"]);
  assert.deepEqual(await codes({ archive: "sha256:1" }), ["terraform_pin_refused"]);
  assert.deepEqual(await codes({ workspace: "other" }), ["terraform_workspace_unknown"]);
  assert.deepEqual(await codes({ plan_json: {} }), ["terraform_input_invalid"]);
});

test("[TF-3] a target that the operator allows is applied alone, and the plan says so", { skip }, async (t) => {
  const world = new World(t);
  world.file("main.tf", data("a", "  input = 1") + data("b", "  input = 1"));
  const connector = world.connector({ allowTargets: true });
  const plan = await settled(connector, { workspace: "net", operation: "apply", targets: ["terraform_data.a"] });
  assert.deepEqual(
    plan.analysis.step.effects.map(({ resource }) => resource),
    ["terraform:net/default#terraform_data.a"],
  );
  assert.ok(plan.analysis.findings.some(({ code }) => code === "terraform.targets"));
});

test(
  "[TF-4] a folder's links are not followed, and what Terraform leaves beside a configuration is not part of it",
  { skip },
  async (t) => {
    const world = new World(t);
    world.file("main.tf", data("a", "  input = 1"));
    const connector = world.connector();
    const first = await planned(connector);
    world.file("terraform.tfstate", "{}");
    world.file(".terraform/x", "x");
    assert.deepEqual((await planned(connector)).analysis.step.payloadDigest, first.analysis.step.payloadDigest);
    symlinkSync("/etc/passwd", join(world.source, "link"));
    const linked = await connector.analyse(APPLY, LIMITS);
    assert.ok(!linked.ok && linked.error.code === "terraform_source_link");
  },
);

test("[RU-12] what git needs to fetch a configuration is asked for where it is in a repository, and nowhere else", (t) => {
  const world = new World(t);
  const repository = world.connector({ source: "ssh://git@example.com/net.git", ref: "main", planEnv: ["CLOUD_KEY=READER"] });
  for (const name of ["READER", "HOME", "SSH_AUTH_SOCK", "HTTPS_PROXY"]) assert.ok(repository.needs?.read.includes(name), name);
  assert.deepEqual(world.connector({ planEnv: ["CLOUD_KEY=READER"] }).needs?.read, ["READER"]);
});
