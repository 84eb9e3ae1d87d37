import { createHash, randomBytes, verify as rawVerify } from "node:crypto";
import { readFileSync } from "node:fs";
import { canonical, digestJson, parseJson, sha256, verifyEd25519 } from "../src/core/base/index.ts";
import { integrate, leafHash, type Frontier } from "../src/core/ledger/index.ts";
import { evaluate, factsOf, loadBundle } from "../src/core/policy/index.ts";
import { samplePlan } from "../src/testing/plans.ts";
import { testSigner } from "../src/testing/ledger.ts";
import { contest, perSecond, type Aim, type Row } from "./measure.ts";

export async function* benchCore(): AsyncGenerator<Row> {
  yield await jsonRow();
  yield await canonicalRow();
  for (const row of ledgerRows()) yield await row;
  yield await signatureRow();
  yield await policyRow();
}

const against = (name: string, unit: string, value: () => number, ceiling: () => number, what: string, aim?: Aim): Promise<Row> =>
  contest({ name, unit, value: perSecond(value), ceiling: perSecond(ceiling), against: what, ...(aim === undefined ? {} : { aim }) });

function jsonRow(): Row {
  const text = JSON.stringify(
    Array.from({ length: 4_000 }, (_, i) => ({
      id: `chg_${i}`,
      path: `src/module/file-${i}.ts`,
      owners: ["@shop/a", "@shop/b"],
      added: i,
      flag: i % 2 === 0,
    })),
  );
  const bytes = new TextEncoder().encode(text);
  const parse = rate(() => (parseJson(bytes).ok ? bytes.length : 0));
  const decoder = new TextDecoder();
  const ceiling = rate(() => (JSON.parse(decoder.decode(bytes)) === null ? 0 : bytes.length));
  return { name: "strict JSON, foreign bytes", value: parse, ceiling, unit: "B/s", against: "JSON.parse of the same bytes" };
}

function canonicalRow(): Row {
  const plan = samplePlan();
  const size = canonical(plan).length;
  const value = rate(() => (digestJson(plan) ? size : 0));
  const ceiling = rate(() => (createHash("sha256").update(JSON.stringify(plan)).digest("hex") ? size : 0));
  return { name: "canonical bytes and digest of a plan", value, ceiling, unit: "B/s", against: "JSON.stringify and SHA-256" };
}

function ledgerRows(): readonly Row[] {
  const entries = Array.from({ length: 4_096 }, (_, i) =>
    new TextEncoder().encode(`{"event":{"type":"voted"},"n":${i},"stream":"change/chg_1","v":1}`),
  );
  const raw = rate(() => entries.reduce((n, e) => n + (sha256(e).length === 32 ? 1 : 0), 0));
  const value = rate(() => appendAll(entries, entries.length));
  const batched = rate(() => appendAll(entries, 64));
  // A tree of n leaves has n leaf hashes and n - 1 node hashes.
  return [
    { name: "tree of 4,096 entries, one batch", value, ceiling: raw / 2, unit: "op/s", against: "two SHA-256 for each entry" },
    { name: "the same in batches of 64", value: batched, ceiling: raw / 2, unit: "op/s", against: "two SHA-256 for each entry" },
  ];
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

function signatureRow(): Row {
  const signer = testSigner("bench", 1);
  const message = randomBytes(200);
  const signature = signer.sign(message);
  const value = rate(() => (verifyEd25519(signer.publicKey, message, signature) ? 1 : 0));
  const spki = Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), signer.publicKey]);
  const ceiling = rate(() => (rawVerify(null, message, { key: spki, format: "der", type: "spki" }, signature) ? 1 : 0));
  return { name: "Ed25519 verification", value, ceiling, unit: "op/s", against: "node:crypto verify" };
}

function policyRow(): Row {
  const bundle = loadBundle(readFileSync(new URL("../examples/policy/default.yaml", import.meta.url), "utf8"));
  if (!bundle.ok) throw new Error("the default policy does not load");
  const plan = samplePlan();
  const facts = factsOf(plan, {
    revision: 1,
    now: 1_800_000_000_000 as never,
    parties: { proposer: plan.intent.proposer, onBehalfOf: plan.intent.onBehalfOf, owner: plan.intent.onBehalfOf },
  });
  const value = rate(() => (evaluate(bundle.value, facts).trace.length > 0 ? 1 : 0));
  // What any evaluation must do at least: hash the route it answers with.
  const route = evaluate(bundle.value, facts).route;
  const ceiling = rate(() => (digestJson(route) ? 1 : 0));
  return { name: "policy: default bundle on a plan", value, ceiling, unit: "op/s", against: "the digest of its answer alone" };
}
