/** One change's evidence for outsiders: gathered from the ledger and the payload store, and signed whole. */
import {
  assert,
  fail,
  fromUtf8,
  isDigest,
  isId,
  isObject,
  ok,
  toBase64,
  toHex,
  type ChangeId,
  type Digest,
  type RunnerId,
} from "../core/base/index.ts";
import {
  BUNDLE_SCHEMA,
  documentsOf,
  readEntry,
  sealBundle,
  type EvidencePayload,
  type ProvenEntry,
  type ReadEntry,
} from "../core/evidence/index.ts";
import { inclusionProof, inclusionTiles, mergeCosignatures } from "../core/ledger/index.ts";
import { changeStream, findChange } from "./commit.ts";
import type { Deps } from "./deps.ts";
import { readTiles } from "./ledger.ts";
import type { LedgerEntry } from "./ports.ts";
import { readGrant } from "./running.ts";
import type { Answer, Caller, ControlRefusal } from "./types.ts";

const PAGE = 500;
const MOST_EVENTS = 10_000;
/** Of one document, and of all together; a larger one is named as left out. */
const MOST_BYTES = { one: 8 * 1024 * 1024, all: 32 * 1024 * 1024 };

/** The canonical text of the bundle. */
export async function exportBundle(deps: Deps, _caller: Caller, change: string, runner: RunnerId): Answer<string> {
  const found = await findChange(deps, change);
  // What happened stays to be shown when the state made of it does not.
  if (!found.ok && found.error.reason !== "quarantined") return found;
  const own = isId(change) ? await history(deps, changeStream(change)) : undefined;
  if (own === undefined) return fail(tooLong(change));
  const read = own.map(readStored);
  const context = await contextOf(deps, read);
  const granted = found.ok && "grant" in found.value.state ? await readGrant(deps, change, runner) : undefined;
  const payloads = await payloadsOf(deps, [...read, ...context.map(readStored)]);
  // Read last: it covers all that was read before.
  const head = await headFor(deps, Math.max(...[...own, ...context].map(({ index }) => index)));
  const proven = (entries: readonly LedgerEntry[]): Promise<readonly ProvenEntry[]> =>
    Promise.all(entries.map((entry) => prove(deps, entry, head.size)));
  const body = {
    schema: BUNDLE_SCHEMA,
    origin: deps.origin,
    change: change as ChangeId,
    checkpoint: head.note,
    entries: await proven(own),
    context: await proven(context),
    payloads,
    grant: granted?.ok === true ? granted.value : null,
    assertions: [],
    keys: { log: deps.logKeys, grants: { [deps.grantSigner.name]: toBase64(deps.grantSigner.publicKey) } },
  } as const;
  return ok(sealBundle(body, deps.grantSigner));
}

const tooLong = (change: string): ControlRefusal => ({
  code: "too_large",
  reason: "too_many_events",
  message: `change ${change} has more than ${MOST_EVENTS} events`,
  remedy: "copy the whole log instead: pawl ledger export",
});

async function history(deps: Deps, stream: string): Promise<readonly LedgerEntry[] | undefined> {
  const entries: LedgerEntry[] = [];
  for (;;) {
    const page = await deps.store.history(stream, entries.length, PAGE);
    entries.push(...page);
    if (page.length < PAGE) return entries;
    if (entries.length > MOST_EVENTS) return undefined;
  }
}

function readStored({ index, bytes }: LedgerEntry): ReadEntry {
  const read = readEntry({ index, entry: fromUtf8(bytes) ?? "" });
  assert(read !== undefined, `ledger entry ${index} is canonical`);
  return read;
}

/** Where it mattered which rules and people were in force. */
const RESTS_ON_RULES = new Set(["routed", "voted", "authorised", "run_started"]);

/** By index, each once: policy and directory as they were in force at each decision, and all there is of the tokens that voted and of the runners that ran. */
async function contextOf(deps: Deps, own: readonly ReadEntry[]): Promise<readonly LedgerEntry[]> {
  const found = new Map<number, LedgerEntry>();
  const at = own.filter(({ event }) => RESTS_ON_RULES.has(event.type)).map(({ index }) => index);
  for (const kind of ["policy", "directory"]) {
    const all = (await history(deps, `config/${kind}`)) ?? [];
    for (const index of at) {
      const seen = all.findLast((entry) => entry.index < index);
      if (seen !== undefined) found.set(seen.index, seen);
    }
  }
  for (const identity of new Set(own.flatMap(({ event }) => identityOf(event)))) {
    for (const entry of (await history(deps, `token/${identity.slice("token:".length)}`)) ?? []) found.set(entry.index, entry);
  }
  for (const runner of new Set(
    own.flatMap(({ event }) => (event.type === "run_started" && typeof event["runner"] === "string" ? [event["runner"]] : [])),
  )) {
    for (const entry of (await history(deps, `runner/${runner}`)) ?? []) found.set(entry.index, entry);
  }
  return [...found.values()].toSorted((a, b) => a.index - b.index);
}

function identityOf({ vote }: ReadEntry["event"]): readonly string[] {
  const identity = isObject(vote) ? vote["identity"] : undefined;
  return typeof identity === "string" && identity.startsWith("token:") ? [identity] : [];
}

/** What the entries name, and the text of the policy that each route's context names. */
async function payloadsOf(deps: Deps, entries: readonly ReadEntry[]): Promise<readonly EvidencePayload[]> {
  const wanted = new Set<Digest>();
  for (const { stream, event } of entries) {
    if (stream.startsWith("change/")) for (const digest of documentsOf(event)) wanted.add(digest);
    const digest = stream.startsWith("config/") ? event["digest"] : undefined;
    if (typeof digest === "string" && isDigest(digest)) wanted.add(digest);
  }
  const payloads: EvidencePayload[] = [];
  let room = MOST_BYTES.all;
  for (const digest of [...wanted].toSorted()) {
    const payload = await payloadOf(deps, digest, room);
    if (payload.as === "text") room -= payload.text.length;
    if (payload.as === "base64") room -= payload.base64.length;
    payloads.push(payload);
  }
  return payloads;
}

async function payloadOf(deps: Deps, digest: Digest, room: number): Promise<EvidencePayload> {
  const stored = await deps.store.payload(digest);
  if (stored === undefined || stored === "erased") return { digest, as: "erased" };
  const { bytes, mediaType } = stored;
  if (bytes.length > Math.min(MOST_BYTES.one, room)) return { digest, as: "left_out", why: "too_large" };
  const text = fromUtf8(bytes);
  // A text that the strict reader of the bundle would not take stays bytes.
  if (text !== undefined && text.normalize("NFC") === text) return { digest, as: "text", media_type: mediaType, text };
  return { digest, as: "base64", media_type: mediaType, base64: toBase64(bytes) };
}

async function prove(deps: Deps, { index, bytes }: LedgerEntry, size: number): Promise<ProvenEntry> {
  const read = await readTiles(deps, inclusionTiles(index, size));
  return { index, entry: new TextDecoder().decode(bytes), proof: inclusionProof(index, size, read).map(toHex) };
}

/** The newest head that most witnesses have cosigned, if it covers the entries; else the log's own. */
async function headFor(deps: Deps, last: number): Promise<{ readonly size: number; readonly note: string }> {
  const own = await deps.store.head();
  const cosigned = mergeCosignatures(deps.cosigned?.() ?? []).filter(({ size }) => size > last && size <= own.size);
  return cosigned[0] ?? { size: own.size, note: own.checkpoint };
}
