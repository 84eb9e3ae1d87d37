/** One request made ready to be batched: bounded, its bytes fixed and hashed. Pure. */
import type { AppendRequest, Claim, Guard, OutboxItem, Payload, StoreRefusal, StreamState, StreamWrite } from "../../control/ports.ts";
import { assert, canonical, digestOf, fail, ok, utf8, type Json, type Result } from "../../core/base/index.ts";
import { MAX_ENTRY_BYTES, leafHash } from "../../core/ledger/index.ts";
import { MAX_NAME_LENGTH, MAX_PAYLOAD_BYTES, MAX_REQUEST_PARTS, MAX_STATE_BYTES, STREAM_NAME } from "../limits.ts";
import type { PayloadRow } from "../model.ts";

export interface Entry {
  readonly bytes: Uint8Array;
  readonly leaf: Uint8Array;
}

export interface Write {
  readonly stream: string;
  readonly expected: number | "any";
  readonly entries: readonly Entry[];
  readonly state?: StreamState & { readonly text: string };
}

export interface Outgoing extends OutboxItem {
  readonly text: string;
}

/** What was asked, in the form in which it will be stored. */
export interface Admitted {
  readonly writes: readonly Write[];
  readonly guards: readonly Guard[];
  readonly claims: readonly Claim[];
  readonly outbox: readonly Outgoing[];
  readonly payloads: readonly PayloadRow[];
  /** How much it adds to a batch. */
  readonly bytes: number;
}

/** `{"event":…,"n":…,"stream":…,"v":1}`: the keys are in canonical order, and a stream's name is its own JSON in quotes. */
const entryBytes = (stream: string, n: number, event: Json): Uint8Array =>
  utf8(`{"event":${canonical(event)},"n":${n},"stream":"${stream}","v":1}`);

/** Throws for what no valid caller asks (a name that cannot be, no event at all); refuses what the outside can cause. */
export function admit(request: AppendRequest): Result<Admitted, StoreRefusal> {
  const { writes, guards = [], claims = [], outbox = [], payloads = [] } = request;
  checkShape(request);
  const fault = firstFault(payloads.map(payloadFault));
  if (fault) return fail(fault);
  const admitted = writes.map(admitWrite);
  const tooLarge = firstFault(admitted.flatMap(writeFaults));
  if (tooLarge) return fail(tooLarge);
  const stored = payloads.map(payloadRow);
  const texts = outbox.map(({ body }) => canonical(body));
  return ok({
    writes: admitted,
    guards: guards.map(({ stream, version }) => ({ stream, version })),
    claims: claims.map(({ kind, key, value }) => ({ kind, key, value })),
    outbox: outbox.map((item, i) => ({ ...item, text: texts[i] as string })),
    payloads: stored,
    bytes: requestBytes(admitted, texts, stored) + claims.length * ROW_BYTES,
  });
}

/** What a row costs beside its contents. */
const ROW_BYTES = 200;

function requestBytes(writes: readonly Write[], texts: readonly string[], payloads: readonly PayloadRow[]): number {
  let sum = 0;
  for (const { entries, state } of writes) {
    for (const { bytes } of entries) sum += bytes.length;
    sum += state?.text.length ?? 0;
  }
  for (const text of texts) sum += text.length + ROW_BYTES;
  for (const { size } of payloads) sum += size;
  return sum;
}

const firstFault = (faults: readonly (StoreRefusal | undefined)[]): StoreRefusal | undefined => faults.find((fault) => fault !== undefined);

function admitWrite(write: StreamWrite): Write {
  const { stream, expected, events, state } = write;
  const entries = events.map((event, i) => {
    const bytes = entryBytes(stream, expected === "any" ? 0 : expected + i, event);
    return { bytes, leaf: leafHash(bytes) };
  });
  return { stream, expected, entries, ...(state && { state: { ...state, text: canonical(state.body) } }) };
}

/** Copies the bytes: the caller may go on using its buffer while the append waits for its turn. */
const payloadRow = ({ digest, mediaType, bytes }: Payload): PayloadRow => ({
  digest,
  media_type: mediaType,
  size: bytes.length,
  bytes: Uint8Array.from(bytes),
});

function payloadFault({ digest, bytes }: Payload, i: number): StoreRefusal | undefined {
  const where = `payloads[${i}]`;
  if (bytes.length > MAX_PAYLOAD_BYTES) {
    const message = `the payload has ${bytes.length} bytes; at most ${MAX_PAYLOAD_BYTES} can be stored`;
    return { code: "payload_too_large", message, where, remedy: "split the change, or refer to the data by its digest" };
  }
  const actual = digestOf(bytes);
  if (actual === digest) return undefined;
  return {
    code: "payload_mismatch",
    message: `the payload's bytes have the digest ${actual}, not ${digest}`,
    where,
    remedy: "send the bytes that the digest was made from",
  };
}

function writeFaults({ stream, entries, state }: Write): StoreRefusal[] {
  const faults: StoreRefusal[] = [];
  const refuse = (what: string, size: number, most: number, where: string): void => {
    const remedy = "move the large part into a payload and log its digest";
    faults.push({
      code: "entry_too_large",
      message: `the ${what} of ${stream} has ${size} bytes; at most ${most} can be stored`,
      where,
      remedy,
    });
  };
  entries.forEach(({ bytes }, i) => {
    if (bytes.length > MAX_ENTRY_BYTES) refuse("entry", bytes.length, MAX_ENTRY_BYTES, `${stream} event ${i}`);
  });
  // One UTF-16 unit is at most three bytes, so most states need no counting.
  if (state && state.text.length * 3 > MAX_STATE_BYTES) {
    const size = Buffer.byteLength(state.text);
    if (size > MAX_STATE_BYTES) refuse("state", size, MAX_STATE_BYTES, stream);
  }
  return faults;
}

const isName = (text: string): boolean => text.length > 0 && text.length <= MAX_NAME_LENGTH && isText(text);
/** PostgreSQL has no NUL in text, and half a surrogate pair cannot be stored by anything. */
const isText = (text: string): boolean => !text.includes("\0") && text.isWellFormed();

function checkShape({ writes, claims = [], outbox = [], payloads = [] }: AppendRequest): void {
  const parts = writes.reduce((sum, { events }) => sum + events.length, claims.length + outbox.length + payloads.length);
  assert(parts > 0 && parts <= MAX_REQUEST_PARTS, `an append has 1 to ${MAX_REQUEST_PARTS} parts, not ${parts}`);
  writes.forEach(checkWrite);
  for (const { kind, key, value } of claims) assert(isName(kind) && isName(key) && isText(value), "a claim has names without NUL");
  assert(new Set(claims.map(({ kind, key }) => `${kind}\n${key}`)).size === claims.length, "a request makes each claim once");
  for (const { key, kind, dueAt } of outbox) assert(isName(key) && isName(kind) && Number.isSafeInteger(dueAt), "an outbox item has names");
  for (const { mediaType } of payloads) assert(isName(mediaType), "a payload has a media type");
}

function checkWrite({ stream, expected, events, state }: StreamWrite): void {
  assert(STREAM_NAME.test(stream), `${JSON.stringify(stream)} is not a stream name`);
  assert(events.length > 0, `a write to ${stream} carries at least one event`);
  assert(expected === "any" || (Number.isSafeInteger(expected) && expected >= 0), `${stream} expects a version or any`);
  if (!state) return;
  assert(expected !== "any", `${stream} gathers entries, so it has no state`);
  assert(isText(state.status) && isText(state.proposer), `the columns of ${stream} have no NUL`);
  assert(Number.isSafeInteger(state.createdAt) && Number.isSafeInteger(state.updatedAt), `the times of ${stream} are milliseconds`);
}
