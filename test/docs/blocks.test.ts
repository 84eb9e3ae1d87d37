import assert from "node:assert/strict";
import test from "node:test";
import { blocks, matches } from "./blocks.ts";

const fence = "```";

test("runs, files and expected output are taken in order; what is only shown is left alone", () => {
  const text = `# T\n${fence}sh run\necho a\n${fence}\n${fence}text output\na\n${fence}\n${fence}yaml file=x/y.yaml\nk: 1\n${fence}\n${fence}sh run fails=2\nfalse\n${fence}\n${fence}sh run says=y\nread\n${fence}\n${fence}sh up\nstart\n${fence}\n${fence}text output\nup\n${fence}\n${fence}sh skip: long\nsleep\n${fence}\n${fence}json\n{}\n${fence}\n`;
  assert.deepEqual(blocks("t.md", text), [
    { kind: "run", fails: 0, line: 2, text: "echo a\n", output: "a\n" },
    { kind: "file", path: "x/y.yaml", line: 8, text: "k: 1\n" },
    { kind: "run", fails: 2, line: 11, text: "false\n" },
    { kind: "run", fails: 0, says: "y", line: 14, text: "read\n" },
    { kind: "up", line: 17, text: "start\n", output: "up\n" },
  ]);
});

test("a shell block without a mark is a fault that names its line", () => {
  assert.throws(() => blocks("t.md", `\n\n${fence}sh\nls\n${fence}\n`), /t\.md:3: mark this block/);
  assert.throws(() => blocks("t.md", `${fence}sh skip:\nls\n${fence}\n`), /t\.md:1/);
});

test("an ellipsis stands for anything, and everything else for itself", () => {
  assert.ok(matches("chg_1 applied\n", "chg_… applied\n"));
  assert.ok(matches("a\nb\nc\n", "a\n…\nc"));
  assert.ok(!matches("a (x)", "a (y)"));
  assert.ok(!matches("chg_1 applied, not", "chg_… applied"));
});
