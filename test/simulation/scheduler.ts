/** Who goes next: everything that a process asks of the outside waits here until it is let go, one thing at a time. */
import { millis, type Millis } from "../../src/core/base/index.ts";

/** One process from its start to its end. Once it is over, nothing it asks for is ever answered. */
export interface Life {
  readonly node: number;
  over: boolean;
}

/** What a thing that waits is, and so what can go wrong with it. */
export type Kind = "read" | "write" | "commit" | "look" | "touch" | "desk" | "arrival" | "notice" | "timer" | "answer";

/**
 * What goes wrong with one thing. `lost`: it did not happen and nobody is told; `done_lost`: it happened and nobody is told; `silent`
 * likewise, but without an end; `late`: its answer comes later; `crash`: its process ends before it, `crash_after`: after it.
 */
export type Fate = "fail" | "lost" | "done_lost" | "silent" | "done_silent" | "late" | "tamper" | "twice" | "crash" | "crash_after";

export interface Parked {
  readonly life: Life | undefined;
  readonly kind: Kind;
  readonly what: string;
  readonly go: (fate: Fate | undefined) => void;
}

interface Alarm {
  readonly at: number;
  readonly life: Life;
  readonly fn: () => void;
}

/** The database or the network was not there: nothing is known of the cause. */
export class Away extends Error {}
/** A check of the simulator itself: it ends the world, whoever is waiting for an answer. */
export class Broken extends Error {
  readonly invariant: number;
  readonly change: string | undefined;
  constructor(invariant: number, message: string, change?: string) {
    super(message);
    this.invariant = invariant;
    this.change = change;
  }
}

const never = new Promise<never>(() => undefined);

export class Scheduler {
  now = 0;
  readonly ready: Parked[] = [];
  readonly #alarms = new Set<Alarm>();

  constructor(now: number) {
    this.now = now;
  }

  /** Waits to be let go, does the work at that moment, and answers with what came of it. A life that is over gets no answer. */
  park<T>(life: Life | undefined, kind: Kind, what: string, work: (fate: Fate | undefined) => T): Promise<T> {
    if (life?.over === true) return never;
    return new Promise<T>((resolve, reject) => {
      const go = (fate: Fate | undefined): void => {
        let value: T;
        try {
          value = work(fate);
        } catch (error) {
          if (error instanceof Broken) throw error;
          reject(error instanceof Error ? error : new Error(String(error)));
          return;
        }
        if (fate === "late") this.ready.push({ life, kind: "answer", what: `answer of ${what}`, go: () => resolve(value) });
        else if (fate !== "silent" && fate !== "done_silent") resolve(value);
      };
      this.ready.push({ life, kind, what, go });
    });
  }

  after(life: Life, delay: number, fn: () => void): () => void {
    const alarm: Alarm = { at: this.now + delay, life, fn };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  /** Lets time pass; what falls due waits for its turn like everything else. */
  pass(by: number): void {
    this.now += by;
    const due = [...this.#alarms].filter(({ at }) => at <= this.now);
    if (due.length > 1) due.sort((a, b) => a.at - b.at);
    for (const alarm of due) {
      const { life, fn } = alarm;
      const go = (): void => {
        if (this.#alarms.delete(alarm) && !life.over) fn();
      };
      this.ready.push({ life, kind: "timer", what: "timer", go });
    }
  }

  /** How long until the next alarm that is not due yet. */
  untilNext(): number | undefined {
    let next: number | undefined;
    for (const { at } of this.#alarms) if (at > this.now && (next === undefined || at < next)) next = at;
    return next === undefined ? undefined : next - this.now;
  }

  /** What a process had asked for is forgotten, but for what is on its way to the target already. */
  end(life: Life): void {
    life.over = true;
    const rest = this.ready.filter((each) => each.life !== life || each.kind === "touch");
    this.ready.splice(0, this.ready.length, ...rest);
    for (const alarm of this.#alarms) if (alarm.life === life) this.#alarms.delete(alarm);
  }

  time(offset = 0): Millis {
    return millis(this.now + offset);
  }
}

/**
 * Until every promise that can go on has gone on. Node runs a tick only when no microtask is left, so that this is exact, needs no
 * counting, and costs a quarter of what setImmediate does. Called from a microtask.
 */
export const quiet = (): Promise<void> => new Promise((resolve) => process.nextTick(resolve));
