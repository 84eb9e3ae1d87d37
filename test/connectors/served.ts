/** A real Pawl with declared operations, people who sign, and an agent who asks. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { loadSettings } from "../../src/cli/settings.ts";
import { folder, pawl, type Ran, type Setting } from "../cli/world.ts";

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

export interface Served {
  readonly dir: string;
  readonly logged: readonly string[];
  readonly as: (name: string, ...argv: string[]) => Promise<Ran>;
  /** A step of the agent's, signed by Linus; it waits for `run`. */
  readonly signed: (connector: string, input: object) => Promise<string>;
  /** Every byte that Pawl keeps. */
  readonly kept: () => Buffer;
}

/** `connectors.yaml` holds the declarations, and is what the server begins with unless the settings say otherwise. */
export async function serve(t: TestContext, declarations: string, more: (dir: string) => object): Promise<Served> {
  const dir = await folder(t);
  writeFileSync(join(dir, "directory.json"), JSON.stringify(DIRECTORY));
  writeFileSync(join(dir, "connectors.yaml"), declarations);
  const seeds = { directory: "directory.json", connectors: "connectors.yaml" };
  const config = { data_dir: "data", origin: "shop.example/log", listen: { port: 0 }, seeds, ...more(dir) };
  writeFileSync(join(dir, "pawl.yaml"), JSON.stringify(config));
  const loaded = loadSettings({ cwd: dir, env: {} });
  assert.ok(loaded.ok, JSON.stringify(loaded));
  const { startPawl } = await import("../../src/main.ts");
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
  const data = join(dir, "data");
  return {
    dir,
    logged,
    as,
    async signed(connector, input) {
      const body = JSON.stringify({ title: "Ask for an operation", start: "on-request", steps: [{ connector, input }] });
      const ran = await pawl({ ...base, stdin: body }, "propose", "--file", "-", "--wait", "--quiet", "--as", "agent");
      assert.equal(ran.code, 0, ran.err);
      const id = ran.out.trim();
      const approved = await as("linus", "approve", id, "--yes", "--quiet");
      assert.equal(approved.code, 0, approved.err);
      return id;
    },
    kept: () =>
      Buffer.concat(
        readdirSync(data, { recursive: true, withFileTypes: true })
          .filter((entry) => entry.isFile())
          .map((entry) => readFileSync(join(entry.parentPath, entry.name))),
      ),
  };
}
