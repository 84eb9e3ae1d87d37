/** A process's way to the disk: every statement waits for its turn, and its process may die before, between and after any two. */
import type { LedgerEntry } from "../../src/control/ports.ts";
import { claimId, type Backend, type EntryRow, type Facts, type Need, type Outcome, type WriteSet } from "../../src/store/model.ts";
import type { Disk } from "./disk.ts";
import { Away, type Fate, type Life, type Scheduler } from "./scheduler.ts";

export interface Attached {
  readonly disk: Disk;
  readonly scheduler: Scheduler;
  readonly lock: HeadLock;
  readonly coarse: boolean;
}

/** The head's row: whoever holds it commits alone, until its transaction or its process ends. Without it, the later of two is told so. */
export class HeadLock {
  readonly #real: boolean;
  #holder: Life | undefined;
  readonly #waiting: { readonly life: Life; readonly take: () => void }[] = [];

  constructor(real: boolean) {
    this.#real = real;
  }

  take(life: Life): Promise<void> | undefined {
    if (life.over) return new Promise(() => undefined);
    if (!this.#real) return undefined;
    if (this.#holder === undefined) {
      this.#holder = life;
      return undefined;
    }
    return new Promise((resolve) => this.#waiting.push({ life, take: resolve }));
  }

  free(life: Life): void {
    if (this.#holder !== life) return;
    this.#holder = undefined;
    for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) {
      if (next.life.over) continue;
      this.#holder = next.life;
      next.take();
      return;
    }
  }
}

export function backendOf(at: Attached, life: Life, watch: Backend["watch"]): Backend {
  const { disk, scheduler } = at;
  const read = async <T>(what: string, work: () => T): Promise<T> =>
    at.coarse && !life.over ? work() : scheduler.park(life, "read", what, (fate) => answered(fate, work));
  return {
    transact: (need, decide) => transact(at, life, need, decide),
    stream: (name) => read(`read ${name}`, () => disk.streams.get(name)),
    list: (query) => read("list", () => disk.list(query)),
    history: (stream, from, limit) => read(`history of ${stream}`, () => copied(disk.histories.get(stream) ?? [], from, limit)),
    entries: (from, limit) => read("entries", () => copied(disk.entries, from, limit)),
    streamsFrom: (index, limit) => read("streams", () => disk.entries.slice(index, index + limit).map(({ stream }) => stream)),
    claim: (kind, key) => read(`claim ${kind}`, () => disk.claims.get(claimId({ kind, key }))),
    payload: (digest) => read("payload", () => disk.payloads.get(digest)),
    erase: () => Promise.resolve(false),
    head: () => read("head", () => disk.head),
    checkpoints: (limit) => read("checkpoints", () => disk.checkpoints.slice(-limit).toReversed()),
    tile: (level, index) => read("tile", () => disk.tiles.get(`${level}/${index}`)?.hashes ?? new Uint8Array()),
    takeDue: (now, until, limit) =>
      scheduler.park(life, "write", "take due jobs", (fate) => answered(fate, () => disk.takeDue(now, until, limit))),
    settle: (id) => scheduler.park(life, "write", "settle a job", (fate) => answered(fate, () => void disk.outbox.delete(id))),
    retryAt: (id, dueAt) => scheduler.park(life, "write", "put a job off", (fate) => answered(fate, () => disk.putOff(id, dueAt))),
    watch,
    snapshot: () => Promise.reject(new Away("not in a simulation")),
    fill: () => Promise.reject(new Away("not in a simulation")),
    close: () => Promise.resolve(),
  };
}

/** One statement: it happened or not, and whoever asked hears of it or not. */
function answered<T>(fate: Fate | undefined, work: () => T): T {
  if (fate === "fail" || fate === "lost") throw new Away("the database did not answer");
  const value = work();
  if (fate === "done_lost") throw new Away("the database's answer was lost");
  return value;
}

const copied = (rows: readonly EntryRow[], from: number, limit: number): LedgerEntry[] =>
  rows.slice(from, from + limit).map(({ idx, stream, bytes }) => ({ index: idx, stream, bytes: Uint8Array.from(bytes) }));

async function transact(at: Attached, life: Life, need: Need, decide: (facts: Facts) => WriteSet | undefined): Promise<Outcome> {
  await at.lock.take(life);
  try {
    return await attempt(at, life, need, decide);
  } finally {
    at.lock.free(life);
  }
}

async function attempt(
  { disk, scheduler, coarse }: Attached,
  life: Life,
  need: Need,
  decide: (facts: Facts) => WriteSet | undefined,
): Promise<Outcome> {
  const failed: Outcome = { kind: "failed", message: "the database went away" };
  const facts = await scheduler.park(life, "write", "begin, and read the facts", (fate) => (isBad(fate) ? undefined : disk.facts(need)));
  if (facts === undefined) return failed;
  const set = decide(facts);
  if (set === undefined) return { kind: "nothing" };
  // What a transaction has written is nobody's until it commits, so that each statement is a point to stop at and nothing more.
  for (const table of coarse ? [] : tablesOf(set)) {
    if (await scheduler.park(life, "write", `write ${table}`, isBad)) return failed;
  }
  return scheduler.park(life, "commit", "commit", (fate): Outcome => {
    if (fate === "fail") return failed;
    const outcome = fate === "lost" ? undefined : disk.commit(set);
    const unsure = fate === "lost" || (fate === "done_lost" && outcome?.kind === "committed");
    return unsure || outcome === undefined ? { kind: "unknown", message: "the connection was lost at the commit" } : outcome;
  });
}

const isBad = (fate: Fate | undefined): boolean => fate === "fail" || fate === "lost" || fate === "done_lost";

const TABLES = ["entries", "streams", "claims", "outbox", "payloads", "tiles"] as const;

function tablesOf(set: WriteSet): readonly string[] {
  const written: string[] = TABLES.filter((table) => set[table].length > 0);
  return [...written, "head"];
}
