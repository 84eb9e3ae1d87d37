import type { LeasedItem } from "./ports.ts";

interface Under {
  readonly job: Promise<void>;
  readonly whose: string | undefined;
  readonly rests: boolean;
}

/** Jobs under way, and those that wait here because whoever they are for has its share of the places already. */
export class Places {
  readonly #parallel: number;
  readonly #work: (item: LeasedItem) => Promise<void>;
  readonly #freed: () => void;
  readonly #under = new Map<number, Under>();
  readonly #parked = new Map<number, LeasedItem>();

  /** `freed` is called when a place is, and nobody here takes it. */
  constructor(parallel: number, work: (item: LeasedItem) => Promise<void>, freed: () => void) {
    this.#parallel = parallel;
    this.#work = work;
    this.#freed = freed;
  }

  get free(): number {
    return this.#parallel - this.#busy.length;
  }

  get #busy(): readonly Under[] {
    return [...this.#under.values()].filter(({ rests }) => !rests);
  }

  /** It goes on, and needs its place no more: it only looks again from time to time. */
  rest(id: number): void {
    const under = this.#under.get(id);
    if (under === undefined) return;
    this.#under.set(id, { ...under, rests: true });
    this.#beginNext();
  }

  get under(): readonly Promise<void>[] {
    return [...this.#under.values()].map(({ job }) => job);
  }

  /** Begins it, or keeps it until its turn. What is here already lost its lease while the store was away, but not itself. */
  admit(item: LeasedItem): void {
    if (this.#under.has(item.id) || this.#parked.has(item.id)) return;
    if (this.#hasShare(item)) this.#begin(item);
    // One that finds no room here is anybody's once its lease has run out.
    else if (this.#parked.size < MOST_PARKED) this.#parked.set(item.id, item);
  }

  /** Those that will not get their turn here. */
  dismiss(): readonly LeasedItem[] {
    const all = [...this.#parked.values()];
    this.#parked.clear();
    return all;
  }

  /** Nobody has more than half: one whose connectors hang keeps nobody else's jobs waiting. */
  #hasShare(item: LeasedItem): boolean {
    const whose = whoseOf(item);
    const taken = this.#busy.filter((each) => each.whose === whose).length;
    return this.free > 0 && (whose === undefined || taken < Math.max(1, Math.floor(this.#parallel / 2)));
  }

  #beginNext(): void {
    const next = [...this.#parked.values()].find((each) => this.#hasShare(each));
    if (next === undefined) this.#freed();
    else this.#begin(next);
  }

  #begin(item: LeasedItem): void {
    this.#parked.delete(item.id);
    const job = this.#work(item).finally(() => {
      this.#under.delete(item.id);
      this.#beginNext();
    });
    this.#under.set(item.id, { job, whose: whoseOf(item), rests: false });
  }
}

const MOST_PARKED = 1_000;

/** Jobs that have connectors at work say for whom. */
function whoseOf({ body }: LeasedItem): string | undefined {
  const { proposer } = body;
  return typeof proposer === "string" ? proposer : undefined;
}
