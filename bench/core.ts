import { hash, randomBytes, verify as rawVerify } from "node:crypto";
import { canonical, digestJson, parseJson, sha256, verifyEd25519 } from "../src/core/base/index.ts";
import { integrate, leafHash, type Frontier } from "../src/core/ledger/index.ts";
import { samplePlan } from "../src/testing/plans.ts";
import { testSigner } from "../src/testing/ledger.ts";
import { contest, perSecond, type Aim, type Row } from "./measure.ts";

export async function* benchCore(): AsyncGenerator<Row> {
  yield* jsonRows();
  yield* ledgerRows();
  yield signatureRow();
}

/** Both sides do the same amount of work in a call and say how much it was. */
function against(name: string, unit: string, value: () => number, ceiling: () => number, what: string, aim?: Aim): Promise<Row> {
  return contest({
    name,
    unit,
    value: perSecond(value),
    ceiling: perSecond(ceiling),
    against: what,
    ...(aim === undefined ? {} : { aim }),
  });
}

/** As an API answer or a ledger has them: many objects of a few members. */
const records = Array.from({ length: 400 }, (_, i) => ({
  id: `chg_${i}`,
  path: `src/module/file-${i}.ts`,
  owners: ["@shop/a", "@shop/b"],
  added: i,
  flag: i % 2 === 0,
}));

async function* jsonRows(): AsyncGenerator<Row> {
  const text = JSON.stringify(records);
  const bytes = new TextEncoder().encode(text);
  const decoder = new TextDecoder();
  const strict = (): number => (parseJson(bytes).ok ? bytes.length : 0);
  const parse = (): number => (JSON.parse(decoder.decode(bytes)) === null ? 0 : bytes.length);
  yield against("strict JSON, foreign bytes", "B/s", strict, parse, "JSON.parse of the same bytes");
  const plan = samplePlan();
  for (const [what, value] of [
    ["a plan", plan],
    ["400 records", records],
  ] as const) {
    const size = canonical(value).length;
    const ours = (): number => (canonical(value) === "" ? 0 : size);
    const native = (): number => (JSON.stringify(value) === "" ? 0 : size);
    yield against(`canonical bytes of ${what}`, "B/s", ours, native, "JSON.stringify", { atLeast: 0.4 });
    const digest = (): number => (digestJson(value) === undefined ? 0 : size);
    const raw = (): number => (hash("sha256", JSON.stringify(value), "hex") === "" ? 0 : size);
    yield against(`canonical digest of ${what}`, "B/s", digest, raw, "JSON.stringify and SHA-256", { atLeast: 0.4 });
  }
}

async function* ledgerRows(): AsyncGenerator<Row> {
  const entries = Array.from({ length: 4_096 }, (_, i) =>
    new TextEncoder().encode(`{"event":{"type":"voted"},"n":${i},"stream":"change/chg_1","v":1}`),
  );
  // A tree of n leaves has n leaf hashes and n - 1 node hashes.
  const raw = (): number => entries.reduce((n, entry) => n + (sha256(entry).length + sha256(entry).length === 64 ? 1 : 0), 0);
  for (const [name, batch] of [
    ["tree of 4,096 entries, one batch", entries.length],
    ["the same in batches of 64", 64],
  ] as const)
    yield against(name, "op/s", () => appendAll(entries, batch), raw, "two SHA-256 for each entry");
}

function appendAll(entries: readonly Uint8Array[], batch: number): number {
  const tiles = new Map<string, Uint8Array>();
  const read = (level: number, index: number): Uint8Array => tiles.get(`${level}/${index}`) ?? new Uint8Array();
  let size = 0;
  let frontier: Frontier | undefined;
  for (let from = 0; from < entries.length; from += batch) {
    const made = integrate(size, read, entries.slice(from, from + batch).map(leafHash), frontier);
    for (const tile of made.tiles) tiles.set(`${tile.level}/${tile.index}`, tile.bytes);
    ({ size, frontier } = made);
  }
  return size;
}

function signatureRow(): Promise<Row> {
  const signer = testSigner("bench", 1);
  const message = randomBytes(200);
  const signature = signer.sign(message);
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), signer.publicKey]);
  const ours = (): number => (verifyEd25519(signer.publicKey, message, signature) ? 1 : 0);
  const raw = (): number => (rawVerify(null, message, { key: spki, format: "der", type: "spki" }, signature) ? 1 : 0);
  return against("Ed25519 verification", "op/s", ours, raw, "node:crypto verify");
}
