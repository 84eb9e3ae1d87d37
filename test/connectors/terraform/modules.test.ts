/** What comes from elsewhere: modules that Terraform fetches, and commits that a proposer names. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readFileSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { digestOfProviders } from "../../../src/connectors/terraform/modules.ts";
import { decodePayload, encodePayload } from "../../../src/connectors/terraform/payload.ts";
import { APPLY, LIMITS, World, applied, data, observed, planned, settled, skip } from "./world.ts";

/** A repository with one module, which a configuration takes by its branch. */
class Module {
  readonly path: string;
  readonly source: string;

  constructor(world: World) {
    this.path = join(world.root, "module");
    this.source = `git::file://${this.path}`;
    mkdirSync(this.path);
    this.git("init", "--quiet", "-b", "main");
  }

  git(...args: readonly string[]): void {
    const identity = ["-c", "user.name=a", "-c", "user.email=a@b"];
    execFileSync("git", ["-C", this.path, ...identity, ...args], { env: { PATH: process.env["PATH"] } });
  }

  file(name: string, text: string): void {
    writeFileSync(join(this.path, name), text);
    chmodSync(join(this.path, name), 0o755);
  }

  commit(): void {
    this.git("add", "-A");
    this.git("commit", "--quiet", "-m", "change");
  }
}

/** A module that says a word, tells where it lies, and runs a program of its own. */
function saying(world: World, word: string): Module {
  const module = new Module(world);
  const text = 'file("${path.module}/linked.txt")';
  module.file(
    "main.tf",
    data("m", `  input = [${text}, path.module]\n  provisioner "local-exec" {\n    command = "\${path.module}/run.sh"\n  }`),
  );
  say(world, module, word);
  symlinkSync("./word.txt", join(module.path, "linked.txt"));
  module.commit();
  world.file("main.tf", `module "m" {\n  source = ${JSON.stringify(module.source)}\n}\n`);
  return module;
}

function say(world: World, module: Module, word: string): void {
  module.file("word.txt", word);
  module.file("run.sh", `#!/bin/sh\necho ${word} >> ${join(world.root, "ran")}\n`);
}

const ran = (world: World): string => {
  const at = join(world.root, "ran");
  return existsSync(at) ? readFileSync(at, "utf8") : "";
};

const keptIn = (world: World): string => join(world.workDir, "modules", "net");

test("[TF-32] a module from elsewhere is applied as it was approved, with its files, although it moved on", { skip }, async (t) => {
  const world = new World(t);
  const module = saying(world, "approved");
  const connector = world.connector();
  const plan = await planned(connector);
  const again = await planned(connector);
  assert.deepEqual(Buffer.from(plan.payload), Buffer.from(again.payload), "fetched again, it is the same");
  assert.match(Buffer.from(plan.payload).toString(), /"modules":"sha256:/);
  assert.ok(plan.analysis.evidence.some(({ topic }) => topic === "terraform.modules_digest"));
  say(world, module, "moved");
  module.commit();
  assert.equal(await observed(connector, plan), plan.analysis.step.stateDigest);
  const done = await applied(connector, plan);
  assert.equal(ran(world), "approved\n");
  assert.match(world.state, /"\.\.\/data\/modules\/m"/);
  const seen = await connector.verify(plan.payload, done, LIMITS);
  assert.ok(seen.ok, JSON.stringify(seen));
  assert.deepEqual(readdirSync(keptIn(world)).length, 1);
  assert.equal(statSync(join(keptIn(world), readdirSync(keptIn(world))[0] ?? "")).mode & 0o777, 0o700);
  const next = await planned(connector);
  assert.notDeepEqual(Buffer.from(next.payload), Buffer.from(plan.payload), "what it is now is another plan");
  assert.equal(next.analysis.step.undo.kind, "planned", "what was applied is known with its modules");
  const undone = await connector.undo(next.payload, await applied(connector, next), LIMITS);
  assert.ok(undone.ok, JSON.stringify(undone));
  assert.match(world.state, /"approved"/);
});

test("[TF-32] a module that moved on and is not kept any more is not applied, and nothing is done", { skip }, async (t) => {
  const world = new World(t);
  const module = saying(world, "approved");
  const connector = world.connector();
  const plan = await planned(connector);
  const kept = join(keptIn(world), readdirSync(keptIn(world))[0] ?? "");
  writeFileSync(join(kept, "m", "run.sh"), "#!/bin/sh\nexit 1\n");
  await observed(connector, plan);
  assert.match(readFileSync(join(kept, "m", "run.sh"), "utf8"), /approved/, "what somebody wrote to is fetched again");
  say(world, module, "moved");
  module.commit();
  rmSync(kept, { recursive: true });
  for (const looked of [
    await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS),
    await connector.observe(plan.payload, LIMITS),
  ])
    assert.ok(!looked.ok && looked.error.code === "terraform_modules_differ", JSON.stringify(looked));
  assert.ok(!existsSync(world.statePath) && ran(world) === "");
  const later = world.connector({}, { clock: { now: () => (Date.now() + 7_200_000) as never } });
  writeFileSync(join(world.source, "main.tf"), data("a", "  input = 1"));
  await planned(later);
  assert.deepEqual(readdirSync(keptIn(world)), [], "they go with the plans");
});

test("[TF-32] a module with a link that leads out of it is refused", { skip }, async (t) => {
  const world = new World(t);
  const module = saying(world, "linked");
  for (const target of ["../../../source/main.tf", "/etc/hostname", "inner/../../../x"]) {
    rmSync(join(module.path, "out"), { force: true });
    symlinkSync(target, join(module.path, "out"));
    module.commit();
    const answer = await world.connector().analyse(APPLY, LIMITS);
    // Terraform refuses some by itself.
    assert.ok(!answer.ok && ["terraform_modules_link", "terraform_failed"].includes(answer.error.code), JSON.stringify(answer));
    t.diagnostic(answer.error.message.slice(0, 200));
  }
});

test("[TF-32] programs of providers other than those that were planned with apply nothing", { skip }, async (t) => {
  const world = new World(t);
  const [real, folder] = [join(world.root, "cache"), join(world.root, "providers")];
  for (const path of [real, join(folder, "example.com/x/x/1.0.0")]) mkdirSync(path, { recursive: true });
  symlinkSync(real, join(folder, "example.com/x/x/1.0.0/linux_amd64"));
  assert.equal(await digestOfProviders(folder), undefined);
  writeFileSync(join(real, "terraform-provider-x"), "first");
  const first = await digestOfProviders(folder);
  writeFileSync(join(real, "terraform-provider-x"), "second");
  assert.ok(first !== undefined && first !== (await digestOfProviders(folder)), "what a link leads to counts");
  world.file("main.tf", data("a", "  input = 1"));
  const connector = world.connector();
  const plan = await planned(connector);
  const payload = decodePayload(plan.payload);
  assert.ok(payload.ok && payload.value.recipe.configuration.providers === undefined, "nothing is needed for what is built in");
  const configuration = { ...payload.value.recipe.configuration, providers: first };
  const other = encodePayload({ ...payload.value, recipe: { ...payload.value.recipe, configuration } });
  const done = await connector.apply(other, plan.analysis.step.stateDigest, LIMITS);
  assert.ok(!done.ok && done.error.code === "terraform_providers_differ" && done.error.effect === "none", JSON.stringify(done));
  assert.deepEqual(done.error.details, { expected: first, observed: "none" });
  assert.ok(!existsSync(world.statePath));
});

test("[TF-33] a commit that is not on the declared ref is refused, and one that was approved there stays", { skip }, async (t) => {
  const world = new World(t);
  const repository = world.git();
  world.file("main.tf", data("a", "  input = 1"));
  const first = repository.commit();
  world.file("main.tf", data("a", "  input = 2"));
  const second = repository.commit();
  const connector = world.connector({ source: repository.path, ref: "main" });
  await settled(connector, { workspace: "net", operation: "apply", commit: first });
  const plan = await planned(connector, { workspace: "net", operation: "apply", commit: second });
  const proposal = repository.elsewhere("refs/pull/1/head");
  const refused = await connector.analyse({ workspace: "net", operation: "apply", commit: proposal }, LIMITS);
  assert.ok(!refused.ok && refused.error.code === "terraform_pin_refused", JSON.stringify(refused));
  assert.match(refused.error.remedy ?? "", /merge it into main first/);
  const ask = { workspace: "net", operation: "apply", commit: proposal };
  const further = world.connector({ source: repository.path, ref: "main", refs: ["release/*", "main"] });
  const never = await further.analyse(ask, LIMITS);
  assert.ok(!never.ok && never.error.code === "terraform_pin_refused", JSON.stringify(never));
  const branch = (...args: readonly string[]) => execFileSync("git", [`--git-dir=${repository.path}`, "update-ref", ...args]);
  branch("refs/heads/release/1", proposal);
  await planned(further, ask);
  branch("-d", "refs/heads/release/1");
  const past = await further.analyse(ask, LIMITS);
  assert.ok(!past.ok && past.error.code === "terraform_pin_refused", "a branch that is gone allows nothing");
  branch("refs/heads/main", first);
  const gone = await connector.analyse({ workspace: "net", operation: "apply", commit: second }, LIMITS);
  assert.ok(!gone.ok && gone.error.code === "terraform_pin_refused", "also where it is known from before");
  await applied(connector, plan);
  assert.match(world.state, /2/);
});

test("[TF-34] a value for a variable that the configuration keeps secret is refused, and stays nowhere", { skip }, async (t) => {
  const world = new World(t);
  world.file("main.tf", `variable "colour" {\n  type      = string\n  sensitive = true\n}\n${data("a", "  input = var.colour")}`);
  const connector = world.connector();
  const answer = await connector.analyse({ workspace: "net", operation: "apply", variables: { colour: "canary-teal" } }, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "terraform_variable_refused" && answer.error.where === "input.variables.colour");
  assert.ok(!JSON.stringify(answer).includes("canary"));
  const files = readdirSync(world.workDir, { recursive: true, withFileTypes: true }).filter((one) => one.isFile());
  assert.ok(files.every((one) => !readFileSync(join(one.parentPath, one.name)).includes("canary")));
  assert.ok(!existsSync(join(world.workDir, "plans", "net")), "nor is the plan kept, which holds it");
  const env = { PATH: process.env["PATH"], COLOUR: "canary-teal" };
  const plan = await planned(world.connector({ planEnv: ["TF_VAR_colour=COLOUR"] }, { env }));
  assert.ok(!JSON.stringify(plan.analysis).includes("canary"));
});
