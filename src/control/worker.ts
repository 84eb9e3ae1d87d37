import type { Millis } from "../core/base/index.ts";
import type { Deps } from "./deps.ts";
import { perform, type JobSettings } from "./jobs.ts";
import { Places } from "./places.ts";
import type { LeasedItem } from "./ports.ts";
import { Wakes } from "./wakes.ts";

export interface Worker {
  /** Looks for due work now rather than at the next tick. */
  kick(): void;
  /** Takes no more, waits for what is under way. */
  stop(): Promise<void>;
  /** Settles when nothing is due or under way. */
  idle(): Promise<void>;
}

export interface WorkerSettings extends JobSettings {
  readonly tickMillis: number;
  /** Jobs at a time. */
  readonly parallel: number;
}

/** From the first attempt on. A job that fails for ever costs six attempts an hour, and is told of each time. */
const RETRY_MILLIS = [1_000, 5_000, 30_000, 120_000];
const LAST_RETRY_MILLIS = 600_000;

/** Does what the outbox asks. Whatever fails unexpectedly is reported and tried again; nothing is lost with the process. */
export function startWorker(deps: Deps, settings: WorkerSettings): Worker {
  let stopped = false;
  let cancelTick = (): void => undefined;

  const rest = (item: LeasedItem) => (): void => places.rest(item.id);
  const work = (item: LeasedItem): Promise<void> => handle(deps, resting(settings, rest(item)), item, wakes);
  const places = new Places(settings.parallel, work, () => kick());
  const isFree = (): boolean => !stopped && places.free > 0;
  const take = async (): Promise<boolean> => {
    const items = await deps.store.takeDue(deps.clock.now(), settings.leaseMillis, places.free);
    for (const item of items) places.admit(item);
    return items.length > 0;
  };
  const { kick, under } = lookout(deps, isFree, take);
  const wakes = new Wakes(deps, kick);

  const tick = (): void => {
    kick();
    if (!stopped) cancelTick = deps.timers.after(settings.tickMillis, tick);
  };

  const quiet = async (): Promise<void> => {
    const busy = (): Promise<void>[] => [...places.under, ...under()];
    for (let all = busy(); all.length > 0; all = busy()) await Promise.all(all);
  };

  const unwatch = deps.store.watch((streams) => {
    wakes.moved(streams);
    kick();
  });
  tick();
  return {
    kick,
    async idle() {
      kick();
      await quiet();
    },
    async stop() {
      stopped = true;
      cancelTick();
      unwatch();
      for (const { id } of places.dismiss()) await deps.store.retryAt(id, deps.clock.now());
      await quiet();
    },
  };
}

interface Lookout {
  readonly kick: () => void;
  readonly under: () => readonly Promise<void>[];
}

/** What is wanted while somebody looks is looked for again, so that no wake-up is lost; a full house looks when a place is free. */
function lookout(deps: Deps, isFree: () => boolean, take: () => Promise<boolean>): Lookout {
  let wanted = false;
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    while (wanted && isFree()) {
      wanted = false;
      if (await take()) wanted = true;
    }
  };
  const kick = (): void => {
    wanted = true;
    if (looking !== undefined || !isFree()) return;
    looking = look()
      .catch((error: unknown) => {
        wanted = false;
        deps.report({ what: "looking for due work", error });
      })
      .finally(() => {
        looking = undefined;
        if (wanted) kick();
      });
  };
  return { kick, under: () => (looking === undefined ? [] : [looking]) };
}

const resting = (settings: WorkerSettings, rest: () => void): WorkerSettings => ({
  ...settings,
  run: (change) => settings.run(change, rest),
});

async function handle(deps: Deps, settings: WorkerSettings, item: LeasedItem, wakes: Wakes): Promise<void> {
  const release = holdLease(deps, settings, item);
  try {
    const end = await perform(deps, settings, item);
    if (end === "settled") return await deps.store.settle(item.id);
    if (typeof end === "object" && "at" in end) return await deps.store.retryAt(item.id, end.at);
    await putOff(deps, item);
    if (end !== "later") await wakes.add(end.until, end.version, item);
  } catch (error) {
    deps.report({ what: `job ${item.kind} ${item.key}`, error });
    await putOff(deps, item).catch((failure: unknown) => deps.report({ what: `putting off job ${item.key}`, error: failure }));
  } finally {
    release();
  }
}

/** A job that takes long keeps its lease as long as its process lives: nobody else takes it for lost. */
function holdLease(deps: Deps, { leaseMillis }: WorkerSettings, item: LeasedItem): () => void {
  const renew = (): void => {
    const until = (deps.clock.now() + leaseMillis) as Millis;
    deps.store.retryAt(item.id, until).catch((error: unknown) => deps.report({ what: `renewing the lease of job ${item.key}`, error }));
    cancel = deps.timers.after(leaseMillis / 3, renew);
  };
  let cancel = deps.timers.after(leaseMillis / 3, renew);
  return () => cancel();
}

async function putOff(deps: Deps, item: LeasedItem): Promise<void> {
  const delay = RETRY_MILLIS[item.attempts - 1] ?? LAST_RETRY_MILLIS;
  await deps.store.retryAt(item.id, (deps.clock.now() + delay) as Millis);
}
