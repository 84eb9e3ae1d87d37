/** A change through the whole of control: proposed, approved, and run on a state that moved, that fails its check, or that nobody may touch. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { TestContext } from "node:test";
import type { Json } from "../../../src/core/base/index.ts";
import { ControlWorld } from "../../../src/testing/control-world.ts";
import { pawl } from "../../cli/world.ts";
import { found, foundBelow } from "../../security/traces.ts";
import { APPLY, World, data, settled, skip } from "./world.ts";

const CHECKED = (size: number): string =>
  `${data("a", `  input = ${size}`)}check "healthy" {\n  assert {\n    condition     = terraform_data.a.output < 10\n    error_message = "too large"\n  }\n}\n`;

/** One generation is applied already; the folder holds the next. */
async function opened(t: TestContext, size: number): Promise<{ world: World; control: ControlWorld }> {
  const world = new World(t);
  const connector = world.connector();
  world.file("main.tf", CHECKED(1));
  await settled(connector);
  world.file("main.tf", CHECKED(size) + data("b", "  input = 1"));
  const control = await ControlWorld.open({ connectors: [connector] });
  t.after(() => control.close());
  return { world, control };
}

const change = (input: Json = APPLY) => ({ title: "Grow", start: "on-request", steps: [{ connector: "terraform", input }] });

async function run(control: ControlWorld, id: string): Promise<string> {
  const asked = await control.control.run(control.as("hal"), id);
  assert.ok(asked.ok, JSON.stringify(asked));
  await control.settle();
  return (await control.view(id)).status;
}

test("[TF-20] approved and run, the state is what was approved", { skip }, async (t) => {
  const { world, control } = await opened(t, 2);
  const proposed = await control.propose(change());
  assert.equal((await control.approve(proposed.id, "bo")).status, "authorised");
  assert.match(await run(control, proposed.id), /^(applied|verified)$/);
  assert.match(world.state, /"name": "b"/);
});

test("[TF-21] [B12] a state that moved after the approval: stale, both fingerprints, zero writes", { skip }, async (t) => {
  const { world, control } = await opened(t, 2);
  const proposed = await control.propose(change());
  await control.approve(proposed.id, "bo");
  world.file("main.tf", CHECKED(3));
  world.beside("apply", "-input=false", "-auto-approve");
  const before = world.state;
  assert.equal(await run(control, proposed.id), "stale");
  const { drift } = await control.view(proposed.id);
  assert.ok(drift !== undefined && drift.expected !== drift.observed);
  assert.equal(world.state, before);
  assert.ok(!(await control.types(proposed.id)).includes("effect_started"));
});

test("[TF-24] [TF-26] a check that fails after the apply: undone, and the state is what it was but for its serial", { skip }, async (t) => {
  const { world, control } = await opened(t, 11);
  const before = JSON.parse(world.state) as { resources: unknown };
  const proposed = await control.propose(change());
  await control.approve(proposed.id, "bo");
  assert.equal(await run(control, proposed.id), "undone");
  assert.deepEqual((JSON.parse(world.state) as { resources: unknown }).resources, before.resources);
});

test("[TF-19] [B11] planned again and equal, the votes stay; planned again and different, they do not", { skip }, async (t) => {
  const { world, control } = await opened(t, 2);
  const proposed = await control.propose(change());
  const signed = await control.approve(proposed.id, "bo");
  await control.control.replan(control.as("hal"), proposed.id);
  await control.settle();
  const again = await control.view(proposed.id);
  assert.deepEqual([again.review_digest, again.status], [signed.review_digest, "authorised"]);
  world.file("main.tf", CHECKED(3));
  await control.control.replan(control.as("hal"), proposed.id);
  await control.settle();
  assert.equal((await control.view(proposed.id)).status, "awaiting");
});

test("[TF-7] a plan that an agent brings is shown as a claim, and blocked", { skip }, async (t) => {
  const { world, control } = await opened(t, 2);
  world.beside("plan", "-input=false", `-out=${join(world.root, "p")}`);
  const plan_json = world.beside("show", "-json", join(world.root, "p"));
  const proposed = await control.propose(change({ workspace: "net", plan_json }));
  assert.equal(proposed.status, "blocked");
});

test("[TF-12] [K78] sensitive values are in no ledger, answer, log, export or database of a real Pawl", { skip }, async (t) => {
  const world = new World(t);
  const secrets = {
    "a sensitive value": "canary-sensitive-Zk3bN8",
    "one that replaces it": "canary-sensitive-Qw7xT1",
    "a credential to plan with": "canary-reader-Hj2mV5",
    "a credential to apply with": "canary-writer-Lp9cD4",
    "what a program prints": "canary-printed-Rf6sG0",
  };
  const generation = (secret: string, command: string): string =>
    `variable "s" {\n  type      = string\n  default   = "${secret}"\n  sensitive = true\n}\n${data("a", `  input = { password = var.s, url = "db://\${var.s}@host" }\n  provisioner "local-exec" {\n    command = "${command}"\n  }`)}output "o" {\n  value     = var.s\n  sensitive = true\n}\n`;
  world.file("main.tf", generation(secrets["a sensitive value"], `echo ${secrets["what a program prints"]}`));
  const config = {
    data_dir: "data",
    listen: { port: 0 },
    terraform: [{ name: "net", source: "./config", environment: "production", plan_env: ["CLOUD=READER"], apply_env: ["CLOUD=WRITER"] }],
  };
  writeFileSync(join(world.root, "pawl.yaml"), JSON.stringify(config));
  const { as, output, stop } = await serve(t, world.root, {
    READER: secrets["a credential to plan with"],
    WRITER: secrets["a credential to apply with"],
  });
  const told: string[] = [];
  const tell = async (who: string, ...argv: string[]): Promise<string> => {
    const ran = await as(who, ...argv);
    told.push(ran.out, ran.err);
    return ran.out.trim();
  };
  const [me = ""] = readdirSync(join(world.root, "data/tokens")).filter((name) => name !== "sandbox");
  const story = async (ended: RegExp): Promise<void> => {
    const steps = [{ connector: "terraform", input: APPLY }];
    writeFileSync(join(world.root, "change.json"), JSON.stringify({ title: "Apply", steps }));
    const id = await tell("sandbox", "propose", "--file", "change.json", "--wait", "--quiet");
    await tell(me, "show", id);
    await tell(me, "approve", id, "--yes", "--wait");
    assert.match(await tell(me, "show", id, "--json"), ended);
  };
  await story(/"status": ?"(applied|verified)"/);
  world.file(
    "main.tf",
    `${generation(secrets["one that replaces it"], "true")}${data("b", `  input = terraform_data.a.id\n  provisioner "local-exec" {\n    command = "echo $CLOUD ${secrets["what a program prints"]}; exit 1"\n  }`)}`,
  );
  await story(/"status": ?"indeterminate"/);
  await tell(me, "ledger", "tail");
  await tell("", "ledger", "export", "copy");
  await stop();
  assert.ok(world.state.includes(secrets["one that replaces it"]), "Terraform had it");
  for (const text of [...told, output.text]) assert.deepEqual(found(secrets, text), [], text.slice(0, 2_000));
  const own = [join(world.root, "data", "work", "terraform")];
  assert.deepEqual(foundBelow(join(world.root, "data"), secrets, own), []);
  assert.deepEqual(foundBelow(join(world.root, "copy"), secrets), []);
  assert.deepEqual(foundBelow(join(world.root, "data", "work", "terraform", "applied"), secrets), []);
});

const BIN = resolve(import.meta.dirname, "../../../bin/pawl.js");

async function serve(t: TestContext, cwd: string, more: Record<string, string>) {
  const env = { PATH: process.env["PATH"], HOME: cwd, NO_COLOR: "1", ...more };
  const child = spawn(process.execPath, [BIN, "up"], { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
  t.after(() => child.kill("SIGKILL"));
  const output = { text: "" };
  const { promise, resolve: ready } = Promise.withResolvers<string>();
  for (const pipe of [child.stdout, child.stderr])
    pipe.setEncoding("utf8").on("data", (text: string) => {
      output.text += text;
      const at = /Pawl runs at (\S+)[^]*Stop with/.exec(output.text)?.[1];
      if (at !== undefined) ready(at);
    });
  child.once("exit", () => ready(""));
  const url = await promise;
  assert.notEqual(url, "", output.text);
  return {
    output,
    as: (name: string, ...argv: string[]) =>
      pawl({ cwd, env: { PAWL_URL: url }, stdin: "", width: 200 }, ...argv, ...(name === "" ? [] : ["--as", name])),
    stop: async () => {
      child.kill("SIGTERM");
      await once(child, "exit");
    },
  };
}
