/** What was approved is what runs, and on what it was approved on: the same for every kind of step. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { canonical, type JsonObject } from "../../src/core/base/index.ts";
import { good, refusal, WORLD_DIRECTORY, WORLD_POLICY } from "../../src/testing/control-world.ts";
import { withPerson } from "../../src/testing/people.ts";
import { commit, composite, FLAG, flag, leaves, onRequest, restock, type Composite } from "./world.ts";

interface Kind {
  readonly name: string;
  readonly step: JsonObject;
  /** The same with other parameters, and the same for something else. */
  readonly altered: JsonObject;
  readonly elsewhere: JsonObject;
  readonly signer: string;
  /** Somebody else changes what it is about. */
  readonly move: (on: Composite) => unknown;
  /** Everything that it could write to, as text. */
  readonly read: (on: Composite) => Promise<string>;
}

const renamed: JsonObject = {
  connector: "pawl",
  input: { kind: "directory", text: canonical(withPerson("hal", { name: "Harold" }, WORLD_DIRECTORY)) },
};
const branched = commit();
const KINDS: readonly Kind[] = [
  {
    name: "git",
    step: commit(),
    altered: commit("export const limit = 9;\n"),
    elsewhere: { ...branched, input: { ...(branched.input as object), branch: "release" } },
    signer: "di",
    move: ({ git }) => git.commit("main", { "README.md": "moved" }, "past Pawl"),
    read: async ({ git }) => `${git.tip("main")} ${git.tip("release")}`,
  },
  {
    name: "scripted",
    step: flag(),
    altered: flag("off"),
    elsewhere: { connector: "script", input: { target: FLAG, set: "on", environment: "development" } },
    signer: "di",
    move: ({ world }) => world.outside.values.set(FLAG, "past Pawl"),
    read: async ({ world }) => world.outside.writes.join("\n"),
  },
  {
    name: "sql",
    step: restock(),
    altered: restock(7),
    elsewhere: restock(0, "id = 3"),
    signer: "cy",
    move: ({ sql }) => sql.sql("UPDATE stock SET amount = 11 WHERE id = 1"),
    read: ({ stock }) => stock(),
  },
  {
    name: "pawl",
    step: leaves,
    altered: renamed,
    elsewhere: { connector: "pawl", input: { kind: "policy", text: WORLD_POLICY } },
    signer: "cy",
    move: ({ world }) => world.put("directory", withPerson("gus", { name: "Gustav" }, WORLD_DIRECTORY)),
    read: async ({ world }) => canonical(good(await world.control.directory(world.as("cy")))),
  },
];

async function authorised(t: TestContext, { step, signer }: Kind) {
  const on = await composite(t);
  on.git.commit("release", { "src/cart.ts": "export const limit = 5;\n", ".github/CODEOWNERS": "* @acme/identity\n" });
  const change = await on.world.approve((await on.world.propose(onRequest(step), "flo")).id, signer);
  assert.equal(change.status, "authorised");
  return { ...on, change };
}

for (const kind of KINDS) {
  for (const [row, what, other] of [
    ["B11", "the parameters", kind.altered],
    ["B14", "the target", kind.elsewhere],
    ["B13", "the number of steps", undefined],
  ] as const) {
    test(`${kind.name}: [${row}] ${what} altered after approval: nothing that was signed stands, and nothing is written`, async (t) => {
      const { world, change, ...on } = await authorised(t, kind);
      const before = await kind.read({ world, ...on });
      const steps = other === undefined ? [kind.step, flag("on", "another")] : [other];
      good(await world.control.revise(world.as("flo"), change.id, { ...onRequest(...steps) }));
      await world.settle();
      const now = await world.view(change.id);
      assert.deepEqual([now.status, now.seats?.flatMap(({ signed_by }) => signed_by), now.grant], ["awaiting", [], undefined]);
      assert.equal((await world.runner.desk.start(change.id, change.grant as never, world.runner.trust.runner)).ok, false);
      assert.equal(await kind.read({ world, ...on }), before);
    });
  }

  test(`${kind.name}: [B12] [B15] what it is about is changed by somebody else after approval: stale, both fingerprints, nothing is written`, async (t) => {
    const { world, change, ...on } = await authorised(t, kind);
    await kind.move({ world, ...on });
    await world.settle();
    const before = await kind.read({ world, ...on });
    // Where Pawl itself was changed it has looked already.
    await world.control.run(world.as("flo"), change.id);
    await world.settle();
    const { status, drift } = await world.view(change.id);
    assert.equal(status, "stale");
    assert.ok(drift !== undefined && drift.expected !== drift.observed);
    assert.equal(await kind.read({ world, ...on }), before);
    assert.ok(!(await world.types(change.id)).includes("effect_started"));
  });

  test(`${kind.name}: [B16] a vote that is taken back, or a change that is, before the start means no execution`, async (t) => {
    for (const back of ["vote", "change"] as const) {
      const { world, change, ...on } = await authorised(t, kind);
      const before = await kind.read({ world, ...on });
      if (back === "vote") good(await world.control.withdrawVote(world.as(kind.signer), change.id));
      else good(await world.control.withdraw(world.as("flo"), change.id));
      assert.equal(refusal(await world.control.run(world.as("flo"), change.id)).reason, "not_authorised");
      assert.equal((await world.runner.desk.start(change.id, change.grant as never, world.runner.trust.runner)).ok, false);
      assert.equal(await kind.read({ world, ...on }), before);
    }
  });

  test(`${kind.name}: [TA-8] [LC-14] of two approved plans on one object the second is stale once the first ran, and other content drops its votes`, async (t) => {
    const { world, change, ...on } = await authorised(t, kind);
    const first = await world.approve(
      (await world.propose({ ...onRequest(kind.altered), start: "when-authorised" }, "flo")).id,
      kind.signer,
    );
    assert.equal(first.status, "verified");
    await world.settle();
    const { status, drift } = await world.view(change.id);
    assert.deepEqual([status, drift !== undefined], ["stale", true]);
    const before = await kind.read({ world, ...on });
    const again = good(await world.control.replan(world.as("flo"), change.id));
    assert.ok(["awaiting", "sent_back"].includes(again.status), again.status);
    assert.deepEqual(again.seats?.flatMap(({ signed_by }) => signed_by) ?? [], []);
    assert.equal(await kind.read({ world, ...on }), before);
  });

  test(`${kind.name}: [LC-14] planned again on the same state, a plan that says the same keeps its votes`, async (t) => {
    const { world, change } = await authorised(t, kind);
    const again = good(await world.control.replan(world.as("flo"), change.id));
    assert.deepEqual([again.status, again.review_digest, again.seats?.[0]?.signed_by.length], ["authorised", change.review_digest, 1]);
    assert.notEqual(again.grant, change.grant);
  });
}
