import { ok, type ChangeId } from "../core/base/index.ts";
import { commitChange, loadChange } from "./commit.ts";
import { currentDirectory } from "./config.ts";
import type { Deps } from "./deps.ts";
import { planChange } from "./planning.ts";
import type { LeasedItem } from "./ports.ts";
import { abandon } from "./running.ts";

/** Done, or to be tried again later. */
export type JobEnd = "settled" | "later";

export interface Worker {
  /** Looks for due work now rather than at the next tick. */
  kick(): void;
  /** Takes no more, waits for what is under way. */
  stop(): Promise<void>;
  /** Settles when nothing is due or under way. */
  idle(): Promise<void>;
}

export interface WorkerSettings {
  readonly leaseMillis: number;
  readonly tickMillis: number;
  readonly parallel: number;
  /** Runs an authorised change with a runner of this process. */
  readonly run: (change: ChangeId) => Promise<void>;
}

const RETRY_MILLIS = [1_000, 5_000, 30_000, 120_000, 600_000];

/** Does what the outbox asks. Whatever fails unexpectedly is reported and tried again; nothing is lost with the process. */
export function startWorker(deps: Deps, settings: WorkerSettings): Worker {
  const under = new Set<Promise<void>>();
  let stopped = false;
  let looking: Promise<void> | undefined;
  let again = false;
  let cancelTick = (): void => undefined;

  const handle = async (item: LeasedItem): Promise<void> => {
    try {
      const end = await perform(deps, settings, item);
      await (end === "settled" ? deps.store.settle(item.id) : putOff(deps, item));
    } catch (error) {
      deps.report({ what: `job ${item.kind} ${item.key}`, error });
      await putOff(deps, item).catch((failure: unknown) => deps.report({ what: `putting off job ${item.key}`, error: failure }));
    }
  };

  const look = async (): Promise<void> => {
    do {
      again = false;
      const room = settings.parallel - under.size;
      if (stopped || room <= 0) return;
      const items = await deps.store.takeDue(deps.clock.now(), settings.leaseMillis, room);
      for (const item of items) {
        const job = handle(item).finally(() => {
          under.delete(job);
          kick();
        });
        under.add(job);
      }
      if (items.length === room) return;
    } while (again);
  };

  const kick = (): void => {
    again = true;
    if (stopped || looking !== undefined) return;
    looking = look()
      .catch((error: unknown) => deps.report({ what: "looking for due work", error }))
      .finally(() => {
        looking = undefined;
        if (again && under.size < settings.parallel) kick();
      });
  };

  const tick = (): void => {
    kick();
    if (!stopped) cancelTick = deps.timers.after(settings.tickMillis, tick);
  };

  const unwatch = deps.store.watch(kick);
  tick();

  const idle = async (): Promise<void> => {
    while (looking !== undefined || under.size > 0) {
      await looking;
      await Promise.all(under);
    }
  };
  return {
    kick,
    idle,
    async stop() {
      stopped = true;
      cancelTick();
      unwatch();
      await idle();
    },
  };
}

async function putOff(deps: Deps, item: LeasedItem): Promise<void> {
  const delay = RETRY_MILLIS[Math.min(item.attempts, RETRY_MILLIS.length - 1)] ?? 600_000;
  await deps.store.retryAt(item.id, (deps.clock.now() + delay) as LeasedItem["dueAt"]);
}

async function perform(deps: Deps, settings: WorkerSettings, item: LeasedItem): Promise<JobEnd> {
  const change = item.body["change"] as ChangeId;
  switch (item.kind) {
    case "plan":
      return settledUnlessUnavailable(await planChange(deps, change));
    case "run":
      return runOnce(deps, settings, change);
    case "expire":
      return settledUnlessUnavailable(await expire(deps, change));
    case "policy_moved":
      return replanOpen(deps);
    case "directory_moved":
      return recheckOpen(deps);
    default:
      deps.report({ what: `job of unknown kind ${item.kind}`, error: item.key });
      return "later";
  }
}

function settledUnlessUnavailable(result: { readonly ok: boolean; readonly error?: { readonly code: string } }): JobEnd {
  return !result.ok && result.error?.code === "unavailable" ? "later" : "settled";
}

/** A run whose job comes back after its lease was started by a runner that is gone. */
async function runOnce(deps: Deps, settings: WorkerSettings, change: ChangeId): Promise<JobEnd> {
  const state = await loadChange(deps, change);
  if (state?.status === "running") return settledUnlessUnavailable(await abandon(deps, change, "runner_lost"));
  if (state?.status === "authorised") await settings.run(change);
  return "settled";
}

async function expire(deps: Deps, change: ChangeId) {
  return commitChange(deps, change, async (state) => {
    const due = state !== undefined && deps.clock.now() >= state.expiresAt && EXPIRABLE.includes(state.status);
    return ok({ commands: due ? [{ type: "expire" as const }] : [] });
  });
}

const EXPIRABLE = ["proposed", "planned", "sent_back", "awaiting", "authorised", "stale"];

async function* openChanges(deps: Deps, statuses: readonly string[]): AsyncGenerator<ChangeId> {
  let cursor: string | undefined;
  do {
    const page = await deps.store.list({ prefix: "change/", statuses, limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    for (const row of page.rows) yield row.stream.slice("change/".length) as ChangeId;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** Another policy is in force: what is open is planned and routed anew, and votes for the old route are void. */
async function replanOpen(deps: Deps): Promise<JobEnd> {
  for await (const change of openChanges(deps, ["awaiting", "authorised"])) {
    const planned = await planChange(deps, change);
    if (!planned.ok && planned.error.code === "unavailable") return "later";
  }
  return "settled";
}

/** Somebody left or lost a seat: votes that no longer count are void before anything can start on them. */
async function recheckOpen(deps: Deps): Promise<JobEnd> {
  const directory = await currentDirectory(deps);
  for await (const change of openChanges(deps, ["awaiting", "authorised"])) {
    const done = await commitChange(deps, change, async (state) =>
      ok({ commands: state?.status === "awaiting" || state?.status === "authorised" ? [{ type: "recheck_votes" as const, directory }] : [] }),
    );
    if (!done.ok && done.error.code === "unavailable") return "later";
  }
  return "settled";
}
