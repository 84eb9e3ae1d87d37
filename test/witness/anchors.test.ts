/** Heads written down in a file and in a git repository: each extends the one before, and what was set back or forked is noticed. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, cpSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { millis } from "../../src/core/base/index.ts";
import { openCheckpoint, parseVkey, vkey } from "../../src/core/ledger/index.ts";
import { openSqlite, type OpenStore } from "../../src/store/index.ts";
import { testSigner } from "../../src/testing/ledger.ts";
import { ManualTime } from "../../src/testing/manual-time.ts";
import { anchorsFrom, headGuard, startFeeder } from "../../src/witness/index.ts";

const ORIGIN = "log.example/anchored";
const signer = testSigner(ORIGIN, 5);
const parsed = parseVkey(vkey(ORIGIN, signer.publicKey));
assert.ok(parsed.ok);
const log = { origin: ORIGIN, keys: [parsed.value] };

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "pawl-anchor-"));
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
  for (let n = 0; n < count; n++)
    assert.ok((await to.append({ writes: [{ stream: "audit", expected: "any", events: [{ type: mark, n }] }] })).ok);
}

interface Place {
  readonly file?: string;
  readonly repository?: string;
}

/** A process with one anchor. `dataDir` is its machine's memory, and the guard's: another one knows of nothing. */
function process(t: TestContext, from: OpenStore, dataDir: string, place: Place, time = new ManualTime(0)) {
  const clock = { now: () => millis(1_800_000_000_000) };
  const around = { dataDir, identity: { name: "Pawl", email: "pawl@localhost" }, env: globalThis.process.env, clock };
  const anchors = anchorsFrom([{ name: "elsewhere", branch: "checkpoints", everySeconds: 60, ...place }], around);
  assert.ok(anchors.ok);
  const problems: string[] = [];
  const guard = headGuard(dataDir, from, log);
  const report = ({ error }: { readonly error: unknown }): void => void problems.push((error as { code: string }).code);
  const made = startFeeder({
    store: from,
    guard,
    witnesses: [],
    anchors: anchors.value,
    log,
    folder: join(dataDir, "witnessed"),
    everyMillis: 5_000,
    timers: time,
    report,
  });
  t.after(() => made.stop());
  return { ...made, problems, codes: () => made.alarms().map(({ code }) => code) };
}

const heads = (file: string): readonly number[] =>
  readFileSync(file, "utf8")
    .split("\n")
    .flatMap((line) => {
      try {
        const { checkpoint } = JSON.parse(line) as { checkpoint: string };
        const opened = openCheckpoint(checkpoint, log.keys, ORIGIN);
        return opened.ok ? [opened.value.size] : [];
      } catch {
        return [];
      }
    });

test("[LG-36] a file gets a line for each new head, across restarts and after a line that was cut off", async (t) => {
  const [data, dir] = [folder(t), folder(t)];
  const file = join(dir, "heads.jsonl");
  const db = await store(t, join(data, "a.db"));
  const first = process(t, db, data, { file });
  for (const count of [3, 0, 200]) {
    await append(db, count);
    await first.feed();
  }
  assert.deepEqual([heads(file), first.codes()], [[3, 203], []]);
  appendFileSync(file, '{"at":"2026-11-20T');
  await append(db, 1);
  const second = process(t, db, data, { file });
  await second.feed();
  assert.deepEqual([heads(file), second.codes(), second.problems], [[3, 203, 204], [], []]);
});

test("[LG-36] between its turns an anchor is left alone", async (t) => {
  const [data, dir] = [folder(t), folder(t)];
  const file = join(dir, "heads.jsonl");
  const db = await store(t, join(data, "a.db"));
  const time = new ManualTime(0);
  process(t, db, data, { file }, time);
  for (let n = 0; n < 26; n++) {
    await append(db, 1);
    time.pass(5_000);
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
  }
  assert.ok(heads(file).length >= 2 && heads(file).length <= 4, String(heads(file)));
});

/** Four entries, and then eight of which the last four are of another history. */
async function histories(t: TestContext) {
  const data = folder(t);
  const db = await store(t, join(data, "a.db"));
  await append(db, 4);
  await db.close();
  cpSync(join(data, "a.db"), join(data, "short.db"));
  cpSync(join(data, "a.db"), join(data, "fork.db"));
  const [long, short, fork] = [
    await store(t, join(data, "a.db")),
    await store(t, join(data, "short.db")),
    await store(t, join(data, "fork.db")),
  ];
  await append(long, 4);
  await append(fork, 6, "other");
  return { data, long, short, fork };
}

test("[LG-37] [E40] a log that was set back, or rewritten with its own key, is an alarm, and nothing is written over what stands there", async (t) => {
  const { data, long, short, fork } = await histories(t);
  const dir = folder(t);
  const file = join(dir, "heads.jsonl");
  const repository = join(dir, "anchor.git");
  execFileSync("git", ["init", "--quiet", "--bare", repository]);
  for (const place of [{ file }, { repository }]) {
    const good = process(t, long, folder(t), place);
    await good.feed();
    assert.deepEqual([good.codes(), good.problems], [[], []]);
    // Machines that remember nothing themselves.
    for (const [db, code] of [
      [short, "anchor_ahead"],
      [fork, "anchor_refuses"],
    ] as const) {
      const bad = process(t, db, folder(t), place);
      await bad.feed();
      await bad.feed();
      assert.deepEqual([bad.codes(), bad.problems], [[code], [code]], JSON.stringify(place));
    }
  }
  assert.deepEqual(heads(file), [8]);
  assert.equal(execFileSync("git", ["--git-dir", repository, "rev-list", "--count", "checkpoints"], { encoding: "utf8" }), "1\n");
  assert.ok(data !== "");
});

test("[LG-36] a repository gets a commit for each head, and two processes may share it", async (t) => {
  const dir = folder(t);
  const repository = join(dir, "anchor.git");
  execFileSync("git", ["init", "--quiet", "--bare", repository]);
  const db = await store(t, join(dir, "a.db"));
  const [one, two] = [process(t, db, folder(t), { repository }), process(t, db, folder(t), { repository })];
  for (const each of [one, two, one]) {
    await append(db, 2);
    await each.feed();
    assert.deepEqual([each.codes(), each.problems], [[], []]);
  }
  const git = (...args: string[]): string => execFileSync("git", ["--git-dir", repository, ...args], { encoding: "utf8" });
  assert.equal(git("log", "--format=%s", "checkpoints"), `${ORIGIN}: 6 entries\n${ORIGIN}: 4 entries\n${ORIGIN}: 2 entries\n`);
  assert.ok(openCheckpoint(git("cat-file", "blob", "checkpoints:checkpoint"), log.keys, ORIGIN).ok);
});

test("[LG-37] what was taken away at the anchor, or is no head of this log, is an alarm", async (t) => {
  const dir = folder(t);
  const db = await store(t, join(dir, "a.db"));
  await append(db, 3);
  const repository = join(dir, "anchor.git");
  const file = join(dir, "heads.jsonl");
  execFileSync("git", ["init", "--quiet", "--bare", repository]);
  const data = folder(t);
  const filed = process(t, db, data, { file });
  await filed.feed();
  await append(db, 1);
  await filed.feed();
  truncateSync(file, readFileSync(file).indexOf("\n") + 1);
  await filed.feed();
  assert.deepEqual([filed.codes(), heads(file)], [["anchor_lost"], [3]]);
  writeFileSync(file, '{"at":"now","checkpoint":"hello"}\n');
  await filed.feed();
  assert.deepEqual(filed.codes(), ["anchor_unreadable"]);
  writeFileSync(file, "rubbish\n");
  await filed.feed();
  assert.deepEqual(filed.codes(), ["anchor_unreadable"]);

  const pushed = process(t, db, folder(t), { repository });
  await pushed.feed();
  execFileSync("git", ["--git-dir", repository, "update-ref", "-d", "refs/heads/checkpoints"]);
  await pushed.feed();
  assert.deepEqual(pushed.codes(), ["anchor_lost"]);
});

test("[LG-37] an anchor that cannot be reached is told once, is no alarm, and is tried again", async (t) => {
  const dir = folder(t);
  const db = await store(t, join(dir, "a.db"));
  await append(db, 3);
  const away = process(t, db, folder(t), { repository: join(dir, "nowhere.git") });
  await away.feed();
  await away.feed();
  assert.deepEqual([away.codes(), away.problems], [[], ["anchor_away"]]);
  execFileSync("git", ["init", "--quiet", "--bare", join(dir, "nowhere.git")]);
  await away.feed();
  assert.equal(
    execFileSync("git", ["--git-dir", join(dir, "nowhere.git"), "rev-list", "--count", "checkpoints"], { encoding: "utf8" }),
    "1\n",
  );
});

test("[LG-36] an anchor has one place", () => {
  const around = { dataDir: "/tmp", identity: { name: "Pawl", email: "pawl@localhost" }, env: {}, clock: { now: () => millis(0) } };
  for (const places of [{}, { file: "/tmp/a", repository: "/tmp/b" }]) {
    const made = anchorsFrom([{ name: "x", branch: "checkpoints", everySeconds: 60, ...places }], around);
    assert.equal(made.ok ? "" : made.error.code, "anchor_invalid");
  }
});
