/** What one node planned is run by another, which has nothing but the payload and the repository. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { encodePayload, decodePayload } from "../../../src/connectors/git/payload.ts";
import { seal } from "../../../src/connectors/git/carried.ts";
import type { Analysed, Connector } from "../../../src/control/ports.ts";
import { canonical, digestOf, type Json } from "../../../src/core/base/index.ts";
import { TOKEN } from "./canaries.ts";
import { KEY, LIMITS, World, patchOf } from "./world.ts";

const INPUT: Json = { repository: "shop", branch: "main", ref: "task" };

async function planned(connector: Connector, input: Json = INPUT): Promise<Analysed> {
  const answer = await connector.analyse(input, LIMITS);
  assert.ok(answer.ok, JSON.stringify(answer));
  return answer.value;
}

const apply = (connector: Connector, { payload, analysis }: Analysed) => connector.apply(payload, analysis.step.stateDigest, LIMITS);

/** One file on main, and what `task` makes of it. */
function worldWith(t: ConstructorParameters<typeof World>[0], before: string, after: string): World {
  const world = new World(t);
  world.commit("main", { "a.txt": before });
  world.branch("task");
  world.commit("task", { "a.txt": after });
  return world;
}

test("[GI-36] every node plans the same, and any of them runs it when the ref is gone", async (t) => {
  const world = worldWith(t, "one\n", "two\n");
  const [here, there, third] = ["a", "b", "c"].map((node) => world.connector({}, { node })) as [Connector, Connector, Connector];
  const plan = await planned(here);
  assert.deepEqual(await planned(there), plan);
  world.git(world.bare, "branch", "-D", "task");
  world.git(world.bare, "gc", "--quiet", "--prune=now");
  const applied = await apply(third, plan);
  assert.ok(applied.ok, JSON.stringify(applied));
  assert.equal(world.show("main:a.txt"), "two");
  const verified = await there.verify(plan.payload, applied.value, LIMITS);
  assert.ok(verified.ok);
  assert.ok((await there.undo(plan.payload, applied.value, LIMITS)).ok);
  assert.equal(world.show("main:a.txt"), "one");
});

test("[GI-36] [GI-21] a file that holds a secret travels unreadable; one that brings a secret does not travel", async (t) => {
  const kept = worldWith(t, `const t = "${TOKEN}";\none\n`, `const t = "${TOKEN}";\ntwo\n`);
  const plan = await planned(kept.connector());
  assert.ok(!Buffer.from(plan.payload).toString("latin1").includes(TOKEN.slice(4, 24)));
  assert.ok((await apply(kept.connector({}, { node: "other" }), plan)).ok);
  const brought = worldWith(t, "one\n", `const t = "${TOKEN}";\n`);
  const refused = await planned(brought.connector());
  assert.equal(refused.payload.indexOf(10), -1);
});

test("[GI-36] more than a payload takes stays in the mirror where it was planned, and another node touches nothing", async (t) => {
  const world = worldWith(t, "one\n", "two and more\n");
  const limits = { carriedBytes: 5 };
  const plan = await planned(world.connector({}, { limits }));
  const answer = await apply(world.connector({}, { limits, node: "other" }), plan);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["git_tree_missing", "none"]);
  assert.ok((await apply(world.connector({}, { limits }), plan)).ok);
});

test("[GI-36] content larger than is inspected travels as well", async (t) => {
  const world = worldWith(t, "one\n", `${"x".repeat(100)}\n`);
  const limits = { inspectBytes: 50 };
  const plan = await planned(world.connector({}, { limits }));
  assert.ok((await apply(world.connector({}, { limits, node: "other" }), plan)).ok);
  assert.equal(world.show("main:a.txt"), "x".repeat(100));
});

test("[GI-36] a node with another key opens nothing and touches nothing", async (t) => {
  const world = worldWith(t, "one\n", "two\n");
  const plan = await planned(world.connector());
  const answer = await apply(world.connector({}, { node: "other", key: new Uint8Array(32).fill(8) }), plan);
  assert.ok(!answer.ok);
  assert.deepEqual([answer.error.code, answer.error.effect], ["git_key_differs", "none"]);
});

/** The plan with something else under the seal, as somebody with the key could write it. */
function carrying({ payload, analysis }: Analysed, plain: string): Analysed {
  const read = decodePayload(payload);
  assert.ok(read.ok);
  const { carried: _, ...document } = read.value.payload;
  const bytes = encodePayload(document, seal(Buffer.from(plain), KEY));
  return { payload: bytes, freshForMillis: 1, analysis: { ...analysis, step: { ...analysis.step, payloadDigest: digestOf(bytes) } } };
}

test("[GI-36] [B11] what makes another tree than the approved one, or leaves the repository, is not executed and not kept", async (t) => {
  const world = worldWith(t, "one\n", "two\n");
  const plan = await planned(world.connector());
  const two = world.git(world.bare, "rev-parse", "task:a.txt");
  const list = (value: Json): string => `${canonical(value)}\n`;
  const hostile = [
    "",
    "\n",
    "{}\n",
    list({ entries: [], contents: [] }),
    list({ entries: [["a.txt", "100644", two]], contents: [[two, 5]] }),
    `${list({ entries: [["a.txt", "100644", two]], contents: [[two, 5]] })}evil\n`,
    `${list({ entries: [["a.txt", "100644", two]], contents: [[two, -1]] })}two\n`,
    `${list({
      entries: [
        ["a.txt", "100644", two],
        ["b.txt", "100644", two],
      ],
      contents: [[two, 4]],
    })}two\n`,
    `${list({ entries: [["../a.txt", "100644", two]], contents: [[two, 4]] })}two\n`,
    `${list({ entries: [[".git/config", "100644", two]], contents: [[two, 4]] })}two\n`,
    `${list({ entries: [["a.txt", "040000", two]], contents: [[two, 4]] })}two\n`,
    `${list({ entries: [["a.txt\u0000100644 x\ty", "100644", two]], contents: [[two, 4]] })}two\n`,
    `${list({ entries: [["a.txt", "100644", two]], contents: [[two, 4]] })}two\nmore`,
  ];
  const other = world.connector({}, { node: "other" });
  for (const plain of hostile) {
    const answer = await apply(other, carrying(plan, plain));
    assert.ok(!answer.ok && answer.error.effect === "none", plain);
    assert.ok(["git_content_differs", "git_failed"].includes(answer.error.code), `${plain}: ${answer.error.code}`);
  }
  assert.equal(world.show("main:a.txt"), "one");
  const mirror = join(world.dir, "other", readdirSync(join(world.dir, "other")).find((name) => name.endsWith(".git")) ?? "");
  assert.deepEqual(readdirSync(join(mirror, "pawl")), []);
  assert.equal(world.git(mirror, "for-each-ref", "refs/pawl/plan"), "");
  assert.ok((await apply(other, carrying(plan, `${list({ entries: [["a.txt", "100644", two]], contents: [[two, 4]] })}two\n`))).ok);
});

test("[GI-36] a patch travels like a ref", async (t) => {
  const world = worldWith(t, "one\n", "two\n");
  const patch = patchOf("a.txt", "one\n", "") + patchOf("b/new.txt", "", "new\n");
  const plan = await planned(world.connector(), { repository: "shop", branch: "main", patch, message: "Move on" });
  assert.ok((await apply(world.connector({}, { node: "other" }), plan)).ok);
  assert.equal(world.show("main:b/new.txt"), "new");
});
