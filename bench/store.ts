import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AppendRequest, Store } from "../src/control/ports.ts";
import { millis } from "../src/core/base/index.ts";
import { openMemory, openPostgres, openSqlite } from "../src/store/index.ts";
import type { OpenStore } from "../src/store/index.ts";
import { writerHere, writerThread } from "../src/store/sqlite/writer.ts";
import { testSigner } from "../src/testing/ledger.ts";
import { administer } from "../src/testing/postgres.ts";
import { startPostgres } from "../src/testing/postgres-server.ts";
import type { Row } from "./table.ts";

const SECONDS = 2;
const ORIGIN = "bench.example/log";
/** What one small append puts into a log file: the ceiling writes as much and no more. */
const BYTES = 4096;
const BLOCKS = 1024;

/** Appends beside a file that is written and synced as often as the disk allows, in the same run. */
export async function benchStore(seconds = SECONDS): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-bench-"));
  try {
    return [...(await memoryRows(seconds)), ...(await sqliteRows(folder, seconds)), ...(await postgresRows(folder, seconds))];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const signer = testSigner(ORIGIN, 7);

function request(n: number): AppendRequest {
  const state = { body: { id: n, phase: "open" }, status: "open", proposer: "agent:one", createdAt: millis(n), updatedAt: millis(n) };
  return { writes: [{ stream: `change/${n}`, expected: 0, events: [{ type: "proposed", id: n }], state }] };
}

let next = 0;

/** Each of so many writers begins its next append when its last one was acknowledged. */
async function appends(store: Store, writers: number, seconds: number): Promise<number> {
  const until = performance.now() + seconds * 1000;
  let done = 0;
  const writer = async (): Promise<void> => {
    while (performance.now() < until) {
      const answer = await store.append(request(next++));
      if (!answer.ok) throw new Error(answer.error.message);
      done++;
    }
  };
  const start = performance.now();
  await Promise.all(Array.from({ length: writers }, writer));
  return (done / (performance.now() - start)) * 1000;
}

/** Goes round and round in a file of a fixed size, as a write-ahead log does. */
function syncs(folder: string, seconds: number): number {
  const file = openSync(join(folder, "raw"), "w");
  const bytes = Buffer.alloc(BYTES, 7);
  for (let at = 0; at < BLOCKS; at++) writeSync(file, bytes, 0, BYTES, at * BYTES);
  fdatasyncSync(file);
  const start = performance.now();
  let done = 0;
  for (; performance.now() - start < seconds * 1000; done++) {
    writeSync(file, bytes, 0, BYTES, (done % BLOCKS) * BYTES);
    fdatasyncSync(file);
  }
  closeSync(file);
  return (done / (performance.now() - start)) * 1000;
}

const ROUNDS = 4;

/** Turn by turn, for a disk that others use as well is not equally fast all the time; the median of each. */
async function beside(
  seconds: number,
  measure: (seconds: number) => Promise<number>,
  ceiling: (seconds: number) => number,
): Promise<{ value: number; ceiling: number }> {
  const values: number[] = [];
  const ceilings: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    ceilings.push(ceiling(seconds / ROUNDS / 2));
    values.push(await measure(seconds / ROUNDS));
  }
  return { value: median(values), ceiling: median(ceilings) };
}

const median = (numbers: readonly number[]): number => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0;

async function memoryRows(seconds: number): Promise<Row[]> {
  const store = openMemory({ origin: ORIGIN, signer });
  const rates = await beside(seconds, (time) => appends(store, 1, time), signatures);
  return [{ name: "store: memory, 1 at a time", ...rates, unit: "op/s", against: "one signature for each append" }];
}

function signatures(seconds: number): number {
  const bytes = new TextEncoder().encode("x".repeat(100));
  const start = performance.now();
  let done = 0;
  for (; performance.now() - start < seconds * 1000; done++) signer.sign(bytes);
  return (done / (performance.now() - start)) * 1000;
}

async function sqliteRows(folder: string, seconds: number): Promise<Row[]> {
  const rows: Row[] = [];
  const places = [
    ["in a thread", writerThread],
    ["here", writerHere],
  ] as const;
  for (const [where, writer] of places) {
    for (const writers of [1, 100]) {
      const path = join(folder, `${where}-${writers}.db`);
      const opened = await openSqlite({ path, origin: ORIGIN, signer, writer });
      if (!opened.ok) throw new Error(opened.error.message);
      const rates = await beside(
        seconds,
        (time) => appends(opened.value, writers, time),
        (time) => syncs(folder, time),
      );
      await opened.value.close();
      rows.push({ name: `store: SQLite ${where}, ${writers} at a time`, ...rates, unit: "op/s", against: "write and fdatasync" });
    }
  }
  return rows;
}

async function postgresRows(folder: string, seconds: number): Promise<Row[]> {
  const server = await startPostgres(`${folder}-postgres`, true);
  const stores: OpenStore[] = [];
  try {
    await administer(server.url, "CREATE DATABASE bench");
    for (let node = 0; node < 2; node++) {
      const opened = await openPostgres({ url: `${server.url}/bench`, origin: ORIGIN, signer, poolSize: 2 });
      if (!opened.ok) throw new Error(opened.error.message);
      stores.push(opened.value);
    }
    const rows: Row[] = [];
    for (const [nodes, writers] of [
      [1, 1],
      [1, 100],
      [2, 100],
    ] as const) {
      const all = async (time: number): Promise<number> => {
        const rates = await Promise.all(stores.slice(0, nodes).map((store) => appends(store, writers, time)));
        return rates.reduce((sum, rate) => sum + rate, 0);
      };
      const rates = await beside(seconds, all, (time) => syncs(folder, time));
      rows.push({ name: `store: PostgreSQL, ${nodes} x ${writers} at a time`, ...rates, unit: "op/s", against: "write and fdatasync" });
    }
    return rows;
  } finally {
    await Promise.all(stores.map((each) => each.close()));
    await server.stop();
    rmSync(`${folder}-postgres`, { recursive: true, force: true });
  }
}
