/** Documents that show commands are run: each in a folder of its own, with `pawl` on the path and what the document needs. */
import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import test from "node:test";
import { type Block, blocks, matches } from "./blocks.ts";
import { canType, openWorld, type World } from "./world.ts";

const root = resolve(import.meta.dirname, "../..");
const documents = globSync(["*.md", "docs/**/*.md"], { cwd: root }).toSorted();

async function perform(world: World, path: string, block: Block): Promise<void> {
  if (block.kind === "file") return world.write(block.path, block.text);
  const ran = await (block.kind === "up" ? world.up(block.text) : world.shell(block.text, block.says));
  const said = `${path}:${block.line} printed\n${ran.out}\nand on stderr\n${ran.err}`;
  assert.equal(ran.code, block.kind === "up" ? 0 : block.fails, said);
  if (block.output !== undefined) assert.ok(matches(ran.out, block.output), `${said}\nbut the document shows\n${block.output}`);
}

for (const path of documents) {
  const todo = blocks(path, readFileSync(join(root, path), "utf8"));
  if (todo.every((block) => block.kind === "file")) continue;
  test(`what ${path} shows is what happens`, async (t) => {
    if (!canType && todo.some((block) => block.kind === "run" && block.says !== undefined))
      return t.skip("script (of util-linux) is not here, so nobody can type an answer");
    const world = await openWorld(todo.some((block) => block.kind === "up"));
    t.after(() => world.close());
    for (const block of todo) await perform(world, path, block);
  });
}
