/** Declared operations through the real server: declared by a change, asked for by an agent, signed, run, moved away, undone. */
import assert from "node:assert/strict";
import { readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { pawl, folder, type Ran, type Setting } from "../../cli/world.ts";
import { loadSettings } from "../../../src/cli/settings.ts";
import { Api } from "./api.ts";
import { CANARY, exampleAt } from "./world.ts";

const DIRECTORY = {
  persons: ["ada", "barbara", "linus"].map((id) => ({ id, name: id, active: true, identities: [], roles: id === "ada" ? ["admin"] : [] })),
  machines: [{ id: "agent:support", owner: "human:ada", actsFor: [], active: true }],
  groups: [
    { name: "admins", members: ["ada", "barbara"], handles: [] },
    { name: "identity", members: ["barbara"], handles: [] },
    { name: "security", members: ["barbara"], handles: [] },
    { name: "maintainers", members: ["linus"], handles: ["@shop/maintainers"] },
  ],
};

interface Served {
  readonly api: Api;
  readonly dir: string;
  readonly logged: readonly string[];
  as(name: string, ...argv: string[]): Promise<Ran>;
  /** A transition of OPS-1 that waits to be started once it is signed. */
  signed(status: string): Promise<string>;
}

async function served(t: TestContext, seeded = true): Promise<Served> {
  const api = await Api.open(t);
  const dir = await folder(t);
  writeFileSync(join(dir, "token"), `${CANARY}\n`);
  writeFileSync(join(dir, "directory.json"), JSON.stringify(DIRECTORY));
  writeFileSync(join(dir, "connectors.yaml"), exampleAt(api.origin));
  const credentials = ["tickets", "flags", "flags-reader"].map((name) => ({
    name,
    origins: [api.origin],
    scheme: "Bearer",
    value_file: "token",
  }));
  const seeds = { directory: "directory.json", ...(seeded ? { connectors: "connectors.yaml" } : {}) };
  const config = {
    data_dir: "data",
    origin: "shop.example/log",
    listen: { port: 0 },
    credentials,
    http: { allow_private: [api.origin] },
    seeds,
  };
  writeFileSync(join(dir, "pawl.yaml"), JSON.stringify(config));
  const loaded = loadSettings({ cwd: dir, env: {} });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { startPawl } = await import("../../../src/main.ts");
  const logged: string[] = [];
  const started = await startPawl(loaded.value.settings, { log: (line) => void logged.push(line) });
  assert.ok(started.ok, JSON.stringify(started));
  t.after(() => started.value.close());
  const base: Setting = { cwd: dir, env: { PAWL_URL: started.value.url } };
  for (const [name, principal] of Object.entries({ agent: "agent:support", barbara: "human:barbara", linus: "human:linus" })) {
    const made = await pawl(base, "token", "create", "--as", "ada", "--for", principal, "--save", name);
    assert.equal(made.code, 0, made.err);
  }
  const as = (name: string, ...argv: string[]) => pawl(base, ...argv, "--as", name);
  const ask = (body: object) =>
    pawl({ ...base, stdin: JSON.stringify(body) }, "propose", "--file", "-", "--wait", "--quiet", "--as", "agent");
  return {
    api,
    dir,
    logged,
    as,
    async signed(status) {
      const input = { system: "tickets", operation: "transition", arguments: { ticket: "OPS-1", status } };
      const ran = await ask({ title: `Move OPS-1 to ${status}`, start: "on-request", steps: [{ connector: "http", input }] });
      assert.equal(ran.code, 0, ran.err);
      const id = ran.out.trim();
      const approved = await as("linus", "approve", id, "--yes", "--quiet");
      assert.equal(approved.code, 0, approved.err);
      return id;
    },
  };
}

test("approved and run, an operation is asked for exactly as it was shown", async (t) => {
  const { api, as, signed } = await served(t);
  const id = await signed("done");
  const shown = await as("linus", "show", id);
  assert.match(shown.out, /UPDATE +http:tickets#ticket\/OPS-1/);
  assert.match(shown.out, /"method":"PUT"/);
  const ran = await as("linus", "run", id);
  assert.equal(ran.code, 0, ran.err + ran.out);
  assert.match(ran.out, /verified/);
  assert.deepEqual([api.writes.length, api.tickets.get("OPS-1")?.status], [1, "done"]);
});

test("[B12, OP-21] approved, and the ticket moves past Pawl: stale_state, both fingerprints, zero writes", async (t) => {
  const { api, as, signed } = await served(t);
  const id = await signed("done");
  api.move("OPS-1", "open");
  const ran = await as("linus", "run", id);
  assert.equal(ran.code, 1);
  assert.match(ran.out, /stale/);
  assert.match(ran.out, /expected +state sha256:[0-9a-f]+/);
  assert.match(ran.out, /found +state sha256:[0-9a-f]+/);
  assert.deepEqual([api.writes.length, api.tickets.get("OPS-1")?.status], [0, "open"]);
});

test("[OP-26] verification fails, and it is undone", async (t) => {
  const { api, as, signed } = await served(t);
  const id = await signed("done");
  // The API takes the status for another one, once.
  const set = api.tickets.set.bind(api.tickets);
  api.tickets.set = (key, value) => {
    api.tickets.set = set;
    return set(key, { ...value, status: "open" });
  };
  const ran = await as("linus", "run", id);
  assert.match(ran.out, /undone/, ran.err);
  assert.deepEqual(
    api.writes.map(({ body }) => body),
    ['{"status":"done"}', '{"status":"doing"}'],
  );
  assert.equal(api.tickets.get("OPS-1")?.status, "doing");
});

test("[OP-24, D30] an answer that is lost leaves the run indeterminate, and nothing is asked again", async (t) => {
  const { api, as, signed } = await served(t);
  const id = await signed("done");
  api.misbehave = "loses";
  const ran = await as("linus", "run", id);
  assert.match(ran.out, /indeterminate/, ran.err);
  assert.equal(api.writes.length, 1);
});

test("[OP-4, PW-8] operations are declared by a change, and asked for under the declarations then in force", async (t) => {
  const { api, dir, as } = await served(t, false);
  assert.match((await as("agent", "connector", "list")).out, /no operation is declared/);
  const proposed = await as("linus", "connector", "propose", join(dir, "connectors.yaml"), "--wait", "--quiet");
  assert.equal(proposed.code, 0, proposed.err);
  const id = proposed.out.trim();
  const shown = await as("ada", "show", id);
  assert.match(shown.out, /CREATE +pawl:connectors#http\/tickets\/transition/);
  assert.match(shown.out, /the host it talks to was nothing and becomes http:\/\/127\.0\.0\.1/);
  const approved = await as("barbara", "approve", id, "--yes", "--wait");
  assert.match(approved.out, /verified/, approved.err);
  const listed = await as("agent", "connector", "list");
  assert.match(listed.out, /http\/tickets\/transition +update +production +looked at +transition +ticket, status/);
  assert.equal((await as("agent", "connector", "test")).code, 0);
  assert.match((await as("agent", "connector", "show", "http/flags/roll-out")).out, /takes +percent: a whole number from 0 to 100/);
  assert.equal(api.heard.length, 0);
});

test("[K78, OP-30] the credential is in no file of the data folder, no log, and no answer", async (t) => {
  const { api, dir, as, logged, signed } = await served(t);
  const said: string[] = [];
  for (const misbehaviour of ["never", "fails"] as const) {
    const id = await signed("done");
    api.misbehave = misbehaviour;
    for (const argv of [
      ["run", id],
      ["show", id, "--json"],
      ["watch", id, "--json"],
    ]) {
      const { out, err } = await as("linus", ...argv);
      said.push(out, err);
    }
    api.tickets.set("OPS-1", { status: "doing", title: "Rotate the keys", version: 20 });
  }
  said.push((await as("ada", "ledger", "entries", "--json")).out, ...logged);
  assert.ok(api.writes.length >= 2);
  assert.ok(!said.join("\n").includes(CANARY));
  const files = readdirSync(join(dir, "data"), { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  for (const file of files) assert.ok(!readFileSync(join(file.parentPath, file.name)).includes(CANARY), file.name);
});
