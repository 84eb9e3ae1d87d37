/** That every area of the benchmark runs to its end. How fast is for `npm run bench` to say. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import type { Row } from "../../bench/measure.ts";
import { markdown, rowLines } from "../../bench/table.ts";

const main = resolve(import.meta.dirname, "../../bench/main.ts");

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

const bench = (...argv: readonly string[]): Promise<Ran> =>
  new Promise((done) => {
    execFile(process.execPath, [main, ...argv], { encoding: "utf8", maxBuffer: 1 << 24 }, (error, out, err) => {
      done({ code: error === null ? 0 : typeof error.code === "number" ? error.code : -1, out, err });
    });
  });

/** PostgreSQL has its own start and its own tests; what measures it is the same code as what measures SQLite. */
for (const area of ["core", "policy", "verify", "http", "start", "memory"]) {
  test(`bench ${area} runs, and writes what can be compared`, async (t) => {
    const folder = mkdtempSync(join(tmpdir(), "pawl-bench-test-"));
    t.after(() => rmSync(folder, { recursive: true, force: true }));
    const file = join(folder, "results.json");
    const ran = await bench(area, "--quick", "--json", file);
    assert.equal(ran.code, 0, ran.err);
    const report = JSON.parse(readFileSync(file, "utf8")) as { version: number; quick: boolean; rows: readonly Row[] };
    assert.deepEqual([report.version, report.quick], [1, true]);
    assert.ok(report.rows.length > 0);
    for (const { name, ratio, value, ceiling } of report.rows) {
      assert.ok(
        [ratio, value, ceiling].every((n) => Number.isFinite(n) && n >= 0),
        `${name}: ${value} beside ${ceiling}`,
      );
    }
    assert.equal(
      new Set(report.rows.map(({ name, against }) => `${name} ${against}`)).size,
      report.rows.length,
      "every figure has a name of its own",
    );
    const widest = Math.max(...ran.out.split("\n").map((line) => line.length));
    assert.ok(widest <= 120, `${widest} columns`);
    const table = await bench("--markdown", file);
    assert.equal(table.out.trim().split("\n").length, report.rows.length + 2);
  });
}

test("bench refuses what it does not know, with the way on", async () => {
  for (const argv of [["--nope"], ["zoo"], ["--json"]]) {
    const { code, out, err } = await bench(...argv);
    assert.deepEqual([code, out], [2, ""]);
    assert.match(err, /remedy: npm run bench -- --help/);
  }
  const { code, out } = await bench("--help");
  assert.equal(code, 0);
  assert.match(out, /^ {2}http /m);
});

test("a row names its ceiling once, and a long name has a line of its own", () => {
  const row: Row = {
    name: "a figure",
    unit: "/s",
    value: 1_234,
    ceiling: 2e6,
    ratio: 0.5,
    spread: [0.4, 0.6],
    against: "a thing",
    aim: { atLeast: 0.4 },
  };
  assert.deepEqual(rowLines(row).length, 2);
  assert.deepEqual(rowLines(row, row).length, 1);
  assert.match(rowLines(row, row)[0] ?? "", /^a figure +1\.2k \/s +2\.0M \/s +0\.50 +0\.40–0\.60 +≥ 0\.4$/);
  assert.ok(rowLines({ ...row, name: "n".repeat(300) }, row).every((line) => line.length <= 120));
  assert.equal(markdown([row]).split("\n")[2], "| a figure | 1.2k /s | 2.0M /s | 0.50 | 0.40–0.60 | ≥ 0.4 | a thing |");
});
