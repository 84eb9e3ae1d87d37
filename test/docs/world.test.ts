import assert from "node:assert/strict";
import test from "node:test";
import { canType, openWorld } from "./world.ts";

test("a folder and a variable that one block sets are there for the next, and a failure stops its block", async (t) => {
  const world = await openWorld(false);
  t.after(() => world.close());
  assert.equal((await world.shell("mkdir a; cd a; export NAME='x y'; PLAIN=z")).code, 0);
  world.write("b/c.txt", "hello\n");
  const next = await world.shell('cat b/c.txt; echo "$NAME $PLAIN"; basename "$PWD"');
  assert.deepEqual(next, { code: 0, out: "hello\nx y z\na\n", err: "" });
  assert.deepEqual(await world.shell("false; echo never"), { code: 1, out: "", err: "" });
});

test("an answer is typed into a terminal", { skip: !canType && "script (of util-linux) is not here" }, async (t) => {
  const world = await openWorld(false);
  t.after(() => world.close());
  const ran = await world.shell('[ -t 0 ] && read -r -p "Sure? " answer && echo "said $answer"; exit 3', "y");
  assert.equal(ran.code, 3);
  assert.match(ran.out, /Sure\? (?:y\n)?said y\n/);
});
