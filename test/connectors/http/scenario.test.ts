/** Declared operations through the real server: declared by a change, asked for by an agent, signed, run, moved away, undone. */
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { serve } from "../served.ts";
import { Api } from "./api.ts";
import { CANARY, exampleAt } from "./world.ts";

async function served(t: TestContext, more: object = {}) {
  const api = await Api.open(t);
  const world = await serve(t, exampleAt(api.origin), (dir) => {
    writeFileSync(join(dir, "token"), `${CANARY}\n`);
    const credentials = ["tickets", "flags", "flags-reader"].map((name) => ({
      name,
      origins: [api.origin],
      scheme: "Bearer",
      value_file: "token",
    }));
    return { credentials, http: { allow_private: [api.origin] }, ...more };
  });
  const signed = (status: string) =>
    world.signed("http", { system: "tickets", operation: "transition", arguments: { ticket: "OPS-1", status } });
  return { ...world, api, signed };
}

test("approved and run, an operation is asked for exactly as it was shown", async (t) => {
  const { api, as, signed } = await served(t);
  const id = await signed("done");
  const shown = await as("linus", "show", id);
  assert.match(shown.out, /UPDATE +http:tickets#ticket\/OPS-1/);
  assert.match(shown.out, /request\.compared_by +"etag"/);
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
  const { api, dir, as } = await served(t, { seeds: { directory: "directory.json" } });
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

test("[OP-4, B11] an operation is declared otherwise after it was signed for: the vote is void, and what runs is what is shown anew", async (t) => {
  const { api, dir, as, signed } = await served(t);
  const id = await signed("done");
  const text = exampleAt(api.origin).replace('body: { status: "{status}" }', 'body: { status: "{status}", title: Moved }');
  const tested = text.replaceAll("body: { status: done }", "body: { status: done, title: Moved }");
  const whole = tested.replaceAll("body: { status: doing }", "body: { status: doing, title: Moved }");
  writeFileSync(join(dir, "next.yaml"), whole);
  const proposed = await as("linus", "connector", "propose", join(dir, "next.yaml"), "--wait", "--quiet");
  assert.equal(proposed.code, 0, proposed.err);
  const replaced = await as("barbara", "approve", proposed.out.trim(), "--yes", "--wait");
  assert.match(replaced.out, /verified/, replaced.err);
  // Planned anew by a job, soon after.
  for (let tries = 0; tries < 200; tries += 1) if ((await as("linus", "watch", id)).out.includes("awaiting")) break;
  assert.match((await as("linus", "show", id)).out, /"title":"Moved"/);
  assert.equal((await as("linus", "run", id)).code, 1);
  assert.deepEqual(api.writes, []);
});

test("[K78, OP-30] the credential is in no file of the data folder, no log, and no answer", async (t) => {
  const { api, as, logged, signed, kept } = await served(t);
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
  assert.ok(!kept().includes(CANARY));
});
