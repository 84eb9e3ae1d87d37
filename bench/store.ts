/** What appending costs, beside what the disk, the signature and a bare commit cost in the same run. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { AppendRequest, Store } from "../src/control/ports.ts";
import { millis } from "../src/core/base/index.ts";
import { openMemory, openPostgres, openSqlite } from "../src/store/index.ts";
import type { OpenStore } from "../src/store/index.ts";
import { writerThread } from "../src/store/sqlite/writer.ts";
import { testSigner } from "../src/testing/ledger.ts";
import { administer } from "../src/testing/postgres.ts";
import { startPostgres } from "../src/testing/postgres-server.ts";
import { contest, perSecond, type Probe, type Row } from "./measure.ts";

const ORIGIN = "bench.example/log";
const signer = testSigner(ORIGIN, 7);

export async function* benchStore(): AsyncGenerator<Row> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-bench-"));
  try {
    yield await memoryRow();
    yield* sqliteRows(folder);
    yield* postgresRows(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function request(n: number): AppendRequest {
  const state = { body: { id: n, phase: "open" }, status: "open", proposer: "agent:one", createdAt: millis(n), updatedAt: millis(n) };
  return { writes: [{ stream: `change/${n}`, expected: 0, events: [{ type: "proposed", id: n }], state }] };
}

let next = 0;

/** Each of so many writers begins its next append when its last one was acknowledged. */
const appends =
  (store: Store, writers: number): Probe =>
  async (time) => {
    const start = performance.now();
    let done = 0;
    const writer = async (): Promise<void> => {
      while (performance.now() - start < time) {
        await accepted(store, request(next++));
        done++;
      }
    };
    await Promise.all(Array.from({ length: writers }, writer));
    return (done * 1000) / (performance.now() - start);
  };

/** One append of so many entries at a time; counts entries. */
const groups =
  (store: Store, size: number): Probe =>
  async (time) => {
    const start = performance.now();
    let done = 0;
    for (; performance.now() - start < time; done += size) {
      const { writes } = request(next++);
      await accepted(store, {
        writes: writes.map((write) => ({ ...write, events: Array.from({ length: size }, (_, id) => ({ type: "noted", id })) })),
      });
    }
    return (done * 1000) / (performance.now() - start);
  };

/** The time under which 99 of 100 stay, in microseconds. */
const slowest =
  (work: () => unknown): Probe =>
  async (time) => {
    const start = performance.now();
    const taken: number[] = [];
    for (let before = start; before - start < time;) {
      await work();
      const now = performance.now();
      taken.push(now - before);
      before = now;
    }
    return highest(taken);
  };

const highest = (times: readonly number[]): number => 1000 * (times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.99)] ?? 0);

/** Of what arrives at any time, 99 of 100 wait no longer than this for the turn of the loop in which it came to end. */
function arrival(turns: readonly number[]): number {
  const sorted = turns.toSorted((a, b) => b - a);
  let rest = sorted.reduce((sum, turn) => sum + turn, 0) / 100;
  return 1000 * (sorted.find((turn) => (rest -= turn) <= 0) ?? 0);
}

/** How long everything else in the process has to wait while so many writers append. */
const waits =
  (store: Store, writers: number): Probe =>
  async (time) => {
    const turns: number[] = [];
    let before = performance.now();
    const turn = (): void => {
      const now = performance.now();
      turns.push(now - before);
      before = now;
      turning = setImmediate(turn);
    };
    let turning = setImmediate(turn);
    await appends(store, writers)(time);
    clearImmediate(turning);
    return arrival(turns);
  };

/** Commits on the event loop must not keep others waiting longer than those of a thread do. */
async function* waitRows(folder: string, store: OpenStore): AsyncGenerator<Row> {
  const threaded = await sqliteStore(folder, "threaded.db", writerThread);
  try {
    for (const writers of [1, 8, 32]) {
      const name = `store: SQLite, wait of others beside ${writers}, slowest`;
      const probes = { value: waits(store, writers), ceiling: waits(threaded, writers) };
      yield await contest({ name, unit: "µs", against: "with every commit in the thread", ...probes });
    }
  } finally {
    await threaded.close();
  }
}

async function accepted(store: Store, wanted: AppendRequest): Promise<void> {
  const answer = await store.append(wanted);
  if (!answer.ok) throw new Error(answer.error.message);
}

/** What one small append puts into a log file: the ceiling writes as much and no more. */
const BYTES = 4096;
const BLOCKS = 1024;

/** Goes round and round in a file of a fixed size, as a write-ahead log does. */
function rawFile(folder: string): { readonly sync: () => number; readonly close: () => void } {
  const file = openSync(join(folder, "raw"), "w");
  const bytes = Buffer.alloc(BYTES, 7);
  for (let at = 0; at < BLOCKS; at++) writeSync(file, bytes, 0, BYTES, at * BYTES);
  fdatasyncSync(file);
  let at = 0;
  const sync = (): number => {
    writeSync(file, bytes, 0, BYTES, (at++ % BLOCKS) * BYTES);
    fdatasyncSync(file);
    return 1;
  };
  return { sync, close: () => closeSync(file) };
}

const message = new TextEncoder().encode("x".repeat(100));
const sign = (): number => (signer.sign(message).length === 64 ? 1 : 0);

function memoryRow(): Promise<Row> {
  const store = openMemory({ origin: ORIGIN, signer });
  const against = "one signature for each append";
  return contest({ name: "store: memory, 1 at a time", unit: "op/s", against, value: appends(store, 1), ceiling: perSecond(sign) });
}

async function sqliteStore(folder: string, name: string, writer?: typeof writerThread): Promise<OpenStore> {
  const opened = await openSqlite({
    path: join(folder, name),
    origin: ORIGIN,
    signer,
    ...(writer ? { writer } : { now: () => performance.now() }),
  });
  if (!opened.ok) throw new Error(opened.error.message);
  return opened.value;
}

async function* sqliteRows(folder: string): AsyncGenerator<Row> {
  const raw = rawFile(folder);
  const [one, many] = [await sqliteStore(folder, "one.db"), await sqliteStore(folder, "many.db")];
  try {
    const single = { unit: "op/s", value: appends(one, 1) };
    const against = "write and fdatasync of the same bytes";
    yield await contest({ name: "store: SQLite, 1 at a time", ...single, against, aim: { atLeast: 0.75 }, ceiling: perSecond(raw.sync) });
    const withSignature = perSecond(() => Math.min(sign(), raw.sync()));
    yield await contest({
      name: "store: the same, against both",
      ...single,
      against: "the same and one signature",
      ceiling: withSignature,
    });
    const beside = { unit: "op/s", against: "the same run's 1 at a time", ceiling: single.value };
    yield await contest({ ...beside, name: "store: SQLite, groups of 100 in one append", aim: { atLeast: 15 }, value: groups(many, 100) });
    yield await contest({ ...beside, name: "store: SQLite, 100 appends at a time", value: appends(many, 100) });
    yield await contest({
      name: "store: SQLite, 1 at a time, slowest of 100",
      unit: "µs",
      against: "write and fdatasync, slowest of 100",
      value: slowest(() => accepted(one, request(next++))),
      ceiling: slowest(raw.sync),
    });
    yield* waitRows(folder, one);
  } finally {
    await Promise.all([one.close(), many.close()]);
    raw.close();
  }
}

async function* postgresRows(folder: string): AsyncGenerator<Row> {
  const server = await startPostgres(`${folder}-postgres`, true);
  const stores: OpenStore[] = [];
  const bare = new Client({ connectionString: `${server.url}/bench` });
  try {
    await administer(server.url, "CREATE DATABASE bench");
    for (let node = 0; node < 2; node++) {
      const opened = await openPostgres({ url: `${server.url}/bench`, origin: ORIGIN, signer, poolSize: 2 });
      if (!opened.ok) throw new Error(opened.error.message);
      stores.push(opened.value);
    }
    await bare.connect();
    const ceiling = await bareCommits(bare);
    const against = "INSERT of the same bytes on one connection";
    for (const [nodes, writers, aim] of [
      [1, 1, undefined],
      [1, 100, { atLeast: 3 }],
      [2, 100, undefined],
    ] as const) {
      const value: Probe = async (time) => {
        const rates = await Promise.all(stores.slice(0, nodes).map(async (store) => appends(store, writers)(time)));
        return rates.reduce((sum, rate) => sum + rate, 0);
      };
      const name = `store: PostgreSQL, ${nodes} × ${writers} at a time`;
      yield await contest({ name, unit: "op/s", against, value, ceiling, ...(aim && { aim }) });
    }
  } finally {
    await bare.end().catch(() => {});
    await Promise.all(stores.map((each) => each.close()));
    await server.stop();
    rmSync(`${folder}-postgres`, { recursive: true, force: true });
  }
}

/** One row for each commit and one commit for each round trip: what a program does that batches nothing. */
async function bareCommits(client: Client): Promise<Probe> {
  await client.query("CREATE TABLE bare (id BIGINT PRIMARY KEY, bytes BYTEA NOT NULL)");
  const bytes = Buffer.alloc(500, 7);
  let id = 0;
  return async (time) => {
    const start = performance.now();
    let done = 0;
    for (; performance.now() - start < time; done++) {
      await client.query({ name: "bare", text: "INSERT INTO bare (id, bytes) VALUES ($1, $2)", values: [id++, bytes] });
    }
    return (done * 1000) / (performance.now() - start);
  };
}
