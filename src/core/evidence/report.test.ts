/** Cuts, rows, samples: a report is a function of the entries alone. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { canonical, toHex, utf8, type Json } from "../base/index.ts";
import { consistencyProof, parseVkeys, signCheckpoint, vkey } from "../ledger/index.ts";
import { MemoryLog, testSigner } from "../../testing/ledger.ts";
import { askOf, ReportBuilder, verifyReport, type ChangeReport, type Recomputed, type ReportAsk } from "./index.ts";

const DIGEST = (n: number): string => `sha256:${String(n).padStart(64, "0")}`;
const parties = { proposer: "agent:bot", onBehalfOf: "human:ada", owner: "human:ada", editors: [] };
const change = (n: number): string => `chg_report${n}`;

interface Row {
  readonly stream: string;
  readonly n: number;
  readonly event: { readonly type: string; readonly at: number } & Readonly<Record<string, Json>>;
}
const proposed = (n: number, at: number): Row => ({
  stream: `change/${change(n)}`,
  n: 0,
  event: {
    type: "proposed",
    at,
    change: change(n),
    proposal: DIGEST(n),
    parties,
    steps: [{ id: "step-1", connector: "git" }],
    start: "when-authorised",
    expiresAt: at + 1e6,
  },
});
const withdrawn = (n: number, at: number): Row => ({
  stream: `change/${change(n)}`,
  n: 1,
  event: { type: "withdrawn", at, by: "agent:bot" },
});
const started = (at: number): Row => ({ stream: "audit", n: 0, event: { type: "started", at } });

const textOf = ({ stream, n, event }: Row): string => canonical({ event, n, stream, v: 1 });

function report(rows: readonly Row[], ask: Partial<ReportAsk> = {}): Recomputed {
  const builder = new ReportBuilder({ origin: "log.example/r", from: 0, to: 1_000, sample: 10, ...ask });
  for (const [index, row] of rows.entries()) builder.take(index, textOf(row));
  return builder.finish();
}
const rootAt = (rows: readonly Row[], size: number): string =>
  toHex(new MemoryLog().append(rows.slice(0, size).map((row) => utf8(textOf(row)))).root);
const changesOf = ({ changes }: Recomputed): readonly string[] => changes.map(({ change: id }) => id);

/** A clock that jumps back at 5. */
const ROWS = [
  proposed(1, 10),
  started(20),
  proposed(2, 30),
  withdrawn(1, 40),
  proposed(3, 60),
  started(35),
  withdrawn(2, 70),
  withdrawn(3, 90),
];

describe("the cuts", () => {
  test("[EV-18] a range begins and ends at the first entry that is not earlier, and both roots are those of the log", () => {
    const { range, counts } = report(ROWS, { from: 30, to: 70 });
    assert.deepEqual(range, { from: 2, to: 6, root_from: rootAt(ROWS, 2), root_to: rootAt(ROWS, 6) });
    assert.deepEqual(counts, { "audit.started": 1, "change.proposed": 2, "change.withdrawn": 1 });
  });

  test("[EV-18] adjoining ranges share no entry and leave none out, wherever they are cut", () => {
    for (let middle = 0; middle <= 100; middle += 5) {
      const [first, second] = [report(ROWS, { from: 0, to: middle }), report(ROWS, { from: middle, to: 100 })];
      assert.deepEqual([first.range.from, first.range.to, second.range.to], [0, second.range.from, ROWS.length], String(middle));
    }
  });

  test("[EV-18] a range without entries is empty, before, between and after them", () => {
    for (const [from, to, at] of [
      [0, 5, 0],
      [45, 50, 4],
      [1_000, 2_000, ROWS.length],
    ] as const) {
      const made = report(ROWS, { from, to });
      assert.deepEqual([made.range.from, made.range.to, made.changes, made.counts], [at, at, [], {}]);
      assert.equal(made.range.root_from, rootAt(ROWS, at));
    }
  });
});

describe("the rows", () => {
  test("[EV-19] every change with an entry in the range, as it stood at its end", () => {
    assert.deepEqual(changesOf(report(ROWS, { from: 0, to: 20 })), [change(1)]);
    const made = report(ROWS, { from: 60, to: 80 });
    assert.deepEqual(
      made.changes.map(({ change: id, outcome, entries }) => [id, outcome, entries.count]),
      [
        [change(2), "withdrawn", 2],
        [change(3), "proposed", 1],
      ],
    );
    assert.equal(made.changes[0]?.request?.at, new Date(30).toISOString());
  });

  test("[EV-19] a change whose entries do not follow is the first exception, and hides no other", () => {
    const made = report([...ROWS, { ...proposed(2, 95), n: 2 }], { from: 60, to: 100 });
    assert.deepEqual(
      made.changes.map(({ change: id, exceptions, outcome }) => [id, exceptions, outcome]),
      [
        [change(2), ["unreadable"], "unreadable"],
        [change(3), [], "withdrawn"],
      ],
    );
  });
});

describe("the sample", () => {
  const many = Array.from({ length: 40 }, (_, n) => proposed(n, n));

  test("[EV-21] the same seed draws the same, another one others; unless told it is the root at the end", () => {
    const drawn = (seed?: string) => report(many, { sample: 5, ...(seed === undefined ? {} : { seed }) }).sample;
    assert.deepEqual(drawn("a"), drawn("a"));
    assert.notDeepEqual(drawn("a").changes, drawn("b").changes);
    assert.equal(drawn().seed, rootAt(many, many.length));
    assert.equal(drawn().changes.length, 5);
    assert.equal(report(many, { sample: 100 }).sample.changes.length, 40);
  });
});

describe("the verification", () => {
  const signer = testSigner("log.example/r", 12);
  const keys = parseVkeys([vkey(signer.name, signer.publicKey)]);
  assert.ok(keys.ok);
  const trust = {
    origin: signer.name,
    logKeys: keys.value,
    logLines: [],
    grantKeys: new Map(),
    runnerKeys: new Map(),
    witnesses: [],
    quorum: 0,
  };
  /** Made on the first entries alone, and verified on all that somebody has. */
  const told = (ask: Partial<ReportAsk>, size: number, given = ROWS) => {
    const log = new MemoryLog().append(ROWS.slice(0, size).map((row) => utf8(textOf(row))));
    const made = report(ROWS.slice(0, size), ask);
    const consistency = consistencyProof(made.range.to, size, log.readTile).map(toHex);
    const checkpoint = signCheckpoint({ origin: signer.name, size, root: log.root }, [signer]);
    const whole: ChangeReport = { ...made, head: { checkpoint, consistency }, told: { titles: {} } };
    const builder = new ReportBuilder(askOf(whole), size);
    for (const [index, row] of given.entries()) builder.take(index, textOf(row));
    return new Map(verifyReport(whole, builder.finish(), trust, builder.headRoot).map(({ name, holds }) => [name, holds]));
  };

  test("[EV-22] [E41] a report on an old head is told as one: what came within its range afterwards is not in it", () => {
    const open = told({ from: 0, to: 65 }, 5, ROWS.slice(0, 5));
    assert.deepEqual([open.get("population"), open.get("range")], [true, undefined]);
    assert.equal(told({ from: 0, to: 65 }, 5).get("population"), false, "whoever has the newer entries sees it");
    const closed = told({ from: 0, to: 65 }, ROWS.length);
    assert.deepEqual([closed.get("population"), closed.get("range")], [true, true]);
    const invented = [...ROWS.slice(0, 5), started(70)];
    assert.equal(told({ from: 0, to: 65 }, 5, invented).get("range"), undefined, "an entry that no head has closes no range");
  });

  test("[EV-21] a sample by a seed that its maker chose is said to be one", () => {
    assert.equal(told({ from: 0, to: 65, sample: 1 }, ROWS.length).get("sample"), true);
    assert.equal(told({ from: 0, to: 65, sample: 1, seed: "mine" }, ROWS.length).get("sample"), undefined);
  });
});
