/** `pawl demo` as a newcomer reads it. `PAWL_UPDATE_GOLDEN=1` writes it anew. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { folder, pawl } from "../cli/world.ts";
import { numbered } from "./script.ts";

const golden = join(import.meta.dirname, "golden", "demo.txt");

test("[A1] [B12] [E39] the demo tells its five changes, and leaves nothing behind", async (t) => {
  const cwd = await folder(t);
  // The demo's temporary world is made here, so that whatever it leaves is seen.
  process.env["TMPDIR"] = cwd;
  const ran = await pawl({ cwd }, "demo").finally(() => delete process.env["TMPDIR"]);
  assert.deepEqual([ran.code, ran.err], [0, ""]);
  const now = numbered(ran.out);
  if (process.env["PAWL_UPDATE_GOLDEN"] === "1") writeFileSync(golden, now);
  else assert.equal(now, readFileSync(golden, "utf8"));
  assert.deepEqual(readdirSync(cwd), []);
});
