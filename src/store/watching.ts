/**
 * Tells listeners which streams have new entries. What this process wrote itself it knows; others' notices are only a reason to
 * look: what is told is read from the ledger, so nothing is missed, told twice, or believed because a message said so. Looking
 * from time to time finds what came without any notice.
 */
import type { Backend, WriteSet } from "./model.ts";

export interface Source {
  readonly size: () => Promise<number>;
  /** The stream of each entry from an index on. */
  readonly streamsFrom: (index: number, limit: number) => Promise<readonly string[]>;
}

/** The streams of the entries from an index on. */
export interface News {
  readonly from: number;
  readonly streams: readonly string[];
}

export type Listener = (streams: readonly string[]) => void;

export interface Watching {
  readonly watch: (listener: Listener) => () => void;
  /** There may be something new: as much is known to be there already as `news` says. */
  readonly look: (news?: News) => void;
  close(): void;
}

export const POLL_MILLIS = 1000;
const LOOK_AT = 1000;

type Told = ReadonlySet<{ readonly call: Listener }>;

/** Starts at a known size, and follows from then on whether anybody listens or not: so no listener comes too late for what follows its call. */
export function watching(source: Source, size: number, pollMillis: number): Watching {
  const told = new Set<{ readonly call: Listener }>();
  let seen = Promise.resolve(size);
  let waiting = false;
  let closed = false;
  /** One look at a time; another that is asked for meanwhile follows it. */
  const look = (news?: News): void => {
    if ((waiting && !news) || closed) return;
    waiting ||= !news;
    seen = seen.then((from) => {
      if (!news) waiting = false;
      if (closed) return from;
      return news?.from === from ? tellNews(news, told) : tell(source, from, told);
    });
  };
  const timer = pollMillis > 0 ? setInterval(look, pollMillis).unref() : undefined;
  return {
    watch: (call) => {
      const entry = { call };
      told.add(entry);
      return () => void told.delete(entry);
    },
    look,
    close: () => {
      closed = true;
      clearInterval(timer);
    },
  };
}

/** Tells what was committed. */
export function telling({ look }: Watching, transact: Backend["transact"]): Backend["transact"] {
  return async (need, decide) => {
    let set: WriteSet | undefined;
    const outcome = await transact(need, (facts) => (set = decide(facts)));
    if (outcome.kind === "committed" && set) look({ from: set.prior.size, streams: set.entries.map(({ stream }) => stream) });
    return outcome;
  };
}

function tellNews({ from, streams }: News, told: Told): number {
  if (told.size > 0 && streams.length > 0) callAll(told, [...new Set(streams)]);
  return from + streams.length;
}

/** A database that cannot be read now is looked at again later. */
async function tell(source: Source, from: number, told: Told): Promise<number> {
  let next = from;
  try {
    if (told.size === 0) {
      const size = await source.size();
      if (told.size === 0) return size;
    }
    for (;;) {
      const streams = await source.streamsFrom(next, LOOK_AT);
      if (streams.length === 0) return next;
      next += streams.length;
      callAll(told, [...new Set(streams)]);
    }
  } catch {
    return next;
  }
}

/** Each in a microtask of its own: one that throws keeps no other from hearing. */
function callAll(told: Told, streams: readonly string[]): void {
  for (const entry of told) {
    queueMicrotask(() => {
      if (told.has(entry)) entry.call(streams);
    });
  }
}
