/** Time that passes only when a test says so. */
import { millis, type Millis } from "../core/base/index.ts";
import type { Clock, Timers } from "../control/ports.ts";

interface Alarm {
  readonly at: number;
  readonly fn: () => void;
}

export class ManualTime implements Clock, Timers {
  #now: number;
  readonly #alarms = new Set<Alarm>();

  constructor(now: number) {
    this.#now = now;
  }

  now(): Millis {
    return millis(this.#now);
  }

  after(delay: number, fn: () => void): () => void {
    const alarm = { at: this.#now + delay, fn };
    this.#alarms.add(alarm);
    return () => void this.#alarms.delete(alarm);
  }

  /** Sets the clock, as somebody might set a machine's: no alarm goes off by it. */
  jump(by: number): void {
    this.#now += by;
  }

  /** Lets time pass: alarms go off in their order, each at its time. */
  pass(by: number): void {
    const end = this.#now + by;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#alarms.delete(next);
      this.#now = Math.max(this.#now, next.at);
      next.fn();
    }
    this.#now = end;
  }

  #next(end: number): Alarm | undefined {
    return [...this.#alarms].filter(({ at }) => at <= end).toSorted((a, b) => a.at - b.at)[0];
  }
}
