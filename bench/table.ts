/** One hot path beside its ceiling, measured in the same run: only the ratio can be compared between machines. */
export interface Row {
  readonly name: string;
  /** Operations or bytes per second, larger is better. */
  readonly value: number;
  readonly ceiling: number;
  readonly unit: string;
  /** What the ceiling is. */
  readonly against: string;
}

const WARM_UP_MILLIS = 150;
const ROUND_MILLIS = 200;
const ROUNDS = 5;

/** Median rate over several rounds, so that one pause of the machine does not decide. */
export function rate(work: () => number): number {
  spin(work, WARM_UP_MILLIS);
  const rates = Array.from({ length: ROUNDS }, () => spin(work, ROUND_MILLIS)).toSorted((a, b) => a - b);
  return rates[Math.floor(ROUNDS / 2)] ?? 0;
}

function spin(work: () => number, millis: number): number {
  const start = performance.now();
  let done = 0;
  let elapsed = 0;
  do {
    done += work();
    elapsed = performance.now() - start;
  } while (elapsed < millis);
  return (done * 1000) / elapsed;
}

export function print(rows: readonly Row[]): void {
  const line = (cells: readonly string[]): string =>
    `${cells[0]?.padEnd(42)}${cells[1]?.padStart(14)}${cells[2]?.padStart(14)}${cells[3]?.padStart(8)}  ${cells[4]}`;
  console.log(line(["what", "here", "ceiling", "ratio", "the ceiling is"]));
  for (const row of rows)
    console.log(
      line([
        row.name,
        `${short(row.value)} ${row.unit}`,
        `${short(row.ceiling)} ${row.unit}`,
        (row.value / row.ceiling).toFixed(2),
        row.against,
      ]),
    );
}

function short(n: number): string {
  if (n >= 1e6) return `${(n / 1e6).toFixed(1)}M`;
  return n >= 1e3 ? `${(n / 1e3).toFixed(1)}k` : n.toFixed(0);
}
