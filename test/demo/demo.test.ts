/** The demo is told as it was told before, within its minute, and nothing of it stays behind. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import test from "node:test";

const root = resolve(import.meta.dirname, "../..");
const golden = join(import.meta.dirname, "golden", "demo.txt");
const MINUTE = 60_000;

interface Told {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** In an empty home and an empty temporary folder, with no variable of whoever runs the test. */
async function demo(temporary: string): Promise<Told> {
  const env = { PATH: [dirname(process.execPath), process.env["PATH"]].join(":"), HOME: temporary, TMPDIR: temporary, NO_COLOR: "1" };
  const child = spawn(process.execPath, [join(root, "bin/pawl.js"), "demo"], {
    cwd: temporary,
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  const ended = Promise.withResolvers<number | null>();
  child.on("close", ended.resolve).on("error", ended.reject);
  const [out, err] = await Promise.all([child.stdout, child.stderr].map((pipe) => pipe.setEncoding("utf8").toArray()));
  return { code: await ended.promise, out: (out ?? []).join(""), err: (err ?? []).join("") };
}

/** Digests, ids and times are new each time; the same one is the same name wherever it stands. */
function normal(text: string): string {
  const names = new Map<string, string>();
  const named = (kind: string) => (found: string) => {
    if (!names.has(found)) names.set(found, `<${kind} ${names.size + 1}>`);
    return names.get(found) ?? found;
  };
  return text
    .replaceAll(/sha256:[0-9a-f]+…?/g, named("digest"))
    .replaceAll(/\b(?:chg|run|evt|tok|rnr)_[0-9a-z]{8,}/g, named("id"))
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, named("time"));
}

test("the demo tells its five chapters, and leaves nothing behind", { timeout: MINUTE }, async (t) => {
  const temporary = mkdtempSync(join(tmpdir(), "pawl-demo-test-"));
  t.after(() => rmSync(temporary, { recursive: true, force: true }));
  const told = await demo(temporary);
  assert.deepEqual([told.code, told.err], [0, ""]);
  assert.deepEqual(readdirSync(temporary), []);
  const story = normal(told.out);
  if (process.env["PAWL_UPDATE_GOLDEN"] === "1") writeFileSync(golden, story);
  assert.equal(story, readFileSync(golden, "utf8"));
});
