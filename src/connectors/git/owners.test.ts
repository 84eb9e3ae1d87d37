import assert from "node:assert/strict";
import { test } from "node:test";
import { readOwners } from "./owners.ts";

/** Patterns and outcomes of GitHub's documentation of CODEOWNERS. */
const DOCUMENTED = `
# comment
*       @global-owner1 @global-owner2
*.js    @js-owner #This is an inline comment.
*.go docs@example.com
*.txt @octo-org/octocats
/build/logs/ @doctocat
docs/*  docs@example.com
apps/ @octocat
/docs/ @doctocat
/scripts/ @doctocat @octocat
**/logs @octocat
/apps/github
`;

test("[GI-15] the last matching line decides, in the cases that GitHub documents", () => {
  const { owners, faults } = readOwners(DOCUMENTED);
  assert.deepEqual(faults, []);
  assert.deepEqual(owners("README.md"), ["@global-owner1", "@global-owner2"]);
  assert.deepEqual(owners("src/x.js"), ["@js-owner"]);
  assert.deepEqual(owners("main.go"), ["docs@example.com"]);
  assert.deepEqual(owners("a/b.txt"), ["@octo-org/octocats"]);
  assert.deepEqual(owners("build/logs/x"), ["@octocat"]);
  assert.deepEqual(owners("deep/apps/x"), ["@octocat"]);
  assert.deepEqual(owners("docs/deep/x"), ["@doctocat"]);
  assert.deepEqual(owners("scripts/x"), ["@doctocat", "@octocat"]);
  assert.deepEqual(owners("deep/logs/x"), ["@octocat"]);
  assert.deepEqual(owners("apps/github/x"), []);
});

test("[GI-15] `dir/*` owns the files in dir and nothing deeper", () => {
  const { owners } = readOwners("docs/* @docs\n/apps/*/config/* @config\n/* @root\n");
  assert.deepEqual(owners("docs/a.md"), ["@docs"]);
  assert.deepEqual(owners("docs/build/a.md"), []);
  assert.deepEqual(owners("x/docs/a.md"), []);
  assert.deepEqual(owners("apps/a/config/x"), ["@config"]);
  assert.deepEqual(owners("apps/a/config/deep/x"), []);
  assert.deepEqual(owners("README.md"), ["@root"]);
  assert.deepEqual(owners("src/x"), []);
});

test("[GI-15] a rule without owners takes ownership away", () => {
  const { owners } = readOwners("* @all\n/vendor/\n");
  assert.deepEqual(owners("vendor/x"), []);
});

test("[GI-15] letter case counts, and a blank in a name is escaped", () => {
  const { owners } = readOwners("/Docs/ @docs\n/my\\ file.txt @file\n");
  assert.deepEqual(owners("docs/x"), []);
  assert.deepEqual(owners("my file.txt"), ["@file"]);
});

test("[GI-15] lines that GitHub skips are skipped here and named", () => {
  const { owners, faults } = readOwners("*  @all\n!*.md @x\n*.[ch] @c\n\\#x @y\n*.ts nobody\n[Section] @s\n");
  assert.deepEqual(
    faults.map(({ line }) => line),
    [2, 3, 4, 5, 6],
  );
  assert.deepEqual(owners("x.ts"), ["@all"]);
});

test("[GI-15] line ends of Windows and an empty file are read", () => {
  assert.deepEqual(readOwners("* @a\r\n*.md @b\r\n").owners("x.md"), ["@b"]);
  assert.deepEqual(readOwners("").owners("x"), []);
});

test("[GI-15] `dir/**/*` owns all files below dir, and a folder that is named like the one above it is one of its own", () => {
  const { owners } = readOwners("* @all\nsrc/auth/**/* @auth\n**/keys/* @keys\n");
  for (const path of ["src/auth/a", "src/auth/b/a", "src/auth/b/c/d/a"]) assert.deepEqual(owners(path), ["@auth"], path);
  for (const path of ["keys/a", "x/keys/a", "keys/keys/a", "keys/x/keys/a"]) assert.deepEqual(owners(path), ["@keys"], path);
  assert.deepEqual(owners("keys/x/a"), ["@all"]);
  assert.deepEqual(readOwners("**/* @all\n").owners("a/b/c"), ["@all"]);
});

test("[GI-15] a file of more rules than can be held against every path owns nothing, and says so", () => {
  const { owners, faults } = readOwners("/a @b\n".repeat(20_001));
  assert.deepEqual(owners("a"), []);
  assert.match(faults[0]?.message ?? "", /all of it is skipped/);
});
