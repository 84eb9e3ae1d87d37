import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import { readOwners } from "../../../src/connectors/git/owners.ts";

const name = fc.stringMatching(/^[ab]{1,3}$/);
const part = fc.oneof(
  { weight: 3, arbitrary: name },
  { weight: 2, arbitrary: fc.constantFrom("*", "**", "?", "*a", "a*", "*a*", "?b", "*?", "*b?") },
);
const pattern = fc
  .tuple(fc.constantFrom("", "/"), fc.array(part, { minLength: 1, maxLength: 4 }), fc.constantFrom("", "", "/"))
  // `dir/*` is GitHub's own exception, which git does not have.
  .filter(([first, parts, last]) => last === "/" || parts.at(-1) !== "*" || first + parts.join("/") === "*" || parts.at(-2) === "**")
  .map(([first, parts, last]) => `${first}${parts.join("/")}${last}`);
const paths = fc.uniqueArray(
  fc.array(name, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/")),
  { minLength: 1, maxLength: 12 },
);

test("[GI-15] a line matches what git itself would match with it", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "pawl-owners-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const git = (input: string, ...args: string[]) =>
    spawnSync("git", args, {
      cwd: folder,
      input,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], HOME: folder, GIT_CONFIG_NOSYSTEM: "1" },
    });
  assert.equal(git("", "init", "--quiet").status, 0);
  fc.assert(
    fc.property(pattern, paths, (line, all) => {
      writeFileSync(join(folder, ".gitignore"), `${line}\n`);
      const matched = new Set(git(all.join("\n"), "check-ignore", "--no-index", "--stdin").stdout.trimEnd().split("\n"));
      const { owners, faults } = readOwners(`${line} @x\n`);
      assert.deepEqual(faults, []);
      for (const path of all) assert.equal(owners(path).length > 0, matched.has(path), `${line} and ${path}`);
    }),
    { seed: 15, numRuns: 250 },
  );
});

test("[GI-15] no pattern takes long on any path", () => {
  const { owners } = readOwners("**/*/**/*/**/*/**/*/**/*/**/c @x\n*a*a*a*a*a*a*?b @y\n**/a/**/a/**/a/**/a/**/a/**/c @z\n");
  assert.deepEqual(owners("a/".repeat(2_000)), []);
  assert.deepEqual(owners(`${"a".repeat(4_000)}c`), []);
});
