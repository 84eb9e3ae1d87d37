/** Documents that show commands are run: each in an empty folder, with `pawl` on the path. */
import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import test from "node:test";
import { type Block, blocks, matches } from "./blocks.ts";
import { World } from "./world.ts";

const root = resolve(import.meta.dirname, "../..");
const documents = globSync(["*.md", "docs/**/*.md"], { cwd: root }).toSorted();

async function perform(world: World, path: string, block: Block): Promise<void> {
  if (block.kind === "file") return world.write(block.path, block.text);
  const ran = await world.shell(block.text);
  const said = `${path}:${block.line} printed\n${ran.out}\nand on stderr\n${ran.err}`;
  assert.equal(ran.code, block.fails, said);
  if (block.output !== undefined) assert.ok(matches(ran.out, block.output), `${said}\nbut the document shows\n${block.output}`);
}

for (const path of documents) {
  const todo = blocks(path, readFileSync(join(root, path), "utf8"));
  if (!todo.some((block) => block.kind === "run")) continue;
  test(`what ${path} shows is what happens`, async (t) => {
    if (!existsSync(join(root, "src/cli/main.ts"))) return t.skip("src/cli/main.ts is not there yet");
    const world = new World();
    t.after(() => world.close());
    for (const block of todo) await perform(world, path, block);
  });
}
