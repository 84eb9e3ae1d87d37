/** A change through the whole of control: proposed, approved, and then run on a database that moved, or that does not hold what was hoped. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { TestContext } from "node:test";
import { ControlWorld } from "../../../src/testing/control-world.ts";
import { KINDS, openWorld, rowsOf } from "./world.ts";
import type { Kind, World } from "./world.ts";

const SETUP = `CREATE TABLE users (id integer PRIMARY KEY, name text NOT NULL, age integer);
  INSERT INTO users VALUES (1, 'Ada', 36), (2, 'Grace', 45), (3, 'Edsger', 72)`;
const UPDATE = "UPDATE users SET age = age + 1 WHERE age > 40";

async function opened(t: TestContext, kind: Kind): Promise<{ world: World; control: ControlWorld }> {
  const world = await openWorld(t, kind, SETUP);
  const control = await ControlWorld.open({ connectors: [world.connector] });
  t.after(() => control.close());
  return { world, control };
}

const change = (statements: string, more: Readonly<Record<string, string[]>> = {}) => ({
  title: "Make people older",
  start: "on-request",
  steps: [{ connector: "sql", input: { database: "shop", statements, ...more } }],
});

async function run(control: ControlWorld, id: string): Promise<string> {
  const asked = await control.control.run(control.as("hal"), id);
  assert.ok(asked.ok, JSON.stringify(asked));
  await control.settle();
  return (await control.view(id)).status;
}

for (const kind of KINDS) {
  test(`${kind}: approved and run, the rows are what was approved`, async (t) => {
    const { world, control } = await opened(t, kind);
    const proposed = await control.propose(change(UPDATE));
    assert.equal((await control.approve(proposed.id, "bo")).status, "authorised");
    assert.equal(await run(control, proposed.id), "verified");
    assert.deepEqual(
      (await rowsOf(world, "users")).map((row) => row[2]),
      [36, 46, 73],
    );
  });

  test(`${kind}: [SQ-20] [B12] [D30] a row that moved after the approval: stale, both fingerprints, zero writes`, async (t) => {
    const { world, control } = await opened(t, kind);
    const proposed = await control.propose(change(UPDATE));
    await control.approve(proposed.id, "bo");
    await world.sql("UPDATE users SET age = 50 WHERE id = 1");
    const before = await rowsOf(world, "users");
    assert.notEqual(await run(control, proposed.id), "verified");
    const stale = (await control.events(proposed.id)).find(({ type }) => /stale/.test(type));
    assert.ok(stale !== undefined, JSON.stringify(await control.types(proposed.id)));
    const said = JSON.stringify(stale);
    assert.equal(new Set(said.match(/sha256:[0-9a-f]{64}/g)).size >= 2, true, said);
    assert.deepEqual(await rowsOf(world, "users"), before);
  });

  test(`${kind}: [SQ-20] [B11] a schema that moved after the approval is stale too`, async (t) => {
    const { world, control } = await opened(t, kind);
    const proposed = await control.propose(change(UPDATE));
    await control.approve(proposed.id, "bo");
    await world.sql("CREATE INDEX by_age ON users (age)");
    const before = await rowsOf(world, "users");
    assert.notEqual(await run(control, proposed.id), "verified");
    assert.ok((await control.types(proposed.id)).some((type) => /stale/.test(type)));
    assert.deepEqual(await rowsOf(world, "users"), before);
  });

  test(`${kind}: [SQ-24] a check that does not hold: undone, and every row is what it was`, async (t) => {
    const { world, control } = await opened(t, kind);
    const before = await rowsOf(world, "users");
    const proposed = await control.propose(change(UPDATE, { verify: ["SELECT max(age) < 73 FROM users"] }));
    await control.approve(proposed.id, "bo");
    assert.equal(await run(control, proposed.id), "undone");
    assert.deepEqual(await rowsOf(world, "users"), before);
  });
}

for (const kind of KINDS) {
  test(`${kind}: [SQ-31] [SQ-20] [CO-24] [B12] tried out on a copy, a row that moved in the real database: stale, both fingerprints, zero writes`, async (t) => {
    const world = await openWorld(t, kind, SETUP);
    // PostgreSQL's copy knows nothing of what moves; SQLite's is made anew, so here the row moves after the last look.
    const copy = kind === "postgres" ? (await openWorld(t, kind, SETUP)).url : "";
    const connector = world.connect({ rehearse: "copy", ...(kind === "postgres" && { copyUrlEnv: "COPY_URL" }) }, { COPY_URL: copy });
    const move = (): Promise<unknown> => world.sql("UPDATE users SET age = 50 WHERE id = 2");
    const control = await ControlWorld.open({
      connectors: [
        {
          ...connector,
          apply: async (payload, expected, limits) => {
            if (kind === "sqlite") await move();
            return connector.apply(payload, expected, limits);
          },
        },
      ],
    });
    t.after(() => control.close());
    const proposed = await control.propose(change(UPDATE));
    await control.approve(proposed.id, "bo");
    if (kind === "postgres") await move();
    assert.equal(await run(control, proposed.id), "stale");
    const stale = (await control.events(proposed.id)).find(({ type }) => type === "staled");
    assert.ok(stale?.type === "staled");
    assert.match(stale.observed, /^sha256:/);
    assert.notEqual(stale.observed, stale.expected);
    assert.deepEqual(
      (await rowsOf(world, "users")).map((row) => row[2]),
      [36, 50, 72],
    );
  });
}
