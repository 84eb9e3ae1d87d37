/** What is approved is the base and the listed changes: a tree made by hand brings nothing that no list shows. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { LIMITS, World } from "./world.ts";

const INPUT = { repository: "shop", branch: "main", ref: "task" };

/** A branch whose folder `dir` has these entries, written as they are. */
function forged(t: ConstructorParameters<typeof World>[0], entries: (oid: (spec: string) => string) => readonly string[]): World {
  const world = new World(t);
  world.commit("main", { "a.txt": "one\n", "dir/b.txt": "two\n", "dir/c.txt": "three\n" });
  const run = (args: string[], input: Uint8Array): string =>
    execFileSync("git", [`--git-dir=${world.bare}`, ...args], { input, encoding: "utf8" }).trim();
  const write = (list: readonly string[]): string => {
    const parts = list.map((entry) => entry.split(" ")).map(([mode = "", name = "", oid = ""]) => [`${mode} ${name}\0`, oid] as const);
    const tree = Buffer.concat(parts.flatMap(([head, oid]) => [Buffer.from(head), Buffer.from(oid, "hex")]));
    return run(["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], tree);
  };
  run(["hash-object", "-w", "-t", "tree", "--stdin"], Buffer.alloc(0));
  const oid = (spec: string): string => world.git(world.bare, "rev-parse", spec);
  const dir = write(entries(oid));
  const tree = write([`100644 a.txt ${oid("main:a.txt")}`, `40000 dir ${dir}`]);
  world.git(world.bare, "update-ref", "refs/heads/task", world.git(world.bare, "commit-tree", "-p", "main", "-m", "forged", tree));
  return world;
}

const EMPTY = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";

test("[GI-9] [A1] empty folders and odd modes alone change nothing that could be shown, so nothing is planned", async (t) => {
  const odd: Record<string, (oid: (spec: string) => string) => readonly string[]> = {
    "a mode of its own": (oid) => [`100600 b.txt ${oid("main:dir/b.txt")}`, `100644 c.txt ${oid("main:dir/c.txt")}`],
    "a zero before the mode": (oid) => [`0100644 b.txt ${oid("main:dir/b.txt")}`, `100644 c.txt ${oid("main:dir/c.txt")}`],
    "an empty folder": (oid) => [`100644 b.txt ${oid("main:dir/b.txt")}`, `100644 c.txt ${oid("main:dir/c.txt")}`, `40000 hidden ${EMPTY}`],
  };
  for (const [name, entries] of Object.entries(odd)) {
    const answer = await forged(t, entries).connector().analyse(INPUT, LIMITS);
    assert.ok(!answer.ok && answer.error.code === "git_no_change", `${name}: ${JSON.stringify(answer)}`);
  }
});

test("[GI-11] [B11] beside a change that is shown, nothing comes along that is not", async (t) => {
  const world = forged(t, (oid) => [`100600 b.txt ${oid("main:a.txt")}`, `100600 c.txt ${oid("main:dir/c.txt")}`, `40000 hidden ${EMPTY}`]);
  const connector = world.connector();
  const answer = await connector.analyse(INPUT, LIMITS);
  assert.ok(answer.ok, JSON.stringify(answer));
  const { payload, analysis } = answer.value;
  assert.deepEqual(
    analysis.step.effects.map(({ kind, resource }) => [kind, resource]),
    [["update", "git:shop#dir/b.txt"]],
  );
  const applied = await connector.apply(payload, analysis.step.stateDigest, LIMITS);
  assert.ok(applied.ok, JSON.stringify(applied));
  const there = world.raw("cat-file", "tree", "main:dir");
  assert.ok(there.startsWith("100644 b.txt\0") && !there.includes("100600") && !there.includes("hidden"));
});

test("[GI-5] [GI-12] a path that goes and cannot be named is refused: two of them would be shown as one", async (t) => {
  const world = new World(t);
  world.commit("main", { k: "k\n" });
  const person = "Ada <ada@example.com> 1767225600 +0000";
  const commit = (branch: string, lines: readonly string[]): void => {
    const head = `commit refs/heads/${branch}\nauthor ${person}\ncommitter ${person}\ndata 1\nx\nfrom refs/heads/${branch}^0\n`;
    const input = Buffer.from(`${head}${lines.join("")}`, "latin1");
    execFileSync("git", [`--git-dir=${world.bare}`, "fast-import", "--quiet", "--force"], { input });
  };
  commit("main", ["M 644 inline a\xff\ndata 2\nx\n\n", "M 644 inline a\xfe\ndata 2\nx\n\n"]);
  world.branch("task");
  commit("task", ["D a\xff\n", "D a\xfe\n"]);
  const answer = await world.connector().analyse(INPUT, LIMITS);
  assert.ok(!answer.ok && answer.error.code === "git_path_refused", JSON.stringify(answer));
});
