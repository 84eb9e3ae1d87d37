/** What was signed is what runs, through the real server, for the connectors whose targets are outside this machine's repositories. */
import assert from "node:assert/strict";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { RELEASE_V2, world as shopOf } from "./command/world.ts";
import { Api } from "./http/api.ts";
import { exampleAt } from "./http/world.ts";
import { serve, type Served } from "./served.ts";
import { skip as noTerraform, World } from "./terraform/world.ts";

interface Kind {
  readonly name: string;
  readonly skip: string | false;
  readonly open: (t: TestContext) => Promise<{
    readonly pawl: Served;
    readonly input: object;
    /** The same with other parameters, and the same for something else. */
    readonly altered: object;
    readonly elsewhere: object;
    /** Everything that it could write to, as text. */
    readonly read: () => string;
  }>;
}

const transition = (ticket: string, status: string) => ({ system: "tickets", operation: "transition", arguments: { ticket, status } });

const KINDS: readonly Kind[] = [
  {
    name: "http",
    skip: false,
    open: async (t) => {
      const api = await Api.open(t);
      api.tickets.set("OPS-2", { status: "doing", title: "Rotate more keys", version: 1 });
      const pawl = await serve(t, exampleAt(api.origin), (dir) => {
        writeFileSync(join(dir, "token"), "a token\n");
        const credentials = ["tickets", "flags", "flags-reader"].map((name) => ({ name, origins: [api.origin], value_file: "token" }));
        return { credentials, http: { allow_private: [api.origin] } };
      });
      const read = (): string => JSON.stringify([api.writes.length, [...api.tickets]]);
      return {
        pawl,
        input: transition("OPS-1", "done"),
        altered: transition("OPS-1", "open"),
        elsewhere: transition("OPS-2", "done"),
        read,
      };
    },
  },
  {
    name: "command",
    skip: false,
    open: async (t) => {
      const shop = shopOf(t);
      process.env["RELEASE_TOKEN"] = "a token";
      t.after(() => delete process.env["RELEASE_TOKEN"]);
      const pawl = await serve(t, shop.text, () => ({
        command: { programs: [shop.program], probes: [`${shop.program} --current`], pass: ["RELEASE_TOKEN"] },
      }));
      const to = (version: string) => ({ ...RELEASE_V2, arguments: { version } });
      return { pawl, input: RELEASE_V2, altered: to("v3"), elsewhere: to("v4"), read: () => `${shop.version()} ${shop.writes()}` };
    },
  },
  {
    name: "terraform",
    skip: noTerraform,
    open: async (t) => {
      const worlds = [new World(t), new World(t)] as const;
      for (const world of worlds)
        world.file("main.tf", 'variable "size" { type = number }\nresource "terraform_data" "a" { input = var.size }\n');
      const terraform = worlds.map(({ source }, n) => ({ name: `net${n}`, source, environment: "staging", variables: ["size:number"] }));
      const pawl = await serve(t, "connectors: connectors/v1\n", () => ({ terraform, seeds: { directory: "directory.json" } }));
      const apply = (workspace: string, size: number) => ({ workspace, operation: "apply", variables: { size } });
      const read = (): string => worlds.map(({ statePath }) => existsSync(statePath)).join();
      return { pawl, input: apply("net0", 1), altered: apply("net0", 2), elsewhere: apply("net1", 1), read };
    },
  },
];

for (const { name, skip, open } of KINDS) {
  test(
    `${name}: [B11] [B13] [B14] [B15] other parameters, another target or another step after the approval: nothing that was signed stands`,
    { skip },
    async (t) => {
      const { pawl, input, altered, elsewhere, read } = await open(t);
      const before = read();
      const steps = { altered: [altered], elsewhere: [elsewhere], more: [input, elsewhere] };
      for (const [what, inputs] of Object.entries(steps)) {
        const id = await pawl.signed(name, input);
        const body = { title: "Ask for something else", steps: inputs.map((each) => ({ connector: name, input: each })) };
        writeFileSync(join(pawl.dir, "revised.json"), JSON.stringify(body));
        const revised = await pawl.as("agent", "revise", id, "--file", "revised.json", "--wait", "--json");
        assert.equal(revised.code, 0, `${what}: ${revised.err}`);
        const shown = await pawl.as("linus", "show", id, "--json");
        assert.match(shown.out, /"status": ?"awaiting"/, what);
        const ran = await pawl.as("linus", "run", id);
        assert.equal(ran.code, 1, what);
        assert.match(ran.err, /awaiting/, what);
        await pawl.as("agent", "withdraw", id);
      }
      assert.equal(read(), before);
    },
  );

  test(`${name}: [B16] a signature or a change that is taken back before the start means no execution`, { skip }, async (t) => {
    const { pawl, input, read } = await open(t);
    const before = read();
    for (const who of ["linus", "agent"]) {
      const id = await pawl.signed(name, input);
      const back = await pawl.as(who, "withdraw", id, ...(who === "linus" ? ["--vote"] : []));
      assert.equal(back.code, 0, back.err);
      assert.equal((await pawl.as("linus", "run", id)).code, 1);
      await pawl.as("agent", "withdraw", id);
    }
    assert.equal(read(), before);
  });
}
