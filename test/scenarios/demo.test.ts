/** `pawl demo` as a newcomer reads it. `PAWL_UPDATE_GOLDEN=1` writes it anew. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { folder, pawl } from "../cli/world.ts";
import { numbered } from "./script.ts";

const golden = join(import.meta.dirname, "golden", "demo.txt");
const SKIPPED = "   skipped   Terraform is not installed here\n";

/** Where Terraform is absent its chapter is one line, and what is counted over all chapters is less. */
const withoutTerraform = (text: string): string =>
  text
    .replace(/(\n5\. [^\n]*\n)(?: {3}[^\n]*\n)*/, `$1${SKIPPED}`)
    .replaceAll(/sha256:d\d+/g, "sha256:…")
    .replaceAll(/\d+ entries|(?:entry|index) \d+/g, "…");

test("[A1] [B12] [E39] the demo tells its eight chapters, and leaves nothing behind", async (t) => {
  const cwd = await folder(t);
  // The demo's temporary world is made here, so that whatever it leaves is seen.
  process.env["TMPDIR"] = cwd;
  const ran = await pawl({ cwd }, "demo").finally(() => delete process.env["TMPDIR"]);
  assert.deepEqual([ran.code, ran.err], [0, ""]);
  const now = numbered(ran.out);
  const whole = !now.includes(SKIPPED);
  if (process.env["PAWL_UPDATE_GOLDEN"] === "1" && whole) writeFileSync(golden, now);
  else if (whole) assert.equal(now, readFileSync(golden, "utf8"));
  else assert.equal(withoutTerraform(now), withoutTerraform(readFileSync(golden, "utf8")));
  assert.deepEqual(readdirSync(cwd), []);
});
