/** The port over any backend: what all three stores do alike stands here once. */
import type { LeasedItem, Payload, Store, StoredStream } from "../control/ports.ts";
import { assert, digestOf, fail, millis, type Digest, type JsonObject, type Millis } from "../core/base/index.ts";
import { admit } from "./write/admit.ts";
import { MAX_PAGE } from "./limits.ts";
import type { Inspected } from "./fsck/fsck.ts";
import { logOf, type Identity } from "./head.ts";
import type { Backend, OutboxRow, PayloadRow } from "./model.ts";
import { sequencer } from "./write/sequencer.ts";
import { cursorAt, parseCursor, storedStream } from "./streams.ts";

/** A store whose database can be looked at as a whole, for fsck and for moving it. */
export interface OpenStore extends Store, Inspected {
  readonly fill: Backend["fill"];
}

/** `node` is a number that no other process on the database has or had. */
export function createStore(backend: Backend, identity: Identity, node: number): OpenStore {
  let attempts = 0;
  const nextBatch = (): string => `${node}.${++attempts}`;
  const writer = sequencer({ backend, signer: identity.signer, nextBatch });
  let closing: Promise<void> | undefined;
  return {
    append: async (request) => {
      const admitted = admit(request);
      return admitted.ok ? writer.append(admitted.value) : fail(admitted.error);
    },
    load: async (stream) => {
      const row = await backend.stream(stream);
      return row && row.mode === "counted" ? storedStream(row) : undefined;
    },
    list: (query) => list(backend, query),
    history: (stream, from, limit) => backend.history(stream, position(from), page(limit)),
    entries: (from, limit) => backend.entries(position(from), page(limit)),
    claim: (kind, key) => backend.claim(kind, key),
    payload: async (digest) => payloadOf(digest, await backend.payload(digest)),
    erase: (digest) => backend.erase(digest),
    head: async () => {
      const head = await backend.head();
      writer.saw(head);
      const { size, root, checkpoint } = head;
      return { size, root, checkpoint };
    },
    checkpoints: (limit) => backend.checkpoints(page(limit)),
    tile: (level, index) => backend.tile(level, index),
    takeDue: async (now, lease, limit) => (await backend.takeDue(now, millis(now + lease), page(limit))).map(leased),
    settle: (id) => backend.settle(id),
    retryAt: (id, dueAt) => backend.retryAt(id, dueAt),
    watch: (listener) => backend.watch(listener),
    log: logOf(identity),
    snapshot: () => backend.snapshot(),
    fill: (work) => backend.fill(work),
    close: () => (closing ??= writer.close().then(() => backend.close())),
  };
}

const position = (from: number): number => (Number.isSafeInteger(from) && from > 0 ? from : 0);
const page = (limit: number): number => Math.max(1, Math.min(MAX_PAGE, Math.trunc(limit) || 1));

async function list(backend: Backend, query: Parameters<Store["list"]>[0]): ReturnType<Store["list"]> {
  const after = query.cursor === undefined ? undefined : parseCursor(query.cursor);
  if (query.cursor !== undefined && !after) return { rows: [], badCursor: true };
  const { rows, more } = await backend.list({ ...query, limit: page(query.limit), after });
  const last = rows.at(-1);
  const stored: StoredStream[] = rows.map(storedStream);
  return more && last ? { rows: stored, cursor: cursorAt(last) } : { rows: stored };
}

/** Bytes that no longer hash to their digest are not what was approved: nothing may go on with them. */
function payloadOf(digest: Digest, row: PayloadRow | undefined): Payload | "erased" | undefined {
  if (!row) return undefined;
  if (row.bytes === null) return "erased";
  assert(digestOf(row.bytes) === digest, `the stored bytes of payload ${digest} do not match it; run \`pawl ledger fsck\``);
  return { digest, mediaType: row.media_type, bytes: row.bytes };
}

const leased = ({ id, key, kind, body, due_at, attempts }: OutboxRow): LeasedItem => ({
  id,
  key,
  kind,
  body: JSON.parse(body) as JsonObject,
  dueAt: due_at as Millis,
  attempts,
});
