/**
 * Tells listeners which streams have new entries. Notices of commits are only a reason to look: what is told is read from the
 * ledger, so nothing is missed, told twice, or believed because a message said so. Looking from time to time finds what came
 * without any notice.
 */
export interface Source {
  readonly size: () => Promise<number>;
  /** The stream of each entry from an index on. */
  readonly streamsFrom: (index: number, limit: number) => Promise<readonly string[]>;
}

export type Listener = (streams: readonly string[]) => void;

export interface Watching {
  readonly watch: (listener: Listener) => () => void;
  /** There may be something new. */
  readonly look: () => void;
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
  const look = (): void => {
    if (waiting || closed) return;
    waiting = true;
    seen = seen.then((from) => {
      waiting = false;
      return closed ? from : tell(source, from, told);
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
