/** What works on the deployment's disk without serving it: opening, checking, moving, giving up what was lost. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "./cli/settings.ts";
import { refold } from "./control/index.ts";
import { ok, parseJson, refuse, toBase64, type Result } from "./core/base/index.ts";
import { logKeyLines, nextLogKey, openKeys, placeNext, replaceLogKey, type Keys } from "./keys.ts";
import { vkey } from "./core/ledger/index.ts";
import { lockFolder } from "./lock.ts";
import {
  fsck,
  inspectPostgres,
  inspectSqlite,
  move,
  openPostgres,
  openSqlite,
  type FsckReport,
  type Moved,
  type OpenStore,
} from "./store/index.ts";
import { headGuard } from "./witness/index.ts";
import { clock, monotonic, random } from "./wiring.ts";

export type { FsckReport };

export interface Opened {
  readonly store: OpenStore;
  readonly keys: Keys;
  readonly close: () => Promise<void>;
}

/** The settings' database with the deployment's keys: what every command that works on the disk begins with. */
export async function openStoreFor(settings: Settings): Promise<Result<Opened>> {
  mkdirSync(settings.dataDir, { recursive: true, mode: 0o700 });
  const keys = openKeys(settings.dataDir, settings.origin, random);
  if (!keys.ok) return keys;
  const store = await openDatabase(settings.database, settings.dataDir, keys.value);
  return store.ok ? ok({ store: store.value, keys: keys.value, close: () => store.value.close() }) : store;
}

function openDatabase(database: Settings["database"], dataDir: string, keys: Keys) {
  const identity = { origin: keys.origin, signer: keys.log, formerKeys: keys.formerLog };
  if (database.kind === "postgres") return openPostgres({ url: database.url, poolSize: database.poolSize, ...identity });
  return openSqlite({ path: join(dataDir, "pawl.db"), ...identity, now: monotonic });
}

/** Also for a database that refuses to open: whoever asks wants to know why. */
export async function fsckStore(settings: Settings): Promise<Result<FsckReport>> {
  const keys = openKeys(settings.dataDir, settings.origin, random);
  if (!keys.ok) return keys;
  const { database, dataDir } = settings;
  const identity = { origin: keys.value.origin, signer: keys.value.log, formerKeys: keys.value.formerLog };
  const path = join(dataDir, "pawl.db");
  if (database.kind === "sqlite" && !existsSync(path)) {
    return refuse("no_database", "there is no database to check yet", { where: path, remedy: "start Pawl once: pawl up" });
  }
  const inspected = database.kind === "sqlite" ? inspectSqlite({ path, ...identity }) : inspectPostgres({ url: database.url, ...identity });
  return ok(await fsck(inspected, { refold }));
}

/** Copies the whole deployment's database into an empty one, with the same ledger root. */
export async function moveDatabase(settings: Settings, target: Settings["database"]): Promise<Result<Moved>> {
  const undo = new Disposals();
  try {
    // What a running server wrote meanwhile would stay behind.
    const lock = lockFolder(settings.dataDir);
    if (!lock.ok) return lock;
    undo.add(lock.value);
    const from = await openStoreFor(settings);
    if (!from.ok) return from;
    undo.add(from.value.close);
    const to = await openDatabase(target, settings.dataDir, from.value.keys);
    if (!to.ok) return to;
    undo.add(() => to.value.close());
    return await move(from.value.store, to.value);
  } finally {
    await undo.all();
  }
}

export const guardFor = ({ dataDir }: Settings, store: OpenStore) => headGuard(dataDir, store, store.log);

/** What has been opened so far, closed latest first. */
export class Disposals {
  readonly #open: (() => void | Promise<void>)[] = [];

  add(close: () => void | Promise<void>): void {
    this.#open.push(close);
  }

  async all(): Promise<void> {
    for (let close = this.#open.pop(); close !== undefined; close = this.#open.pop()) await close();
  }

  async after<T>(answer: T): Promise<T> {
    await this.all();
    return answer;
  }
}

/** A person gives up for good what the database has lost, and that is on record in what is left. */
export async function acceptLoss(settings: Settings, size: number): Promise<Result<{ readonly lost: number; readonly left: number }>> {
  const undo = new Disposals();
  try {
    const lock = lockFolder(settings.dataDir);
    if (!lock.ok) return lock;
    undo.add(lock.value);
    const opened = await openStoreFor(settings);
    if (!opened.ok) return opened;
    undo.add(opened.value.close);
    const { store } = opened.value;
    const left = (await store.head()).size;
    const done = await guardFor(settings, store).forget(size, async ({ root }) => {
      const event = { type: "loss_accepted", size, root: toBase64(root), left, at: clock.now() };
      return store.append({ writes: [{ stream: "audit", expected: "any", events: [event] }] });
    });
    return done.ok ? ok({ lost: size, left }) : done;
  } finally {
    await undo.all();
  }
}

export interface Rotated {
  /** The entry that names the next key. */
  readonly index: number;
  /** From this size on the next key signs. */
  readonly from: number;
  readonly lines: readonly string[];
}

/**
 * The log's key gives way to a new one. The last head that the old key signs holds the entry that names the new one; from then on the old
 * key signs nothing. Done again after it broke off, it goes on where it was.
 */
export async function rotateLogKey(settings: Settings): Promise<Result<Rotated>> {
  const undo = new Disposals();
  try {
    const lock = lockFolder(settings.dataDir);
    if (!lock.ok) return lock;
    undo.add(lock.value);
    const unfinished = openKeys(settings.dataDir, settings.origin, random);
    if (!unfinished.ok && unfinished.error.code === "rotation_unfinished") placeNext(settings.dataDir);
    const opened = await openStoreFor(settings);
    if (!opened.ok) return opened;
    undo.add(opened.value.close);
    const guarded = await guardFor(settings, opened.value.store).check();
    if (!guarded.ok) return guarded;
    // It broke off after the old key had been given up: nothing is left to do.
    if (!unfinished.ok) return ok(await rotatedAt(opened.value));
    return await giveUpLogKey(settings, opened.value);
  } finally {
    await undo.all();
  }
}

const KEYS_STREAM = "keys";

async function giveUpLogKey(settings: Settings, opened: Opened): Promise<Result<Rotated>> {
  const { store, keys } = opened;
  const next = nextLogKey(settings.dataDir, keys.origin, random);
  const named = vkey(keys.origin, next.publicKey);
  const event = { type: "log_key_rotated", former: vkey(keys.origin, keys.log.publicKey), next: named, at: clock.now() };
  const head = await store.head();
  const [last] = head.size === 0 ? [] : await store.entries(head.size - 1, 1);
  const done = last !== undefined && nextIn(last.bytes) === named;
  const written = done ? ok(undefined) : await store.append({ writes: [{ stream: KEYS_STREAM, expected: "any", events: [event] }] });
  if (!written.ok) return written;
  const { size } = await store.head();
  replaceLogKey(settings.dataDir, keys, size + 1);
  const reopened = openKeys(settings.dataDir, settings.origin, random);
  return reopened.ok ? ok({ index: size - 1, from: size + 1, lines: logKeyLines(reopened.value) }) : reopened;
}

/** The key that an entry names as the next one. */
function nextIn(bytes: Uint8Array): string | undefined {
  const entry = parseJson(bytes);
  const { event } = (entry.ok ? entry.value : {}) as { readonly event?: { readonly type?: string; readonly next?: string } };
  return event?.type === "log_key_rotated" ? event.next : undefined;
}

async function rotatedAt({ keys }: Opened): Promise<Rotated> {
  const from = keys.formerLog.reduce((most, { untilSize = 0 }) => Math.max(most, untilSize), 0);
  return { index: from - 2, from, lines: logKeyLines(keys) };
}
