import assert from "node:assert/strict";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { test, type TestContext } from "node:test";
import { millis } from "../../src/core/base/index.ts";
import { emptyRoot, openCheckpoint, parseVkey, parseWitnessKey, signCheckpoint, vkey, type Vkey } from "../../src/core/ledger/index.ts";
import { fsck, inspectSqlite, openSqlite, type OpenStore } from "../../src/store/index.ts";
import { testSigner } from "../../src/testing/ledger.ts";
import { ManualTime } from "../../src/testing/manual-time.ts";
import { headGuard, startFeeder, startWitness, type RunningWitness } from "../../src/witness/index.ts";

const ORIGIN = "log.example/witnessed";
const signer = testSigner(ORIGIN, 5);
const parsed = parseVkey(vkey(ORIGIN, signer.publicKey));
assert.ok(parsed.ok);
const keys = [parsed.value];

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "pawl-witness-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

async function store(t: TestContext, path: string): Promise<OpenStore> {
  const opened = await openSqlite({ path, origin: ORIGIN, signer });
  assert.ok(opened.ok, opened.ok ? "" : opened.error.message);
  t.after(() => opened.value.close());
  return opened.value;
}

async function append(to: OpenStore, count: number, mark = "entry"): Promise<void> {
  for (let n = 0; n < count; n++) {
    const written = await to.append({ writes: [{ stream: "audit", expected: "any", events: [{ type: mark, n }] }] });
    assert.ok(written.ok);
  }
}

async function witnessAt(t: TestContext, path: string): Promise<RunningWitness & { alarms: string[] }> {
  const alarms: string[] = [];
  const clock = { now: () => millis(1_800_000_000_000) };
  const settings = { folder: path, listen: { host: "127.0.0.1", port: 0 }, logs: keys, clock, report: (line: string) => alarms.push(line) };
  const running = await startWitness({ ...settings, signer: testSigner("witness.example/w", 6) });
  t.after(() => running.close());
  return { ...running, alarms };
}

const trusted = (witness: RunningWitness): Vkey => {
  const key = parseWitnessKey(witness.key);
  assert.ok(key.ok);
  return key.value;
};

function feeder(t: TestContext, from: OpenStore, dataDir: string, witnesses: readonly RunningWitness[]) {
  const problems: string[] = [];
  const made = startFeeder({
    store: from,
    guard: headGuard(dataDir, from, { origin: ORIGIN, keys }),
    witnesses: witnesses.map((witness) => ({ url: witness.url, key: trusted(witness) })),
    log: { origin: ORIGIN, keys },
    folder: join(dataDir, "witnessed"),
    everyMillis: 1_000,
    timers: new ManualTime(0),
    report: ({ what, error }) => problems.push(`${what}: ${JSON.stringify(error)}`),
  });
  t.after(() => made.stop());
  return { ...made, problems };
}

/** Something that answers where a witness should be. */
async function standIn(t: TestContext, answer: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const server = createServer(answer);
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const codes = (of: { alarms(): readonly { code: string }[] }): string[] => of.alarms().map(({ code }) => code);

const keptOf = (dataDir: string, witness: RunningWitness): string =>
  join(dataDir, "witnessed", `${trusted(witness).id.toString(16).padStart(8, "0")}.note`);

/** This machine and a witness have seen eight entries, and `backup.db` holds the first four. */
async function setBack(t: TestContext): Promise<{ readonly data: string; readonly witness: RunningWitness }> {
  const data = folder(t);
  const log = await store(t, join(data, "a.db"));
  await append(log, 4);
  await log.close();
  cpSync(join(data, "a.db"), join(data, "backup.db"));
  const later = await store(t, join(data, "a.db"));
  await append(later, 4);
  const witness = await witnessAt(t, folder(t));
  await feeder(t, later, data, [witness]).feed();
  return { data, witness };
}

test("[LG-30] each new head is cosigned, across a restart of the witness and of whoever feeds it", async (t) => {
  const [data, memory] = [folder(t), folder(t)];
  const log = await store(t, join(data, "a.db"));
  const first = await witnessAt(t, memory);
  const feed = feeder(t, log, data, [first]);
  for (const count of [1, 7, 300]) {
    await append(log, count);
    await feed.feed();
    assert.deepEqual(codes(feed), []);
  }
  await first.close();
  const second = await witnessAt(t, memory);
  await append(log, 3);
  rmSync(join(data, "witnessed"), { recursive: true });
  const fresh = feeder(t, log, data, [second]);
  await fresh.feed();
  assert.deepEqual(codes(fresh), []);
  const kept = readFileSync(keptOf(data, second), "utf8");
  assert.match(kept, /\n311\n/);
  assert.match(kept, /— witness\.example\/w /);
  assert.deepEqual(second.proofs(), []);
});

test("[E41] [LG-31] two heads of one log for two auditors: the witness refuses the second, and keeps both as proof", async (t) => {
  const [data, other, memory] = [folder(t), folder(t), folder(t)];
  const log = await store(t, join(data, "a.db"));
  await append(log, 5);
  await log.close();
  cpSync(join(data, "a.db"), join(other, "a.db"));
  const [one, two] = [await store(t, join(data, "a.db")), await store(t, join(other, "a.db"))];
  await append(one, 3, "shown to one");
  await append(two, 3, "shown to the other");
  const witness = await witnessAt(t, memory);
  const [honest, forked] = [feeder(t, one, data, [witness]), feeder(t, two, other, [witness])];
  await honest.feed();
  assert.deepEqual(codes(honest), []);
  await forked.feed();
  assert.deepEqual(codes(forked), ["witness_refuses"], "as many entries, another root");
  await append(two, 4, "grown since");
  await forked.feed();
  assert.deepEqual(codes(forked), ["witness_refuses"], "more entries, which do not begin with those");
  assert.equal(witness.proofs().length, 1);
  const doubts = readdirSync(join(memory, "doubts")).map((name) => join(memory, "doubts", name));
  assert.equal(doubts.length, 1);
  assert.deepEqual(
    witness.alarms.map((line) => line.slice(0, 8)),
    ["ALARM: t", "in doubt"],
  );
  for (const proof of [...witness.proofs(), ...doubts]) {
    const notes = readFileSync(proof, "utf8").split(/(?<=\n)\n(?=log\.example)/);
    const heads = notes.map((note) => openCheckpoint(note, keys, ORIGIN));
    assert.ok(heads.length === 2 && heads.every((head) => head.ok), "each is a head that the log itself signed");
  }
  await append(one, 1);
  await honest.feed();
  assert.deepEqual(codes(honest), [], "who was first goes on");
});

/** Does to the file what somebody with the database and no key can: everything is recomputed, but for the signature. */
function rewrite(path: string, from: string): void {
  const [db, forged] = [new DatabaseSync(path), new DatabaseSync(from)];
  for (const table of ["entries", "tiles"]) {
    const rows = forged.prepare(`SELECT * FROM ${table}`).all();
    db.exec(`DELETE FROM ${table}`);
    for (const row of rows) {
      const names = Object.keys(row);
      db.prepare(`INSERT INTO ${table} (${names.join(", ")}) VALUES (${names.map(() => "?").join(", ")})`).run(...Object.values(row));
    }
  }
  db.close();
  forged.close();
}

test("[E40] [LG-32] whoever rewrites history without the key fails at the signature, and with the key at whoever kept a head", async (t) => {
  const [data, forgery, memory] = [folder(t), folder(t), folder(t)];
  const log = await store(t, join(data, "a.db"));
  await append(log, 6, "what happened");
  const witness = await witnessAt(t, memory);
  const honest = feeder(t, log, data, [witness]);
  await honest.feed();
  const exported = await log.head();
  await log.close();
  const forged = await store(t, join(forgery, "a.db"));
  await append(forged, 6, "what suits me");
  await forged.close();

  const keyless = join(folder(t), "a.db");
  cpSync(join(data, "a.db"), keyless);
  rewrite(keyless, join(forgery, "a.db"));
  const report = await fsck(inspectSqlite({ path: keyless, origin: ORIGIN, signer }), {});
  assert.equal(report.ok, false, "the stored bytes do not have the signed root");

  const withKey = await store(t, join(forgery, "a.db"));
  assert.equal((await fsck(withKey, {})).ok, true, "by itself the forgery is perfect");
  const guarded = await headGuard(data, withKey, { origin: ORIGIN, keys }).check();
  assert.equal(guarded.ok ? "" : guarded.error.code, "log_set_back", "the head kept outside the database tells");
  const fed = feeder(t, withKey, forgery, [witness]);
  await fed.feed();
  assert.deepEqual(codes(fed), ["witness_refuses"]);
  const { root } = await withKey.head();
  assert.notDeepEqual(root, exported.root);
});

test("[LG-32] a log that is shorter than it was seen is not taken for the same, by this machine nor by a witness", async (t) => {
  const { data, witness } = await setBack(t);
  const restored = await store(t, join(data, "backup.db"));
  const feed = feeder(t, restored, data, [witness]);
  await feed.feed();
  assert.deepEqual(codes(feed).toSorted(), ["log_set_back", "witness_ahead"]);
  assert.equal(feed.problems.length, 2, "told once");
  await feed.feed();
  assert.equal(feed.problems.length, 2, "told once");
});

test("[LG-28] the witness answers as C2SP tlog-witness has it", async (t) => {
  const witness = await witnessAt(t, folder(t));
  const post = (body: string, path = "/add-checkpoint") => fetch(`${witness.url}${path}`, { method: "POST", body });
  const nothing = { origin: ORIGIN, size: 0, root: emptyRoot() };
  const empty = signCheckpoint(nothing, [signer]);
  assert.equal((await post(`old 0\n\n${empty}`)).status, 200);
  assert.equal((await post("nonsense")).status, 400);
  assert.equal((await post(`old 0\n\n${empty.replace(ORIGIN, "log.example/unknown")}`)).status, 404);
  const stranger = signCheckpoint(nothing, [testSigner(ORIGIN, 99)]);
  assert.equal((await post(`old 0\n\n${stranger}`)).status, 403);
  const ahead = signCheckpoint({ origin: ORIGIN, size: 9, root: new Uint8Array(32) }, [signer]);
  const conflict = await post(`old 7\n\n${ahead}`);
  assert.equal(conflict.status, 409);
  assert.equal(conflict.headers.get("content-type"), "text/x.tlog.size");
  assert.equal(await conflict.text(), "0\n");
  assert.equal((await post("", "/other")).status, 404);
  assert.equal((await fetch(`${witness.url}/add-checkpoint`)).status, 405);
  assert.equal((await post("x".repeat(200 * 1024))).status, 413);
});

test("[LG-29] a witness whose memory is damaged answers nothing rather than sign anything", async (t) => {
  const [data, memory] = [folder(t), folder(t)];
  const log = await store(t, join(data, "a.db"));
  await append(log, 2);
  const witness = await witnessAt(t, memory);
  await feeder(t, log, data, [witness]).feed();
  for (const name of readdirSync(join(memory, "heads"))) writeFileSync(join(memory, "heads", name), "damaged");
  await append(log, 1);
  const feed = feeder(t, log, data, [witness]);
  await feed.feed();
  assert.match(feed.problems.join("\n"), /answered 500/);
  assert.ok(existsSync(join(memory, "heads")));
});

test("[LG-31] who has a true head and sends it with a wrong proof accuses nobody, and does not fill the place of proofs", async (t) => {
  const [data, other, memory] = [folder(t), folder(t), folder(t)];
  const log = await store(t, join(data, "a.db"));
  await append(log, 5);
  const witness = await witnessAt(t, memory);
  await feeder(t, log, data, [witness]).feed();
  await append(log, 3);
  const { checkpoint } = await log.head();
  const wrong = Array.from({ length: 4 }, () => Buffer.alloc(32, 7).toString("base64"));
  for (let n = 0; n < 5; n++) {
    const note = `${checkpoint}\u2014 nobody${n} ${Buffer.alloc(68, n).toString("base64")}\n`;
    const answer = await fetch(`${witness.url}/add-checkpoint`, { method: "POST", body: ["old 5", ...wrong, "", note].join("\n") });
    assert.equal(answer.status, 422);
  }
  assert.deepEqual(witness.proofs(), []);
  assert.equal(readdirSync(join(memory, "doubts")).length, 1);
  assert.ok(witness.alarms.every((line) => !line.startsWith("ALARM")));
  const honest = feeder(t, log, other, [witness]);
  await honest.feed();
  assert.deepEqual(codes(honest), []);
});

test("[I70] [LG-32] two nodes that show one witness the heads of one log raise no alarm, however they overtake each other", async (t) => {
  const [data, memory] = [folder(t), folder(t)];
  const log = await store(t, join(data, "a.db"));
  await append(log, 5);
  const witness = await witnessAt(t, memory);
  const far = feeder(t, log, folder(t), [witness]);
  await far.feed();
  let overtaken = 0;
  // Each of the first requests is overtaken on its way: the log grows, and the other node has shown that already.
  const url = await standIn(t, (request, response) => {
    void (async () => {
      if (overtaken++ < 3) {
        await append(log, 2);
        await far.feed();
      }
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      const answer = await fetch(`${witness.url}/add-checkpoint`, { method: "POST", body });
      response.writeHead(answer.status).end(await answer.text());
    })();
  });
  const near = feeder(t, log, data, [{ ...witness, url }]);
  await near.feed();
  assert.deepEqual([codes(near), near.problems], [[], []]);
  assert.match(readFileSync(keptOf(data, witness), "utf8"), /\n11\n/);
});

test("[LG-30] of what a witness answers one verified line is kept, at an address below a path, and a damaged file is made again", async (t) => {
  const data = folder(t);
  const log = await store(t, join(data, "a.db"));
  await append(log, 2);
  const witness = await witnessAt(t, folder(t));
  const bad = `\u2014 ${ORIGIN} ${Buffer.concat([Buffer.from(vkey(ORIGIN, signer.publicKey).split("+")[1] ?? "", "hex"), Buffer.alloc(64)]).toString("base64")}\n`;
  const asked: (string | undefined)[] = [];
  const url = await standIn(t, (request, response) => {
    void (async () => {
      asked.push(request.url);
      const body = Buffer.concat((await request.toArray()) as Buffer[]);
      const answer = await fetch(`${witness.url}/add-checkpoint`, { method: "POST", body });
      response.writeHead(answer.status).end(answer.ok ? `${bad}${await answer.text()}${bad}\nmore\n` : await answer.text());
    })();
  });
  const fed = feeder(t, log, data, [{ ...witness, url: `${url}/of/a/log/` }]);
  writeFileSync(keptOf(data, witness), "damaged\nby a disk\n");
  await fed.feed();
  assert.deepEqual([codes(fed), fed.problems], [[], []]);
  assert.deepEqual([...new Set(asked)], ["/of/a/log/add-checkpoint"]);
  const kept = readFileSync(keptOf(data, witness), "utf8");
  assert.ok(openCheckpoint(kept, keys, ORIGIN).ok, "auditors can open it");
  assert.equal(kept.split("\u2014").length, 3);
});

test("[LG-32] an alarm stands although the log has grown to the size that was cosigned, and what is away is told once", async (t) => {
  const { data, witness } = await setBack(t);
  const restored = await store(t, join(data, "backup.db"));
  rmSync(join(data, "head.note"));
  const fed = feeder(t, restored, data, [witness]);
  await fed.feed();
  assert.deepEqual(codes(fed), ["witness_ahead"]);
  await append(restored, 4, "otherwise");
  await fed.feed();
  assert.deepEqual(codes(fed), ["witness_refuses"]);
  await witness.close();
  for (let n = 0; n < 3; n++) await fed.feed();
  assert.deepEqual(codes(fed), ["witness_refuses"]);
  assert.equal(fed.problems.filter((problem) => problem.includes("witness_away")).length, 1);
});

test("[LG-32] who stops does not wait for a witness that never answers, nor does a full disk keep heads from others", async (t) => {
  const data = folder(t);
  const log = await store(t, join(data, "a.db"));
  await append(log, 2);
  const witness = await witnessAt(t, folder(t));
  const asked = Promise.withResolvers<void>();
  const url = await standIn(t, () => asked.resolve());
  const fed = feeder(t, log, data, [{ ...witness, url }]);
  // Where the head would be kept stands something that no file can take the place of.
  cpSync(join(data, "a.db"), join(data, "head.note.new", "a.db"), { recursive: true });
  const feeding = fed.feed();
  await asked.promise;
  fed.stop();
  await feeding;
  assert.match(fed.problems[0] ?? "", /head_not_kept/);
});
