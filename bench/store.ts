/** What appending costs, beside what the disk, the signature and a bare commit cost in the same run. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Client } from "pg";
import type { AppendRequest, Store } from "../src/control/ports.ts";
import { millis } from "../src/core/base/index.ts";
import { openMemory, openPostgres, openSqlite } from "../src/store/index.ts";
import type { OpenStore } from "../src/store/index.ts";
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
        const answer = await store.append(request(next++));
        if (!answer.ok) throw new Error(answer.error.message);
        done++;
      }
    };
    await Promise.all(Array.from({ length: writers }, writer));
    return (done * 1000) / (performance.now() - start);
  };

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

async function sqliteStore(folder: string, name: string): Promise<OpenStore> {
  const opened = await openSqlite({ path: join(folder, name), origin: ORIGIN, signer });
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
    yield await contest({ name: "store: the same, against both", ...single, against: "the same and one signature", ceiling: withSignature });
    yield await contest({
      name: "store: SQLite, 100 at a time",
      unit: "op/s",
      against: "the same run's 1 at a time",
      aim: { atLeast: 15 },
      value: appends(many, 100),
      ceiling: single.value,
    });
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
        const rates = await Promise.all(stores.slice(0, nodes).map((store) => appends(store, writers)(time)));
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
