/** The runners that are there now, the work that waits for them, and what they say while it goes on. It lives in one process. */
import { fail, type ChangeId, type Json, type Millis, type Refusal, type Result, type RunnerId } from "../core/base/index.ts";
import type { Declaration, Work } from "../core/runner/index.ts";
import type { Clock, Timers } from "./ports.ts";

/** How long one that has just been answered may take to ask again, and still counts as there. */
const GRACE_MILLIS = 15_000;
const MOST_WAITING = 64;
const LONG_AGO = Number.NEGATIVE_INFINITY as Millis;

/** Work as it is asked for: it gets its id when it is handed in. */
export type Wanted = Work extends infer W ? (W extends Work ? Omit<W, "id"> : never) : never;

interface Pending {
  readonly work: Work;
  readonly settle: (answer: Result<Json>) => void;
  state: "waiting" | "given";
}

interface Line {
  readonly runner: RunnerId;
  declared: Declaration;
  heardAt: Millis;
  polls: number;
  readonly pending: Map<string, Pending>;
  /** The changes whose runs it has under way, by its own account. */
  runs: ReadonlySet<string>;
  wake: () => void;
}

export interface Present {
  readonly runner: RunnerId;
  readonly declared: Declaration;
}

export interface Progress {
  readonly change: ChangeId;
  readonly runner: RunnerId;
  readonly lines: readonly string[];
}

export class Exchange {
  readonly #clock: Clock;
  readonly #timers: Timers;
  readonly #nextId: () => string;
  readonly #lines = new Map<RunnerId, Line>();
  readonly #listeners = new Set<(progress: Progress) => void>();

  constructor({ clock, timers, nextId }: { readonly clock: Clock; readonly timers: Timers; readonly nextId: () => string }) {
    this.#clock = clock;
    this.#timers = timers;
    this.#nextId = nextId;
  }

  /** Those that could be asked something now. */
  present(): readonly Present[] {
    return [...this.#lines.values()].filter((line) => this.#isHere(line)).map(({ runner, declared }) => ({ runner, declared }));
  }

  #isHere({ polls, heardAt }: Line): boolean {
    return polls > 0 || this.#clock.now() < heardAt + GRACE_MILLIS;
  }

  isHere(runner: RunnerId): boolean {
    const line = this.#lines.get(runner);
    return line !== undefined && this.#isHere(line);
  }

  /** Whether the runner itself says, and has just said, that it runs this change. */
  holds(runner: RunnerId, change: string): boolean {
    const line = this.#lines.get(runner);
    return line !== undefined && this.#isHere(line) && line.runs.has(change);
  }

  /** A new life of a runner: what an earlier one was asked is answered by nobody any more. */
  begin(runner: RunnerId, declared: Declaration): void {
    this.drop(runner, gone("the runner began anew"));
    this.#lineOf(runner, declared);
  }

  drop(runner: RunnerId, why: Refusal): void {
    const line = this.#lines.get(runner);
    if (line === undefined) return;
    this.#lines.delete(runner);
    for (const { settle } of line.pending.values()) settle(fail(why));
    line.pending.clear();
    line.wake();
  }

  close(): void {
    for (const runner of this.#lines.keys()) this.drop(runner, gone("this server is shutting down"));
  }

  #lineOf(runner: RunnerId, declared: Declaration): Line {
    const known = this.#lines.get(runner);
    if (known !== undefined) return known;
    const line: Line = {
      runner,
      declared,
      heardAt: this.#clock.now(),
      polls: 0,
      pending: new Map(),
      runs: new Set(),
      wake: () => undefined,
    };
    this.#lines.set(runner, line);
    return line;
  }

  /** What waits for the runner, or nothing once the time is up. What it was given and does not have is given again. */
  async take(
    present: Present,
    has: { readonly work: readonly string[]; readonly runs: readonly string[] },
    waitMillis: number,
    signal: AbortSignal,
  ) {
    const line = this.#lineOf(present.runner, present.declared);
    line.declared = present.declared;
    line.runs = new Set(has.runs);
    for (const [id, pending] of line.pending) if (pending.state === "given" && !has.work.includes(id)) pending.state = "waiting";
    line.polls += 1;
    try {
      if (waiting(line).length === 0) await this.#rest(line, waitMillis, signal);
      if (signal.aborted) return [];
      const given = waiting(line).slice(0, MOST_WAITING);
      for (const pending of given) pending.state = "given";
      return given.map(({ work }) => work);
    } finally {
      line.polls -= 1;
      // Whoever broke off is not there; whoever was answered is about to ask again.
      line.heardAt = signal.aborted ? LONG_AGO : this.#clock.now();
    }
  }

  #rest(line: Line, waitMillis: number, signal: AbortSignal): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = this.#timers.after(waitMillis, resolve);
    const wake = (): void => resolve();
    // An earlier request of the same runner is answered with nothing: it has asked again.
    line.wake();
    line.wake = wake;
    signal.addEventListener("abort", wake, { once: true });
    return promise.finally(() => {
      cancel();
      signal.removeEventListener("abort", wake);
    });
  }

  /** Asks a runner that is there; the answer is as it came. */
  ask(runner: RunnerId, wanted: Wanted, limits: { readonly timeoutMillis: number; readonly signal?: AbortSignal }): Promise<Result<Json>> {
    const line = this.#lines.get(runner);
    if (line === undefined || !this.#isHere(line)) return Promise.resolve(fail(gone("it is not connected")));
    if (line.pending.size >= MOST_WAITING) return Promise.resolve(fail(gone("it has too much to do already")));
    const { promise, resolve } = Promise.withResolvers<Result<Json>>();
    const id = this.#nextId();
    const late = (): void => resolve(fail(gone(`it did not answer within ${limits.timeoutMillis} ms`)));
    const cancel = this.#timers.after(limits.timeoutMillis, late);
    const silent = (): void => resolve(fail(gone("it is not heard of any more, or nobody waits for it")));
    limits.signal?.addEventListener("abort", silent, { once: true });
    line.pending.set(id, { work: { ...wanted, id }, settle: resolve, state: "waiting" });
    line.wake();
    return promise.finally(() => {
      cancel();
      limits.signal?.removeEventListener("abort", silent);
      line.pending.delete(id);
    });
  }

  /** For as long as the runner is heard of: a run takes its time, and its heart beats with every poll. */
  async run(runner: RunnerId, change: ChangeId, silenceMillis: number): Promise<Result<Json>> {
    const silent = new AbortController();
    let lastHeard = this.#clock.now();
    let cancel = (): void => undefined;
    const listen = (): void => {
      if (this.isHere(runner)) lastHeard = this.#clock.now();
      else if (this.#clock.now() >= lastHeard + silenceMillis) return silent.abort();
      cancel = this.#timers.after(Math.min(1_000, silenceMillis / 2), listen);
    };
    listen();
    try {
      return await this.ask(runner, { kind: "run", change }, { timeoutMillis: 7 * 86_400_000, signal: silent.signal });
    } finally {
      cancel();
    }
  }

  /** False for an answer that nobody waits for, such as one that was given twice. */
  answer(runner: RunnerId, id: string, answer: Json): boolean {
    const pending = this.#lines.get(runner)?.pending.get(id);
    if (pending?.state !== "given") return false;
    pending.settle({ ok: true, value: answer });
    return true;
  }

  tell(progress: Progress): void {
    for (const listener of this.#listeners) listener(progress);
  }

  watch(listener: (progress: Progress) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

const waiting = ({ pending }: Line): readonly Pending[] => [...pending.values()].filter(({ state }) => state === "waiting");

/** Reads as something that may be otherwise later. */
export const gone = (why: string): Refusal => ({
  code: "runner_absent",
  message: `no runner answered: ${why}`,
  remedy: "try again when the runner is connected; `pawl runner list` shows those there are",
});
