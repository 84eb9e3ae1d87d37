/** What checking a whole ledger costs, beside reading its rows and hashing its bytes. */
import { hash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { millis } from "../src/core/base/index.ts";
import { fsck, inspectSqlite, openSqlite } from "../src/store/index.ts";
import { testSigner } from "../src/testing/ledger.ts";
import { contest, isQuick, type Probe, type Row } from "./measure.ts";

const ORIGIN = "bench.example/log";
const signer = testSigner(ORIGIN, 7);
/** The area is loaded when it is known whether there is time. */
const ENTRIES = isQuick() ? 2_000 : 1_000_000;
/** Entries of one stream, written one after the other, and streams that grow together. */
const LENGTH = 10;
const WIDTH = 400;
const ROUNDS = 3;

export async function* benchVerify(): AsyncGenerator<Row> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-bench-"));
  try {
    const path = join(folder, "pawl.db");
    await fill(path);
    yield await contest({
      name: `verify: fsck of ${ENTRIES.toLocaleString("en")} entries`,
      unit: "s",
      against: "reading the rows, SHA-256 of the bytes",
      aim: { atMost: 1.5 },
      value: () => timed(() => checked(path)),
      ceiling: () => timed(() => readAndHashed(path)),
      rounds: ROUNDS,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const timed: (work: () => unknown) => ReturnType<Probe> = async (work) => {
  const start = performance.now();
  await work();
  return (performance.now() - start) / 1000;
};

async function checked(path: string): Promise<void> {
  const report = await fsck(inspectSqlite({ path, origin: ORIGIN, signer }));
  if (!report.ok || report.size !== ENTRIES) throw new Error(JSON.stringify(report.faults));
}

/** Every row of the tables that the check reads, and one native hash for the bytes of each entry. */
function readAndHashed(path: string): void {
  const db = new DatabaseSync(path, { readOnly: true });
  let read = 0;
  for (const { bytes } of db.prepare("SELECT idx, stream, ordinal, bytes, leaf FROM entries ORDER BY idx").iterate()) {
    if (hash("sha256", bytes as Uint8Array, "hex").length === 64) read++;
  }
  for (const table of ["streams", "tiles", "checkpoints"])
    for (const row of db.prepare(`SELECT * FROM ${table}`).iterate()) if (row) read++;
  db.close();
  if (read < ENTRIES) throw new Error(`${read} rows were read`);
}

/** Streams of ten events each, through the store itself; only the disk is not waited for. */
async function fill(path: string): Promise<void> {
  const opened = await openSqlite({ path, origin: ORIGIN, signer });
  if (!opened.ok) throw new Error(opened.error.message);
  for (let first = 0, done = 0; done < ENTRIES; first += WIDTH) {
    const streams = Math.min(WIDTH, (ENTRIES - done) / LENGTH);
    for (let n = 0; n < LENGTH; n += 5) {
      const writes = Array.from({ length: streams }, (_, i) => write(first + i, n));
      const answer = await opened.value.append({ writes });
      if (!answer.ok) throw new Error(answer.error.message);
    }
    done += streams * LENGTH;
  }
  await opened.value.close();
}

function write(stream: number, n: number) {
  const events = Array.from({ length: 5 }, (_, i) => event(stream, n + i));
  const state = { body: { id: stream, n: n + 5 }, status: "open", proposer: "agent:one", createdAt: millis(stream), updatedAt: millis(n) };
  return { stream: `change/chg_${stream.toString().padStart(8, "0")}`, expected: n, events, state };
}

/** A vote as the ledger has it: who, on what, why. */
const event = (stream: number, n: number) => ({
  type: "voted",
  at: 1_800_000_000_000 + stream * LENGTH + n,
  by: { person: "per_ada", identity: "console:ada", strength: "session" },
  review: `sha256:${hash("sha256", `${stream}/${n}`, "hex")}`,
  seat: "owner of service/checkout",
  verdict: "approve",
  reason: "the effects are what was asked for",
});
