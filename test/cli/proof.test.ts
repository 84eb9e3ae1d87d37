/* oxlint-disable typescript/no-unsafe-call -- what a liar sends has no type */
/** A server, a disk or somebody between that tells it otherwise: the command line notices, and says what. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import test, { type TestContext } from "node:test";
import { CART, SIGN_IN, world, type PawlWorld, type Ran } from "./world.ts";

type Json = any; // oxlint-disable-line typescript/no-explicit-any -- whatever a liar may send

/** Stands between and changes what the server says: the answer to each path, as JSON. */
async function liar(t: TestContext, pawl: PawlWorld, lie: (path: string, answer: Json) => Json): Promise<string> {
  const server = createServer((request, reply) => {
    void (async () => {
      const { authorization } = request.headers;
      const headers = authorization === undefined ? {} : { authorization };
      const answer = await fetch(new URL(request.url ?? "", pawl.url), { headers });
      const text = await answer.text();
      const body = answer.ok ? JSON.stringify(lie(request.url ?? "", JSON.parse(text))) : text;
      reply.writeHead(answer.status, { "content-type": answer.headers.get("content-type") ?? "" }).end(body);
    })();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function verified(pawl: PawlWorld): Promise<string> {
  const id = await pawl.proposed(CART);
  assert.equal((await pawl.as("linus", "approve", id, "--yes")).code, 0);
  assert.equal((await pawl.as("linus", "watch", id)).code, 0);
  return id;
}

const failed = (ran: Ran): (string | undefined)[] => [...ran.out.matchAll(/^✗ (\S+)/gm)].map((match) => match[1]);

test("[B11] what a server shows must be what it has signed: each altered part of a plan is refused, and nothing can be approved", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(SIGN_IN);
  const lies: Readonly<Record<string, (view: Json) => void>> = {
    "an effect is left out of what is shown": ({ presentation }) => presentation.sections[0].items.pop(),
    "a summary says something else": ({ presentation }) => (presentation.title = "Fix a typo"),
    "the plan's document has one effect less": ({ plan }) => plan.steps[0].effects.pop(),
    "the state digest is another": ({ digests }) => (digests.state = `sha256:${"0".repeat(64)}`),
    "the review digest is another": ({ digests }) => (digests.review = `sha256:${"0".repeat(64)}`),
    "what is shown is of another route": ({ presentation }) => (presentation.route = `sha256:${"0".repeat(64)}`),
  };
  for (const [what, lie] of Object.entries(lies)) {
    const url = await liar(t, pawl, (path, answer) => {
      if (path.endsWith("/plan")) lie(answer);
      return answer;
    });
    for (const argv of [
      ["show", id],
      ["approve", id, "--yes"],
    ]) {
      const ran = await pawl.as("grace", ...argv, "--url", url);
      assert.deepEqual([ran.code, ran.out], [1, ""], what);
      assert.match(ran.err, /what the server shows is not what a vote would sign\n[^]*remedy: sign nothing/, what);
    }
  }
});

test("[E43] [E39] verify names the check that each lie breaks", async (t) => {
  const pawl = await world(t);
  const id = await verified(pawl);
  const other = await verified2(pawl);
  const grantOf = async (change: string): Promise<Json> =>
    (await fetch(`${pawl.url}/v1/changes/${change}/grant`, { headers: { authorization: `Bearer ${await token(pawl)}` } })).json();
  const foreign = await grantOf(other);
  const lies: readonly (readonly [string, string, (path: string, answer: Json) => Json])[] = [
    ["an entry says that somebody else voted", "inclusion", onEntry((entry) => entry.replace('"linus"', '"grace"'))],
    [
      "an event is told otherwise than the log has it",
      "chain",
      on("/events", (answer) => ({
        events: answer.events.map((event: Json) => (event.type === "voted" ? { ...event, event: { ...event.event, at: 1 } } : event)),
      })),
    ],
    [
      "an event is left out",
      "chain",
      on("/events", (answer) => ({ events: answer.events.filter((event: Json) => event.type !== "voted") })),
    ],
    ["the change is said to stand otherwise", "lifecycle", on(`/changes/${id}`, (answer) => ({ ...answer, status: "undone" }))],
    ["the plan is another", "plan", on("/plan", (answer) => ({ ...answer, plan: { ...answer.plan, evidence: [] } }))],
    ["the grant is of another change", "grant", on("/grant", () => foreign)],
    ["the grant is altered", "grant", on("/grant", (answer) => ({ ...answer, payload: answer.payload.replace(/^..../, "AAAA") }))],
    [
      "the head is of another size",
      "checkpoint",
      on("/ledger/head", (answer) => ({
        ...answer,
        checkpoint: answer.checkpoint.replace(/\n(\d+)\n/, (_: string, n: string) => `\n${Number(n) + 1}\n`),
      })),
    ],
    [
      "a proof has another node",
      "inclusion",
      on("/proof/inclusion", (answer) => ({
        ...answer,
        proof: answer.proof.map((node: string, i: number) => (i === 0 ? node.replace(/^../, "00") : node)),
      })),
    ],
  ];
  for (const [what, name, lie] of lies) {
    const ran = await pawl.as("linus", "verify", id, "--url", await liar(t, pawl, lie));
    assert.equal(ran.code, 1, `${what}: ${ran.out}${ran.err}`);
    assert.equal(failed(ran)[0], name, `${what}: ${ran.out}`);
  }
});

const on =
  (part: string, lie: (answer: Json) => Json) =>
  (path: string, answer: Json): Json =>
    (path.split("?")[0] ?? "").endsWith(part) ? lie(answer) : answer;

const onEntry = (lie: (entry: string) => string) =>
  on("/ledger/entries", (answer) => ({ ...answer, entries: answer.entries.map((each: Json) => ({ ...each, entry: lie(each.entry) })) }));

const token = (pawl: PawlWorld): Promise<string> => readFile(join(pawl.dir, "data", "tokens", "linus"), "utf8");

/** Another change that has a grant. */
async function verified2(pawl: PawlWorld): Promise<string> {
  const id = await pawl.proposed(SIGN_IN);
  for (const name of ["grace", "barbara"]) assert.equal((await pawl.as(name, "approve", id, "--yes")).code, 0);
  assert.equal((await pawl.as("linus", "watch", id)).code, 0);
  return id;
}

test("[E46] whom a verification trusts: trust.json, --trust, --vkey, or nobody", async (t) => {
  const pawl = await world(t);
  const id = await verified(pawl);
  const own = join(pawl.dir, "data", "trust.json");
  const trust = JSON.parse(await readFile(own, "utf8")) as { origin: string; log_keys: string[]; grant_keys: Record<string, string> };
  await copyFile(own, join(pawl.dir, "copy.json"));
  const given = await pawl.as("linus", "verify", id, "--trust", join(pawl.dir, "copy.json"));
  assert.deepEqual([given.code, given.out.includes("trusting ") && given.out.includes("copy.json")], [0, true]);

  const keyed = await pawl.with(
    { env: { PAWL_DATA: join(pawl.dir, "nothing"), PAWL_TOKEN: await token(pawl) } },
    "verify",
    id,
    "--vkey",
    trust.log_keys[0] ?? "",
  );
  assert.deepEqual([keyed.code, /^\? grant +no grant key is trusted/m.test(keyed.out)], [0, true], keyed.out + keyed.err);

  const nobody = await pawl.with({ env: { PAWL_DATA: join(pawl.dir, "nothing"), PAWL_TOKEN: await token(pawl) } }, "verify", id);
  assert.deepEqual([nobody.code, /no trusted keys are at hand/.test(nobody.err)], [2, true]);

  const strange = {
    ...trust,
    grant_keys: Object.fromEntries(Object.keys(trust.grant_keys).map((name) => [name, Buffer.alloc(32, 7).toString("base64")])),
  };
  await writeFile(join(pawl.dir, "strange.json"), JSON.stringify(strange));
  const forged = await pawl.as("linus", "verify", id, "--trust", join(pawl.dir, "strange.json"));
  assert.deepEqual([forged.code, failed(forged)], [1, ["grant"]], forged.out);

  await writeFile(join(pawl.dir, "broken.json"), '{"origin": 1}');
  const broken = await pawl.as("linus", "verify", id, "--trust", join(pawl.dir, "broken.json"));
  assert.deepEqual([broken.code, /trusted keys cannot be read/.test(broken.err)], [2, true]);
  const nokey = await pawl.as("linus", "verify", id, "--vkey", "nonsense");
  assert.equal(nokey.code, 2, nokey.err);
});

test("an entry of the change that is left out everywhere is found by reading the whole log", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(CART);
  await pawl.as("agent", "withdraw", id);
  const url = await liar(t, pawl, (path, answer) => {
    if (path.includes("/events")) answer.events = answer.events.filter((event: Json) => event.type !== "withdrawn");
    if (path.endsWith(`/changes/${id}`)) Object.assign(answer, { status: "awaiting", version: answer.version - 1 });
    return answer;
  });
  assert.doesNotMatch((await pawl.as("agent", "verify", id, "--url", url)).out, /^✗/m);
  const whole = await pawl.as("agent", "verify", id, "--whole", "--url", url);
  assert.deepEqual([whole.code, failed(whole)], [1, ["whole"]], whole.out);
});

test("the ledger is read, proven and copied without a token; a stranger's key is not believed", async (t) => {
  const pawl = await world(t);
  const { code, out } = await pawl.with({}, "ledger", "head");
  assert.deepEqual([code, /^✓ shop\.example\/log {2}\d+ entries\nroot +\S{44}\nsigned by /.test(out)], [0, true], out);
  const tail = await pawl.with({}, "ledger", "tail", "--limit", "2", "--json");
  const { entries } = JSON.parse(tail.out) as { entries: { index: number; entry: string }[] };
  assert.equal(entries.length, 2);
  const last = entries.at(-1);
  const proof = await pawl.with({}, "ledger", "proof", String(last?.index));
  assert.deepEqual([proof.code, proof.out.includes(last?.entry ?? "?")], [0, true], proof.err);
  const beyond = await pawl.with({}, "ledger", "proof", "100000");
  assert.deepEqual([beyond.code, /there is no entry 100000/.test(beyond.err)], [1, true]);
  const copied = await pawl.with({}, "ledger", "export", "copy");
  assert.equal(copied.code, 0, copied.err);
  const lines = (await readFile(join(pawl.dir, "copy", "entries.jsonl"), "utf8")).trimEnd().split("\n");
  assert.equal(lines[last?.index ?? 0], last?.entry);
  assert.match(await readFile(join(pawl.dir, "copy", "checkpoint"), "utf8"), /^shop\.example\/log\n/);
  assert.equal((await pawl.with({}, "ledger", "export", "copy")).code, 2);

  const altered = await liar(
    t,
    pawl,
    onEntry((entry) => entry.replace('"at":1', '"at":2')),
  );
  const bad = await pawl.with({}, "ledger", "export", "bad", "--url", altered);
  assert.equal(bad.code, 1, bad.err);
  const stranger = "pawl.local/00000000+33e46ada+AYxa6cTwLLDKgCrtVChb3o5NWMAnPNJnEbX2hJDXYJt9";
  const foreign = await pawl.with({}, "ledger", "head", "--vkey", stranger);
  assert.notEqual(foreign.code, 0, foreign.out);
});

test("[E39] ledger fsck names the first bad index of a database that somebody edited", async (t) => {
  const pawl = await world(t);
  await verified(pawl);
  const { root } = JSON.parse((await pawl.with({}, "ledger", "head", "--json")).out) as { root: string };
  await pawl.running.close();
  const sound = await pawl.with({}, "ledger", "fsck");
  assert.deepEqual([sound.code, sound.out.split("\n").slice(1)], [0, [`root ${root}`, ""]], sound.out + sound.err);
  assert.match(sound.out, /^✓ \d+ entries.*all as signed\n/);
  const database = new DatabaseSync(join(pawl.dir, "data", "pawl.db"));
  const { bytes } = database.prepare("SELECT bytes FROM entries WHERE idx = 5").get() as { bytes: Uint8Array };
  bytes[10] = (bytes[10] ?? 0) ^ 1;
  database.prepare("UPDATE entries SET bytes = ? WHERE idx = 5").run(bytes);
  database.close();
  const found = await pawl.with({}, "ledger", "fsck");
  assert.deepEqual([found.code, /^✗ the first bad index is 5, of \d+ entries\n/.test(found.out)], [1, true], found.out + found.err);
  const { firstBadIndex } = JSON.parse((await pawl.with({}, "ledger", "fsck", "--json")).out) as { firstBadIndex: number };
  assert.equal(firstBadIndex, 5);
});
