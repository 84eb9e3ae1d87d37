/** Whole stories through the command line, each a transcript beside this file. `PAWL_UPDATE_GOLDEN=1` writes them anew. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cpSync, globSync, readFileSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import test from "node:test";
import { promisify } from "node:util";
import { commitOutOfBand } from "../../src/sample-repository.ts";
import { world, type PawlWorld } from "../cli/world.ts";
import { replay, type Answer } from "./script.ts";

const here = import.meta.dirname;
const run = promisify(execFile);

/** `git` reads the shop's repository; `push` puts a file on its branch past Pawl; `until` waits for a change's version. */
async function type(shop: PawlWorld, who: string, [program = "", ...argv]: readonly string[]): Promise<Answer> {
  if (program === "git") {
    const { stdout } = await run("git", ["-C", shop.repository, ...argv]);
    return { out: stdout, code: 0 };
  }
  if (program === "push") {
    const [path = "", from = ""] = argv;
    await commitOutOfBand(shop.repository, "past Pawl", { [path]: await readFile(join(shop.dir, from), "utf8") });
    return { out: "", code: 0 };
  }
  if (program === "until") {
    const [id = "", version = ""] = argv;
    const token = await readFile(join(shop.dir, "data", "tokens", "grace"), "utf8");
    const url = `${shop.url}/v1/changes/${id}/wait?timeout=50&since=${Number(version) - 1}`;
    assert.equal((await fetch(url, { headers: { authorization: `Bearer ${token}` } })).status, 200);
    return { out: "", code: 0 };
  }
  assert.equal(program, "pawl");
  const ran = await shop.with({ width: 100 }, ...argv, "--as", who);
  return { ...ran, out: ran.out.replaceAll(shop.dir, "DIR"), err: ran.err.replaceAll(shop.dir, "DIR") };
}

const POLICY = join(here, "../../examples/policy/default.yaml");

/** Put together here, so that no scanner finds a token in this repository. */
function secretPatch(): string {
  const token = ["ghp", "wWPw5k4aXcaT4fNP0UcnZwJUVFk6LO0pINUx"].join("_");
  const head = [
    "diff --git a/src/config.js b/src/config.js",
    "new file mode 100644",
    "--- /dev/null",
    "+++ b/src/config.js",
    "@@ -0,0 +1,1 @@",
  ];
  return [...head, `+export const token = "${token}";`, ""].join("\n");
}

for (const path of globSync("*.txt", { cwd: here }).toSorted()) {
  const script = readFileSync(join(here, path), "utf8");
  const [title = ""] = script.split("\n");
  test(`${basename(path, ".txt")}: ${title.replace(/^# /, "")}`, async (t) => {
    const shop = await world(t);
    cpSync(join(here, "patches"), shop.dir, { recursive: true });
    writeFileSync(join(shop.dir, "secret.patch"), secretPatch());
    writeFileSync(join(shop.dir, "policy.yaml"), readFileSync(POLICY, "utf8").replace("this decides who gets in", "sign-in is dear to us"));
    const now = await replay(script, (who, words) => type(shop, who, words));
    if (process.env["PAWL_UPDATE_GOLDEN"] === "1") writeFileSync(join(here, path), now);
    else assert.equal(now, script);
  });
}
