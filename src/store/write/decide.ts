/** Which requests of a batch stand, and what they write: each is accepted or refused on its own. Pure. */
import type { Claim, Guard, StoreRefusal } from "../../control/ports.ts";
import { assert } from "../../core/base/index.ts";
import type { Admitted, Entry, Outgoing, Write } from "./admit.ts";
import {
  claimId,
  type ClaimRow,
  type EntryRow,
  type Facts,
  type Need,
  type OutboxRow,
  type PayloadRow,
  type StreamChange,
  type StreamMode,
  type StreamRow,
} from "../model.ts";
import { kindOf, sealStream, streamFault } from "../streams.ts";

export type Decision =
  | { readonly kind: "accepted"; readonly indexes: readonly number[] }
  | { readonly kind: "refused"; readonly refusal: StoreRefusal };

/** A decided batch: what is to be written, before the tree and the checkpoint. */
export interface Decided {
  readonly decisions: readonly Decision[];
  /** With the leaf hashes as they were computed when the requests came in. */
  readonly entries: readonly EntryRow[];
  readonly streams: readonly StreamChange[];
  readonly claims: readonly ClaimRow[];
  readonly outbox: readonly OutboxRow[];
  readonly payloads: readonly PayloadRow[];
}

export function needOf(requests: readonly Admitted[]): Need {
  const streams = new Set<string>();
  const claims = new Map<string, Claim>();
  const outbox = new Set<string>();
  for (const request of requests) {
    for (const { stream } of request.writes) streams.add(stream);
    for (const { stream } of request.guards) streams.add(stream);
    for (const claim of request.claims) claims.set(claimId(claim), claim);
    for (const { key } of request.outbox) outbox.add(key);
  }
  return { streams: [...streams], claims: [...claims.values()], outbox: [...outbox] };
}

/** What the accepted requests of the batch have written so far. */
interface Draft {
  readonly facts: Facts;
  readonly entries: EntryRow[];
  readonly streams: Map<string, StreamRow>;
  readonly claims: Map<string, ClaimRow>;
  readonly outbox: Map<string, OutboxRow>;
  readonly payloads: Map<string, PayloadRow>;
}

export function decide(facts: Facts, requests: readonly Admitted[]): Decided {
  const draft: Draft = { facts, entries: [], streams: new Map(), claims: new Map(), outbox: new Map(), payloads: new Map() };
  const decisions = requests.map((request): Decision => {
    const refusal = claimFault(draft, request.claims) ?? guardFault(draft, request.guards) ?? versionFault(draft, request.writes);
    return refusal ? { kind: "refused", refusal } : { kind: "accepted", indexes: accept(draft, request) };
  });
  const streams = [...draft.streams.values()].map((row) => ({ ...row, prior: facts.streams.get(row.stream)?.version }));
  const { entries } = draft;
  const outbox = [...draft.outbox.values()];
  return { decisions, entries, streams, claims: [...draft.claims.values()], outbox, payloads: [...draft.payloads.values()] };
}

function claimFault(draft: Draft, claims: readonly Claim[]): StoreRefusal | undefined {
  for (const { kind, key } of claims) {
    const id = claimId({ kind, key });
    const standing = draft.claims.get(id) ?? draft.facts.claims.get(id);
    if (!standing) continue;
    return {
      code: "claim_taken",
      message: `the ${kind} claim ${key} is taken`,
      where: `claims/${kind}/${key}`,
      remedy: "act on the value that stands",
      claim: { kind, key, value: standing.value },
    };
  }
  return undefined;
}

/** What a decision rests on must still be as it was, also against the requests before it in the batch. */
function guardFault(draft: Draft, guards: readonly Guard[]): StoreRefusal | undefined {
  for (const { stream, version } of guards) {
    const now = (draft.streams.get(stream) ?? draft.facts.streams.get(stream))?.version ?? 0;
    if (now !== version) return versionConflict(stream, version, now);
  }
  return undefined;
}

/** Writes of one request see each other: the second to a stream must expect what the first left. */
function versionFault(draft: Draft, writes: readonly Write[]): StoreRefusal | undefined {
  const seen = new Map<string, { mode: StreamMode; version: number }>();
  for (const { stream, expected, entries } of writes) {
    const mode: StreamMode = expected === "any" ? "gathered" : "counted";
    const now = seen.get(stream) ?? draft.streams.get(stream) ?? draft.facts.streams.get(stream) ?? { mode, version: 0 };
    const fault = corruptStream(draft, stream);
    if (fault) return fault;
    if (now.mode !== mode) return modeConflict(stream, now.mode);
    if (expected !== "any" && expected !== now.version) return versionConflict(stream, expected, now.version);
    seen.set(stream, { mode, version: now.version + entries.length });
  }
  return undefined;
}

function corruptStream(draft: Draft, stream: string): StoreRefusal | undefined {
  const row = draft.facts.streams.get(stream);
  const fault = row && !draft.streams.has(stream) ? streamFault(row) : undefined;
  return fault ? { code: "store_corrupt", message: fault, where: stream, remedy: "run `pawl ledger fsck`" } : undefined;
}

const versionConflict = (stream: string, expected: number, actual: number): StoreRefusal => ({
  code: "version_conflict",
  message: `${stream} is at version ${actual}; the write was decided on version ${expected}`,
  where: stream,
  remedy: "load the stream again and decide anew",
  details: { expected, actual },
});

const modeConflict = (stream: string, mode: StreamMode): StoreRefusal => ({
  code: "version_conflict",
  message:
    mode === "counted" ? `${stream} has versions, so a write must expect one` : `${stream} gathers entries, so it has no version to expect`,
  where: stream,
  remedy: "write to the stream as its first write did",
});

function accept(draft: Draft, request: Admitted): number[] {
  const first = draft.facts.head.size + draft.entries.length;
  const indexes = request.writes.flatMap((write) => addWrite(draft, write));
  for (const claim of request.claims) draft.claims.set(claimId(claim), { ...claim, idx: first });
  for (const item of request.outbox) addOutgoing(draft, item);
  for (const payload of request.payloads) draft.payloads.set(payload.digest, payload);
  return indexes;
}

function addWrite(draft: Draft, write: Write): number[] {
  const { stream, expected, state } = write;
  const before = draft.streams.get(stream) ?? draft.facts.streams.get(stream);
  const start = before?.version ?? 0;
  const indexes = write.entries.map((entry, i) => addEntry(draft, stream, start + i, entry));
  const row = {
    stream,
    kind: kindOf(stream),
    mode: expected === "any" ? ("gathered" as const) : ("counted" as const),
    version: start + write.entries.length,
    body: state?.text ?? before?.body ?? null,
    status: state?.status ?? before?.status ?? "",
    proposer: state?.proposer ?? before?.proposer ?? "",
    created_at: state?.createdAt ?? before?.created_at ?? 0,
    updated_at: state?.updatedAt ?? before?.updated_at ?? 0,
  };
  draft.streams.set(stream, sealStream(row));
  return indexes;
}

function addEntry(draft: Draft, stream: string, ordinal: number, { bytes, leaf }: Entry): number {
  const idx = draft.facts.head.size + draft.entries.length;
  assert(Number.isSafeInteger(idx), "the tree's size is a safe integer");
  draft.entries.push({ idx, stream, ordinal, bytes, leaf });
  return idx;
}

/** The same key is the same thing to do: it is already waiting or done. */
function addOutgoing(draft: Draft, { key, kind, text, dueAt }: Outgoing): void {
  if (draft.outbox.has(key) || draft.facts.outbox.has(key)) return;
  const id = draft.facts.head.outbox + draft.outbox.size;
  draft.outbox.set(key, { id, key, kind, body: text, due_at: dueAt, lease_until: 0, attempts: 0, settled: 0 });
}
