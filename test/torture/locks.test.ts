/** A power cut takes git along: what it leaves in Pawl's own mirror must not stand in the way for ever. */
import assert from "node:assert/strict";
import { globSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test from "node:test";
import { startServer } from "./processes.ts";
import { Story, template } from "./story.ts";

test("[GI-38] locks of a killed git lie in the mirror: the next change is planned and run all the same", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pawl-locks-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const { folder: at, tokens } = await template(join(folder, "template"));
  const told = async (sort: "document" | "code"): Promise<string | undefined> => {
    const server = await startServer({ cwd: at });
    try {
      return (await new Story(at, tokens, sort).tell(server.url))?.status;
    } finally {
      await server.kill("group");
    }
  };
  assert.equal(await told("document"), "verified");
  const [mirror = ""] = globSync(join("data", "work", "git", "*.git"), { cwd: at }).map((name) => join(at, name));
  const refs = globSync("refs/pawl/base/*", { cwd: mirror });
  assert.ok(refs.length > 0, "the mirror holds the branch");
  for (const name of [...refs, "packed-refs", "config", "HEAD"]) writeFileSync(join(mirror, `${name}.lock`), "");
  assert.equal(await told("code"), "verified");
});
