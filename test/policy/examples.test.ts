import assert from "node:assert/strict";
import { globSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import test from "node:test";
import { loadBundle, runCases } from "../../src/core/policy/index.ts";
import { factsTable, guide } from "./facts-table.ts";

const root = resolve(import.meta.dirname, "../..");

for (const path of globSync("examples/policy/*.yaml", { cwd: root }).toSorted()) {
  test(`[PO-62] the cases of ${path} pass, and every rule of it has one`, () => {
    const loaded = loadBundle(readFileSync(join(root, path), "utf8"));
    assert(loaded.ok, loaded.ok ? "" : loaded.error.map(({ line, message, caret }) => `${path}:${line}: ${message}\n${caret}`).join("\n"));
    for (const { name, passed, expected, actual } of runCases(loaded.value))
      assert(passed, `${name}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(actual)}`);
    const tested = new Set(loaded.value.cases.flatMap(({ expect }) => expect.rules ?? []));
    assert.deepEqual(
      loaded.value.rules.filter(({ id }) => !tested.has(id)).map(({ id }) => id),
      [],
    );
  });
}

test("[C27] [PO-9] the default policy, cut off at any line, is refused or has all its rules", () => {
  const text = readFileSync(join(root, "examples/policy/default.yaml"), "utf8");
  const whole = loadBundle(text);
  assert(whole.ok);
  const lines = text.split("\n");
  for (let n = 0; n < lines.length; n++) {
    const cut = loadBundle(lines.slice(0, n).join("\n"));
    assert(!cut.ok || cut.value.rules.length === whole.value.rules.length, `cut after line ${n}`);
  }
});

test("[PO-20] docs/policy.md lists the facts as the code declares them", () => {
  const { wanted, found } = guide();
  assert(factsTable().includes("`on_behalf_of`"));
  assert.equal(found, wanted, "run node test/policy/facts-table.ts");
});

test("[PO-1] the bundle that docs/policy.md shows is loaded and its cases pass", () => {
  const shown = /^```yaml\n(pawl: policy\/v1\n[\s\S]*?)^```$/m.exec(readFileSync(join(root, "docs/policy.md"), "utf8"))?.[1];
  assert(shown);
  const loaded = loadBundle(shown);
  assert(loaded.ok, loaded.ok ? "" : JSON.stringify(loaded.error));
  assert(loaded.value.cases.length > 0 && runCases(loaded.value).every(({ passed }) => passed));
});
