/** `npm run bench`: one table, each figure beside its ceiling of the same run. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { hurry, isQuick, meets, type Row } from "./measure.ts";
import { head, markdown, printRow } from "./table.ts";

/** An area's rows, one after the other as they are measured. Loaded only when it is asked for. */
interface Area {
  readonly what: string;
  readonly rows: () => Promise<AsyncIterable<Row>>;
}
const AREAS: Readonly<Record<string, Area>> = {
  core: { what: "JSON, digests, trees and signatures", rows: async () => (await import("./core.ts")).benchCore() },
  policy: { what: "policy beside other engines", rows: async () => (await import("./policy.ts")).benchPolicy() },
  store: { what: "appends to memory, SQLite and PostgreSQL", rows: async () => (await import("./store.ts")).benchStore() },
  verify: { what: "the check of a whole ledger", rows: async () => (await import("./verify.ts")).benchVerify() },
  http: { what: "from a proposal to its decision", rows: async () => (await import("./http.ts")).benchHttp() },
  start: { what: "the command line's start, and the server's", rows: async () => (await import("./start.ts")).benchStart() },
  terraform: { what: "a large plan of Terraform", rows: async () => (await import("./terraform.ts")).benchTerraform() },
  memory: { what: "what open changes hold in memory", rows: async () => (await import("./memory.ts")).benchMemory() },
};

const HELP = `Usage: npm run bench -- [area …] [options]

Measures each figure in turns with its ceiling, and prints both with their ratio.

Areas (all, unless some are named):
${Object.entries(AREAS)
  .map(([name, { what }]) => `  ${name.padEnd(18)}${what}`)
  .join("\n")}

Options:
  --json <file>     write the results, as docs/PERFORMANCE.md describes them
  --compare <file>  say which ratios have moved since the results of an earlier run
  --markdown <file> print earlier results as a Markdown table, and measure nothing
  --quick           run everything for milliseconds: to see that it runs, not how fast
  --help            print this

Aims are no tests: a run that misses some ends with 0 all the same. Ratios are steady on a busy machine, absolute figures are not.`;

/** What --json writes. `version` rises when a reader must know of a change. */
interface Report {
  readonly version: 1;
  readonly at: string;
  readonly machine: string;
  readonly node: string;
  /** How many processes wanted to run, on average over the minute before: at the start and at the end. */
  readonly load: readonly [number, number];
  readonly quick: boolean;
  readonly rows: readonly Row[];
}

const OPTIONS = {
  json: { type: "string" },
  compare: { type: "string" },
  markdown: { type: "string" },
  quick: { type: "boolean" },
  help: { type: "boolean" },
} as const;

function asked() {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: OPTIONS });
  const unknown = positionals.filter((name) => !Object.hasOwn(AREAS, name));
  if (unknown.length > 0) throw new TypeError(`no such area: ${unknown.join(", ")}; there are ${Object.keys(AREAS).join(", ")}`);
  return { ...values, areas: positionals.length > 0 ? positionals : Object.keys(AREAS) };
}

async function main(): Promise<number> {
  let given: ReturnType<typeof asked>;
  try {
    given = asked();
  } catch (error) {
    console.error(`bench: ${error instanceof Error ? error.message : String(error)}\n  remedy: npm run bench -- --help`);
    return 2;
  }
  if (given.help === true) console.log(HELP);
  else if (given.markdown !== undefined) console.log(markdown(read(given.markdown).rows));
  else await measure(given);
  return 0;
}

const read = (file: string): Report => JSON.parse(readFileSync(file, "utf8")) as Report;

async function measure({ areas, json, compare: earlier, quick = false }: ReturnType<typeof asked>): Promise<void> {
  const before = earlier === undefined ? undefined : read(earlier);
  if (quick) hurry();
  const start = loadavg()[0] ?? 0;
  if (start > cpus().length / 2) console.error(`others are at work on this machine (load ${start.toFixed(1)}): trust ratios only`);
  const rows: Row[] = [];
  console.log(head());
  for (const area of areas) {
    progress(`${area} …`);
    for await (const row of (await AREAS[area]?.rows()) ?? []) {
      progress("");
      printRow(row, rows.at(-1));
      rows.push(row);
      progress(`${area} …`);
    }
  }
  progress("");
  const report = reportOf(rows, start);
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
  if (before !== undefined) compare(before, report);
  const missed = rows.filter((row) => !meets(row));
  console.log(missed.length === 0 ? "every aim was reached" : ["missed:", ...missed.map(({ name }) => `  ${name}`)].join("\n"));
}

function reportOf(rows: readonly Row[], start: number): Report {
  const [cpu] = cpus();
  const machine = `${cpus().length} × ${cpu?.model ?? "?"}`;
  return {
    version: 1,
    at: new Date().toISOString(),
    machine,
    node: process.version,
    load: [start, loadavg()[0] ?? 0],
    quick: isQuick(),
    rows,
  };
}

/** What is being measured, where somebody looks on; it leaves no trace. */
function progress(text: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${text}`);
}

/** Ratios only: the machine may be another one. What is outside both runs' spreads is told. */
function compare(before: Report, now: Report): void {
  console.log(`\nagainst ${before.at} (${before.machine}, ${before.node})`);
  for (const row of now.rows) {
    const old = before.rows.find(({ name, against }) => name === row.name && against === row.against);
    if (old === undefined) continue;
    const moved = row.spread[0] > old.spread[1] || row.spread[1] < old.spread[0];
    console.log(`${row.name.padEnd(62)}${old.ratio.toFixed(2)} → ${row.ratio.toFixed(2)}${moved ? "  moved" : ""}`);
  }
}

process.exitCode = await main();
