import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, type ChangeId, type RunnerId } from "../core/base/index.ts";
import { ManualTime } from "../testing/manual-time.ts";
import { Exchange, type Present } from "./runners-exchange.ts";

const [ONE, TWO] = ["rnr_000001" as RunnerId, "rnr_000002" as RunnerId];
const CHANGE = "chg_000001" as ChangeId;
const declared = { connectors: [{ name: "git", digest: digestOf("git") }], environments: [], labels: [] };
const present = (runner: RunnerId): Present => ({ runner, declared });
interface Has {
  readonly work: readonly string[];
  readonly runs: readonly string[];
}
const NOTHING: Has = { work: [], runs: [] };
const look = (connector = "git") => ({ kind: "admit", connector, input: "good" }) as const;

function exchangeOf() {
  const time = new ManualTime(1_800_000_000_000);
  let next = 0;
  const exchange = new Exchange({ clock: time, timers: time, nextId: () => `wrk_${String((next += 1)).padStart(8, "0")}` });
  const never = new AbortController().signal;
  const take = (runner: RunnerId, has = NOTHING, signal = never) => exchange.take(present(runner), has, 25_000, signal);
  /** Time passes, and then whatever waits for nothing else goes on. */
  const advance = async (by: number): Promise<void> => {
    time.pass(by);
    for (let n = 0; n < 10; n += 1) await Promise.resolve();
  };
  return { advance, exchange, take };
}

test("[RU-6] nobody who is not there is asked", async () => {
  const { exchange } = exchangeOf();
  const answer = await exchange.ask(ONE, look(), { timeoutMillis: 1_000 });
  assert.equal(answer.ok ? "" : answer.error.code, "runner_absent");
  assert.deepEqual(exchange.present(), []);
});

test("[RU-8] what was asked reaches the runner that waits, and its answer whoever asked; a second answer, or another's, counts for nothing", async () => {
  const { exchange, take } = exchangeOf();
  const waiting = take(ONE);
  const asked = exchange.ask(ONE, look(), { timeoutMillis: 1_000 });
  const [work] = await waiting;
  assert.deepEqual(work, { ...look(), id: work?.id });
  const id = work?.id ?? "";
  assert.equal(exchange.answer(TWO, id, "forged"), false);
  assert.equal(exchange.answer(ONE, "wrk_99999999", "forged"), false);
  assert.equal(exchange.answer(ONE, id, "mine"), true);
  assert.deepEqual(await asked, { ok: true, value: "mine" });
  assert.equal(exchange.answer(ONE, id, "again"), false);
});

test("[RU-8] what a runner was given and does not know of is given again; what it has is not", async () => {
  const { exchange, take } = exchangeOf();
  const first = take(ONE);
  void exchange.ask(ONE, look(), { timeoutMillis: 60_000 });
  const [work] = await first;
  const id = work?.id ?? "";
  const [again] = await take(ONE);
  assert.equal(again?.id, id);
  const busy = take(ONE, { work: [id], runs: [CHANGE] });
  void exchange.ask(ONE, look("sql"), { timeoutMillis: 60_000 });
  assert.deepEqual(
    (await busy).map((each) => each.kind === "admit" && each.connector),
    ["sql"],
  );
  assert.equal(exchange.holds(ONE, CHANGE), true);
  assert.equal(exchange.holds(TWO, CHANGE), false);
});

test("[RU-8] a question that nobody answers in time is answered with that, and a runner that is not heard of is not there", async () => {
  const { advance, exchange, take } = exchangeOf();
  const waiting = take(ONE);
  const asked = exchange.ask(ONE, look(), { timeoutMillis: 1_000 });
  await waiting;
  await advance(1_000);
  const answer = await asked;
  assert.equal(answer.ok ? "" : answer.error.code, "runner_absent");
  assert.equal(exchange.isHere(ONE), true);
  await advance(15_000);
  assert.equal(exchange.isHere(ONE), false);
});

test("[RU-8] a run is waited for as long as its runner is heard of, and no longer", async () => {
  const { advance, exchange, take } = exchangeOf();
  const first = take(ONE);
  const running = exchange.run(ONE, CHANGE, 10_000);
  const [work] = await first;
  let beating = take(ONE, { work: [work?.id ?? ""], runs: [CHANGE] });
  for (let n = 0; n < 4; n += 1) {
    await advance(25_000);
    assert.deepEqual(await beating, []);
    beating = take(ONE, { work: [work?.id ?? ""], runs: [CHANGE] });
  }
  await advance(25_000);
  await beating;
  await advance(40_000);
  const answer = await running;
  assert.equal(answer.ok ? "" : answer.error.code, "runner_absent");
});

test("[RU-3] one that is dropped is asked nothing more, and whoever waits for it hears so at once", async () => {
  const { exchange, take } = exchangeOf();
  const waiting = take(ONE);
  const asked = exchange.ask(ONE, look(), { timeoutMillis: 60_000 });
  await waiting;
  exchange.drop(ONE, { code: "runner_absent", message: "revoked" });
  const answer = await asked;
  assert.equal(answer.ok ? "" : answer.error.message, "revoked");
  assert.deepEqual(exchange.present(), []);
});

test("[RU-8] of two requests of one runner the later waits, and one that is broken off takes nothing along", async () => {
  const { exchange, take } = exchangeOf();
  const broken = new AbortController();
  const first = take(ONE, NOTHING, broken.signal);
  broken.abort();
  assert.deepEqual(await first, []);
  const second = take(ONE);
  const third = take(ONE);
  assert.deepEqual(await second, []);
  void exchange.ask(ONE, look(), { timeoutMillis: 1_000 });
  assert.equal((await third).length, 1);
});
