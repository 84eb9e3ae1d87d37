/** Where a state is kept: whose it is, and that nothing of it is lost. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { terraformConnector } from "../../../src/connectors/terraform/index.ts";
import { millis } from "../../../src/core/base/index.ts";
import { APPLY, LIMITS, World, data, planned, settled, skip } from "./world.ts";

const backendAt = (path: string): string => `terraform {\n  backend "local" {\n    path = ${JSON.stringify(path)}\n  }\n}\n`;

test(
  "[TF-29] [B14] a configuration that reaches for another workspace's state is refused, and a state elsewhere is a danger",
  { skip },
  async (t) => {
    const production = new World(t);
    production.file("main.tf", data("precious", '  input = "kept"'));
    const staging = new World(t);
    staging.file("main.tf", data("a", '  input = "x"'));
    const workspaces = [production.workspace({ name: "prod" }), staging.workspace({ name: "staging", environment: "staging" })];
    const connector = terraformConnector({
      workspaces,
      workDir: staging.workDir,
      secretKey: new Uint8Array(32).fill(9),
      clock: { now: () => millis(Date.now()) },
      env: { PATH: process.env["PATH"] },
    });
    await settled(connector, { workspace: "prod", operation: "apply" });
    const own = { workspace: "staging", operation: "apply" } as const;
    const first = await settled(connector, own);
    assert.ok(first.analysis.evidence.some(({ topic, text }) => topic === "terraform.backend" && text.includes(staging.statePath)));

    staging.file("backend.tf", backendAt(production.statePath));
    const reached = await connector.analyse(own, LIMITS);
    assert.ok(!reached.ok && reached.error.code === "terraform_state_of_another", JSON.stringify(reached));

    staging.file("backend.tf", backendAt(join(staging.root, "state", "other.tfstate")));
    const { analysis } = await planned(connector, own);
    assert.ok(analysis.findings.some(({ code, severity }) => code === "terraform.other_state" && severity === "danger"));
  },
);

test("[TF-31] a configuration that brings programs of providers along is a danger", { skip }, async (t) => {
  const world = new World(t);
  world.file("main.tf", data("a", '  input = "x"'));
  world.file("terraform.d/plugins/example.com/own/own/1.0.0/linux_amd64/terraform-provider-own", "#!/bin/sh\n");
  const { analysis } = await planned(world.connector());
  assert.ok(analysis.findings.some(({ code, severity }) => code === "terraform.own_providers" && severity === "danger"));
});

test("[TF-5] a backend that forgets its state is refused", { skip }, async (t) => {
  const world = new World(t);
  world.file("backend.tf", 'terraform {\n  backend "inmem" {}\n}\n');
  world.file("main.tf", data("a", '  input = "x"'));
  const answer = await world.connector().analyse(APPLY, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "terraform_state_not_kept");
});

test("[TF-30] [D36] a new state that could not be stored is kept for people, and named", { skip }, async (t) => {
  const server = createServer((request, response) => {
    response.statusCode = request.method === "POST" ? 500 : 404;
    response.end();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const world = new World(t);
  const { port } = server.address() as AddressInfo;
  world.file("backend.tf", `terraform {\n  backend "http" {\n    address = "http://127.0.0.1:${port}/state"\n    retry_max = 0\n  }\n}\n`);
  world.file("main.tf", data("a", '  input = "x"'));
  const connector = world.connector();
  const plan = await planned(connector);
  const done = await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
  assert.ok(!done.ok && done.error.effect === "possible");
  const [name = ""] = readdirSync(join(world.workDir, "errored"));
  const kept = join(world.workDir, "errored", name);
  assert.equal(done.error.details?.["state_that_was_not_stored"], kept);
  assert.ok(readFileSync(kept, "utf8").includes('"terraform_data"'));
});

/** Plans, tells the payload, and applies until it is killed. */
const APPLIER = (world: World): string => `
import { terraformConnector } from ${JSON.stringify(join(import.meta.dirname, "../../../src/connectors/terraform/index.ts"))};
const connector = terraformConnector({
  workspaces: [${JSON.stringify(world.workspace())}], workDir: ${JSON.stringify(world.workDir)},
  secretKey: new Uint8Array(32).fill(9), clock: { now: () => Date.now() }, env: { PATH: process.env.PATH },
});
const plan = await connector.analyse({ workspace: "net", operation: "apply" }, { timeoutMillis: 60000 });
process.send(Buffer.from(plan.value.payload).toString());
await connector.apply(plan.value.payload, plan.value.analysis.step.stateDigest, { timeoutMillis: 60000 });
`;

test(
  "[TF-6] [TF-25] [D30] Pawl is killed while it applies: Terraform goes on in a folder that nobody takes from it",
  { skip },
  async (t) => {
    const world = new World(t);
    const [began, gate, seen] = ["began", "gate", "seen"].map((name) => join(world.root, name)) as [string, string, string];
    const program = `touch ${began}; for i in $(seq 600); do [ -e ${gate} ] && break; sleep 0.1; done; cat main.tf > ${seen}.new && mv ${seen}.new ${seen}`;
    world.file("main.tf", data("a", `  input = "x"\n  provisioner "local-exec" {\n    command = ${JSON.stringify(program)}\n  }`));
    writeFileSync(join(world.root, "applier.mjs"), APPLIER(world));
    const applier = spawn(process.execPath, [join(world.root, "applier.mjs")], { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    const told = await Promise.race([once(applier, "message"), once(applier, "exit")]);
    const payload: unknown = told[0];
    assert.ok(typeof payload === "string", "it ended before it told its plan");
    await until(() => existsSync(began));
    applier.kill("SIGKILL");
    await once(applier, "exit");
    const looked = await world.connector({ lockTimeoutSeconds: 1 }).observe(Buffer.from(payload), LIMITS);
    assert.ok(!looked.ok && looked.error.code === "terraform_locked", "nobody is told that the state is as it was");
    writeFileSync(gate, "");
    await until(() => existsSync(seen));
    assert.match(readFileSync(seen, "utf8"), /terraform_data/, "its configuration is still there");
    await until(() => existsSync(world.statePath) && world.state.includes('"terraform_data"'));
  },
);

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 600, "it never came");
    await new Promise((done) => void setTimeout(done, 50));
  }
}
