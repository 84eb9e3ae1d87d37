const MINUTE = 60_000;
const DAY = 86_400_000;
/** Clocks are put at quarters of an hour, but for a few that were put a minute past midnight (the last in 2020): on such a night one is some minutes off. */
const QUARTER = 15 * MINUTE;
const MOST_KNOWN = 4096;

/** A time on the wall, in milliseconds, as if the wall's clock were UTC's. */
export type Wall = number;

/**
 * The clock on the wall of an IANA time zone, as the runtime's time-zone data have it. Where the clock is put back a time comes
 * twice, and where it is put forward some never come; `first` and `last` say what then is meant.
 */
export class Zone {
  readonly name: string;
  readonly #format: Intl.DateTimeFormat;
  readonly #known = new Map<number, number>();

  private constructor(name: string, format: Intl.DateTimeFormat) {
    this.name = name;
    this.#format = format;
  }

  static named(name: string): Zone | undefined {
    try {
      const parts = { year: "numeric", month: "2-digit", day: "2-digit", hour: "2-digit", minute: "2-digit", second: "2-digit" } as const;
      const format = new Intl.DateTimeFormat("en-US", {
        timeZone: name,
        calendar: "gregory",
        numberingSystem: "latn",
        hourCycle: "h23",
        ...parts,
      });
      return new Zone(name, format);
    } catch {
      return undefined;
    }
  }

  wall(at: number): Wall {
    return at + this.#offset(at);
  }

  /** The first moment at which the wall shows this time or a later one. */
  first(wall: Wall): number {
    const [early, late] = this.#around(wall);
    if (this.wall(early) === wall) return early;
    return this.wall(late) === wall ? late : this.#jump(early, late);
  }

  /** The moment from which on the wall never again shows a time before this one. */
  last(wall: Wall): number {
    const [early, late] = this.#around(wall);
    if (this.wall(late) === wall) return late;
    return this.wall(early) === wall ? early : this.#jump(early, late);
  }

  /** The two moments that the offsets before and after it make of a time. */
  #around(wall: Wall): readonly [number, number] {
    const [before, after] = [this.#offset(wall - DAY), this.#offset(wall + DAY)];
    return [wall - Math.max(before, after), wall - Math.min(before, after)];
  }

  /** When the clock is put forward, somewhere between the two. */
  #jump(early: number, late: number): number {
    const before = this.#offset(early);
    let [from, to] = [early, late];
    while (to - from > MINUTE) {
      const middle = Math.floor((from + to) / 2 / MINUTE) * MINUTE;
      if (this.#offset(middle) === before) from = middle;
      else to = middle;
    }
    return to;
  }

  #offset(at: number): number {
    const quarter = Math.floor(at / QUARTER) * QUARTER;
    const known = this.#known.get(quarter);
    if (known !== undefined) return known;
    const part: Record<string, number> = {};
    for (const { type, value } of this.#format.formatToParts(quarter)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    const offset = Date.UTC(year, month - 1, day, hour, minute, second) - quarter;
    if (this.#known.size >= MOST_KNOWN) this.#known.clear();
    this.#known.set(quarter, offset);
    return offset;
  }
}
