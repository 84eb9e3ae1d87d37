/** `npm run bench -- [area …] [--json FILE] [--compare FILE]`: one table, each figure beside its ceiling of the same run. */
import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { meets, type Row } from "./measure.ts";
import { printHead, printRow } from "./table.ts";

/** An area's rows, one after the other as they are measured. Loaded only when it is asked for. */
type Area = () => Promise<AsyncIterable<Row>>;
const AREAS: Readonly<Record<string, Area>> = {
  core: async () => (await import("./core.ts")).benchCore(),
  policy: async () => (await import("./policy.ts")).benchPolicy(),
  store: async () => (await import("./store.ts")).benchStore(),
  verify: async () => (await import("./verify.ts")).benchVerify(),
  http: async () => (await import("./http.ts")).benchHttp(),
  start: async () => (await import("./start.ts")).benchStart(),
};

interface Report {
  readonly at: string;
  readonly machine: string;
  readonly node: string;
  readonly rows: readonly Row[];
}

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ allowPositionals: true, options: { json: { type: "string" }, compare: { type: "string" } } });
  const unknown = positionals.filter((name) => !Object.hasOwn(AREAS, name));
  if (unknown.length > 0) {
    console.error(`no such area: ${unknown.join(", ")}; there are ${Object.keys(AREAS).join(", ")}`);
    return 2;
  }
  const wanted = positionals.length > 0 ? positionals : Object.keys(AREAS);
  const rows: Row[] = [];
  printHead();
  for (const name of wanted) {
    for await (const row of (await AREAS[name]?.()) ?? []) {
      rows.push(row);
      printRow(row);
    }
  }
  const report: Report = {
    at: new Date().toISOString(),
    machine: `${cpus().length} × ${cpus()[0]?.model ?? "?"}`,
    node: process.version,
    rows,
  };
  if (values.json !== undefined) writeFileSync(values.json, `${JSON.stringify(report, null, 2)}\n`);
  if (values.compare !== undefined) compare(JSON.parse(readFileSync(values.compare, "utf8")) as Report, report);
  const missed = rows.filter((row) => !meets(row));
  console.log(missed.length === 0 ? "every aim was reached" : `missed: ${missed.map(({ name }) => name).join("; ")}`);
  return 0;
}

/** Ratios only: the machine may be another one. What is outside both runs' spreads is told. */
function compare(before: Report, now: Report): void {
  console.log(`\nagainst ${before.at} (${before.machine}, ${before.node})`);
  for (const row of now.rows) {
    const old = before.rows.find(({ name }) => name === row.name);
    if (old === undefined) continue;
    const moved = row.spread[0] > old.spread[1] || row.spread[1] < old.spread[0];
    console.log(`${row.name.padEnd(52)}${old.ratio.toFixed(2)} → ${row.ratio.toFixed(2)}${moved ? "  moved" : ""}`);
  }
}

process.exitCode = await main();
