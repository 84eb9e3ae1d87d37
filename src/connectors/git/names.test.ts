import assert from "node:assert/strict";
import { test } from "node:test";
import { folded, isDotGit, linkTarget, pathFault, refFault } from "./names.ts";

test("[GI-5] plain paths pass", () => {
  for (const path of [
    "a",
    "src/auth/session.ts",
    ".github/CODEOWNERS",
    ".gitignore",
    ".gitmodules",
    "a b/ü.txt",
    "..a",
    "a..",
    "git~2",
    ".gitx/y",
  ]) {
    assert.equal(pathFault(path), undefined, path);
  }
});

test("[GI-5] paths that leave the repository or reach git's own directory are refused", () => {
  const bad = [
    "",
    "/etc/passwd",
    "C:/x",
    "C:x",
    "../x",
    "a/../b",
    "a/..",
    "./a",
    "a//b",
    "a/",
    "a\\b",
    "..\\x",
    ".git/config",
    ".GIT/hooks/x",
    "a/.Git/x",
    "a/.git",
  ];
  for (const path of bad) assert.notEqual(pathFault(path), undefined, path);
});

test("[GI-5] [F53] line breaks, NUL and control characters in names are refused", () => {
  for (const path of ["a\nb", "a\rb", "a\0b", "a\u001b[2Jb", "a\u0085b", "\ud800", "a\uFFFDb"])
    assert.notEqual(pathFault(path), undefined, JSON.stringify(path));
});

test("[GI-5] what NTFS and HFS+ open as .git is .git", () => {
  for (const name of [
    ".git",
    ".GiT",
    "git~1",
    "GIT~1",
    ".git ",
    ".git.",
    ".git . .",
    ".git::$INDEX_ALLOCATION",
    ".g\u200cit",
    "\ufeff.git",
    ".git\u200d",
  ]) {
    assert.ok(isDotGit(name), JSON.stringify(name));
  }
  for (const name of [".gitignore", "git", "git~10", ".github", "x.git"]) assert.ok(!isDotGit(name), name);
});

test("[GI-5] components and paths have bounds", () => {
  assert.equal(pathFault("a".repeat(255)), undefined);
  assert.notEqual(pathFault("a".repeat(256)), undefined);
  assert.notEqual(pathFault("ab/".repeat(1400) + "c"), undefined);
});

test("[GI-3] ref names that git or a program would read as something else are refused", () => {
  for (const name of ["main", "feature/a-b_c.d", "refs/heads/main", "release-1.0+x", "a@b"]) assert.equal(refFault(name), undefined, name);
  const bad = [
    "",
    "-x",
    "--upload-pack=touch",
    "a/-x",
    "a..b",
    "a b",
    "a~1",
    "a^",
    "a:b",
    "a?b",
    "a*",
    "a[b",
    "a\\b",
    "@",
    "a@{1}",
    ".a",
    "a/.b",
    "a.lock",
    "a/b.LOCK",
    "a.",
    "/a",
    "a/",
    "a//b",
    "ma\u0456n",
    "a\nb",
    "a\0",
    "x".repeat(201),
  ];
  for (const name of bad) assert.notEqual(refFault(name), undefined, JSON.stringify(name));
});

test("[GI-20] a link's target is followed inside the repository only", () => {
  assert.equal(linkTarget("docs/a", "b.md"), "docs/b.md");
  assert.equal(linkTarget("docs/a", "../README.md"), "README.md");
  assert.equal(linkTarget("docs/a", "./x/y"), "docs/x/y");
  for (const target of ["../../etc/passwd", "/etc/passwd", "..\\..\\x", "C:\\x", ".git/config", "../.GIT/hooks", ""]) {
    assert.equal(linkTarget("docs/a", target), undefined, target);
  }
});

test("[GI-20] a link that climbs out through another link is one that leaves", () => {
  // `a/b/up` may be a link to the root: above it lies what is above the repository.
  assert.equal(linkTarget("esc", "a/b/up/../../etc/passwd"), undefined);
  assert.equal(linkTarget("a/b/c", "../../x/y"), "x/y");
});

test("[GI-19] names that fold to the same capitals are one name", () => {
  assert.equal(folded("\u017Frc"), folded("src"));
  assert.equal(folded("stra\u00DFe"), folded("STRASSE"));
  assert.equal(folded("e\u0301"), folded("\u00C9"));
  assert.notEqual(folded("a"), folded("b"));
});
