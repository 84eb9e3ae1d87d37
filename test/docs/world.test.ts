import assert from "node:assert/strict";
import test from "node:test";
import { World } from "./world.ts";

test("a folder and a variable that one block sets are there for the next, and a failure stops its block", async (t) => {
  const world = new World();
  t.after(() => world.close());
  assert.equal((await world.shell("mkdir a; cd a; export NAME='x y'")).code, 0);
  world.write("b/c.txt", "hello\n");
  const next = await world.shell('cat b/c.txt; echo "$NAME"; basename "$PWD"');
  assert.deepEqual(next, { code: 0, out: "hello\nx y\na\n", err: "" });
  assert.deepEqual(await world.shell("false; echo never"), { code: 1, out: "", err: "" });
});
