/** What works on the deployment's disk without serving it: opening, checking, moving, giving up what was lost. */
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Settings } from "./cli/settings.ts";
import { refold } from "./control/index.ts";
import { ok, refuse, toBase64, type Result } from "./core/base/index.ts";
import { openKeys, type Keys } from "./keys.ts";
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
  const identity = { origin: keys.origin, signer: keys.log };
  if (database.kind === "postgres") return openPostgres({ url: database.url, poolSize: database.poolSize, ...identity });
  return openSqlite({ path: join(dataDir, "pawl.db"), ...identity, now: monotonic });
}

/** Also for a database that refuses to open: whoever asks wants to know why. */
export async function fsckStore(settings: Settings): Promise<Result<FsckReport>> {
  const keys = openKeys(settings.dataDir, settings.origin, random);
  if (!keys.ok) return keys;
  const { database, dataDir } = settings;
  const identity = { origin: keys.value.origin, signer: keys.value.log };
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
