/**
 * A figure stands beside its ceiling, measured in the same run and in turns with it: what the machine does meanwhile happens to
 * both. Only ratios can be compared between machines.
 */
export interface Row {
  readonly name: string;
  readonly unit: string;
  /** Medians over the rounds. */
  readonly value: number;
  readonly ceiling: number;
  /** Median of the rounds' own ratios. */
  readonly ratio: number;
  /** The lowest and the highest ratio of a round. */
  readonly spread: readonly [low: number, high: number];
  /** What the ceiling is. */
  readonly against: string;
  readonly aim?: Aim;
}

/** What the ratio is held to. */
export type Aim = { readonly atLeast: number } | { readonly atMost: number };

/** Measures for about so many milliseconds and answers in the unit of its row. */
export type Probe = (millis: number) => number | Promise<number>;

export interface Contest {
  readonly name: string;
  readonly unit: string;
  readonly against: string;
  readonly aim?: Aim;
  readonly value: Probe;
  readonly ceiling: Probe;
  readonly rounds?: number;
  readonly millis?: number;
}

interface Pace {
  readonly rounds: number;
  readonly millis: number;
  readonly warmUp: number;
}

const CAREFUL: Pace = { rounds: 7, millis: 250, warmUp: 150 };
/** Enough to see that everything still runs; the figures mean nothing. */
const QUICK: Pace = { rounds: 1, millis: 5, warmUp: 1 };
let pace = CAREFUL;

export const hurry = (): void => void (pace = QUICK);
/** For what is prepared before anything is measured. */
export const isQuick = (): boolean => pace === QUICK;

/** Who goes first changes from round to round. */
export async function contest({ name, unit, against, aim, value, ceiling, ...own }: Contest): Promise<Row> {
  const { rounds, millis, warmUp } = isQuick() ? pace : { ...pace, ...own };
  await value(warmUp);
  await ceiling(warmUp);
  const pairs: (readonly [value: number, ceiling: number])[] = [];
  for (let round = 0; round < rounds; round++) {
    const first = await (round % 2 === 0 ? value : ceiling)(millis);
    const second = await (round % 2 === 0 ? ceiling : value)(millis);
    pairs.push(round % 2 === 0 ? [first, second] : [second, first]);
  }
  const ratios = pairs.map(([a, b]) => a / b).toSorted((a, b) => a - b);
  return {
    name,
    unit,
    value: median(pairs.map(([a]) => a)),
    ceiling: median(pairs.map(([, b]) => b)),
    ratio: median(ratios),
    spread: [ratios.at(0) ?? Number.NaN, ratios.at(-1) ?? Number.NaN],
    against,
    ...(aim === undefined ? {} : { aim }),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2;
}

/** Operations per second of synchronous work, which says how many it did. */
export function perSecond(work: () => number): Probe {
  return (millis) => {
    const start = performance.now();
    let done = 0;
    let elapsed = 0;
    do {
      done += work();
      elapsed = performance.now() - start;
    } while (elapsed < millis);
    return (done * 1000) / elapsed;
  };
}

export const meets = ({ ratio, aim }: Row): boolean => aim === undefined || ("atLeast" in aim ? ratio >= aim.atLeast : ratio <= aim.atMost);
