/** A server that answers as it likes: nothing of it acts on a screen, and no answer of another form is taken for one of ours. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { folder, pawl, type Ran } from "./world.ts";

const ID = "chg_00000000000000000000000000";
const EVIL = "e\u001b[31m\u001b[2J\u001b]0;x\u0007\u009b31m\u202eb\u2066c\u200bd\ufeff\u{e0041}\rf\ng";
// oxlint-disable-next-line no-control-regex
const ACTING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\u{e0000}-\u{e007f}]/u;
// oxlint-disable-next-line no-control-regex
const COLOR = /\u001b\[(?:0|1|2|22|39|(?:1;)?3[1-6]|1;37;41)m/g;

const CHANGE = {
  id: ID,
  status: "verified",
  version: 3,
  revision: 1,
  title: "t",
  proposer: "agent:a",
  on_behalf_of: "agent:a",
  created_at: 0,
  updated_at: 0,
  expires_at: 0,
  next: "n",
};
const DIGESTS = Object.fromEntries(["plan", "state", "route", "bundle", "presentation", "review", "payload"].map((name) => [name, EVIL]));

type Answers = (path: string) => { readonly status?: number; readonly body: unknown };

async function against(t: TestContext, answers: Answers): Promise<(...argv: string[]) => Promise<Ran>> {
  const server = createServer((request, reply) => {
    const { status = 200, body } = answers(request.url ?? "");
    reply.writeHead(status, { "content-type": status < 400 ? "application/json" : "application/problem+json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const cwd = await folder(t);
  return (...argv) => pawl({ cwd, env: { PAWL_TOKEN: "pawl_tok_1" }, color: argv.includes("--quiet") }, ...argv, "--url", url);
}

const COMMANDS: readonly (readonly string[])[] = [
  ["list"],
  ["show", ID],
  ["show", ID, "--events"],
  ["watch", ID],
  ["run", ID],
  ["replan", ID],
  ["withdraw", ID],
  ["approve", ID, "--yes"],
  ["reject", ID, "--comment", "no"],
  ["reconcile", ID, "--outcome", "failed", "--evidence", "seen", "--yes"],
  ["policy", "show"],
  ["policy", "explain", ID],
  ["people", "show"],
  ["people", "me"],
  ["token", "list"],
  ["token", "create", "--for", "human:ada"],
  ["token", "revoke", "tok_1"],
  ["ledger", "entries"],
  ["ledger", "tail"],
];

test("[F50] no text of a server's reaches the screen as anything but text, whatever the command", async (t) => {
  const steps = [EVIL, "step-2"].map((id) => ({ id, connector: EVIL, outcome: EVIL }));
  const change = {
    ...CHANGE,
    id: EVIL,
    status: EVIL,
    title: EVIL,
    next: EVIL,
    proposer: EVIL,
    drift: { expected: EVIL, observed: EVIL },
    run: { id: EVIL, runner: EVIL, started_at: 0, steps },
    waits_for: { change: EVIL, status: EVIL },
  };
  const ran = await against(t, (path) => {
    if (path.startsWith("/v1/policy")) return { body: { text: EVIL.replace("\n", ""), digest: EVIL, name: EVIL, lines: [EVIL] } };
    if (path.startsWith("/v1/ledger/entries")) return { body: { entries: [{ index: 0, stream: EVIL, entry: EVIL }] } };
    if (path.startsWith("/v1/tokens"))
      return { body: { token: EVIL, view: { id: EVIL, principal: EVIL, label: EVIL, created_at: 0, revoked: false } } };
    if (path.includes("/events")) return { body: { events: [{ index: 0, type: EVIL, at: 0, event: { x: EVIL } }] } };
    if (path.endsWith("/plan"))
      return { body: { change, plan: { x: EVIL }, presentation: { title: EVIL }, trace: [], context: {}, digests: DIGESTS } };
    return { body: path.startsWith("/v1/changes?") ? { changes: [change], cursor: EVIL } : change };
  });
  for (const argv of COMMANDS)
    for (const manner of [[], ["--json"], ["--quiet"]]) {
      const { out, err } = await ran(...argv, ...manner);
      assert.doesNotMatch(`${out}${err}`.replace(manner[0] === "--quiet" ? COLOR : "", ""), ACTING, [...argv, ...manner].join(" "));
      assert.doesNotMatch(`${out}${err}`, /^g/m, `${argv.join(" ")}: a line of the server's own`);
      if (manner[0] === "--json") JSON.parse(out);
    }
  const told = JSON.parse((await ran("policy", "show", "--json")).out) as { digest: string };
  assert.equal(told.digest, EVIL, "--json tells the same value");
  assert.match((await ran("watch", ID)).out, /⟨U\+001B⟩\[31m⟨U\+001B⟩\[2J.*⟨U\+202E⟩b/);
});

test("[F50] a fault's place and caret are shown as text too", async (t) => {
  const fault = { code: "x", message: EVIL, where: EVIL, file: EVIL, line: 1, column: 2, caret: EVIL };
  const ran = await against(t, () => ({ status: 422, body: { code: "invalid", reason: EVIL, detail: EVIL, faults: [fault] } }));
  for (const manner of [[], ["--json"], ["--quiet"]]) {
    const { code, out, err } = await ran("list", ...manner);
    assert.equal(code, 1);
    assert.doesNotMatch(`${out}${err}`.replace(COLOR, ""), ACTING);
  }
  const wrong = await against(t, () => ({ status: 422, body: { code: "invalid", reason: "x", detail: "x", faults: [{ line: EVIL }] } }));
  const { code, err } = await wrong("list");
  assert.deepEqual([code, /without a problem document/.test(err)], [3, true]);
});

test("an answer of another form ends with 3 and says so, with one document under --json", async (t) => {
  const bodies = [null, [], 7, "text", true, {}, { changes: [null], entries: [{}], events: 1, status: 5, view: null, lines: {} }];
  for (const body of bodies) {
    const ran = await against(t, () => ({ body }));
    for (const argv of COMMANDS) {
      const what = `${argv.join(" ")} on ${JSON.stringify(body)}`;
      const { code, err } = await ran(...argv);
      assert.deepEqual([code, err.split("\n")[0]], [3, "pawl: the server's answer is not what Pawl's API gives"], what);
      assert.match(err, /\n {2}where: {2}http:\/\/127[^\n]*\n(?:.*\n)+ {2}remedy: check --url and the versions\n$/, what);
      const json = await ran(...argv, "--json");
      const { error } = JSON.parse(json.out) as { error: { code: string; exit: number } };
      assert.deepEqual([json.code, error.code, error.exit, json.err], [3, "strange_answer", 3, ""], what);
    }
  }
});

test("what is wrong deep within an answer is told as the answer's fault as well", async (t) => {
  const ran = await against(t, (path) => {
    if (path.endsWith("/plan"))
      return { body: { change: CHANGE, plan: { steps: 7 }, presentation: {}, trace: [], context: {}, digests: DIGESTS } };
    if (path.startsWith("/v1/ledger")) return { body: { entries: [{ index: 0, stream: "s", entry: "null" }] } };
    if (path.includes("/wait")) return { body: { ...CHANGE, seats: 7 } };
    return { body: { ...CHANGE, status: path.includes("/run") ? "running" : "awaiting", review_digest: "x", updated_at: 1e300 } };
  });
  for (const argv of [
    ["show", ID],
    ["approve", ID, "--yes"],
    ["ledger", "entries"],
    ["watch", ID],
    ["run", ID, "--json"],
  ]) {
    const { code, out, err } = await ran(...argv);
    assert.deepEqual([code, /the server's answer is not what/.test(out + err)], [3, true], `${argv.join(" ")}\n${out}${err}`);
  }
});

test("[TA-5] whoever starts what waits for an unknown outcome is told for whom, and is not kept waiting", async (t) => {
  const next = "Authorised, but nobody knows what chg_000002 did to the same resources.";
  const change = { ...CHANGE, id: ID, status: "authorised", next, waits_for: { change: "chg_000002", status: "indeterminate" } };
  const ran = await against(t, (path) => ({
    body: path.includes("/events") ? { events: [{ index: 0, type: "proposed", at: 0, event: {} }] } : change,
  }));
  const { code, out } = await ran("run", ID);
  assert.deepEqual([code, out.includes(next)], [0, true]);
});
