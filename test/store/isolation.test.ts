/** What must happen once happens once at every isolation level: a constraint and a conditional update carry it, not the level. */
import assert from "node:assert/strict";
import test, { type TestContext } from "node:test";
import { Client } from "pg";
import { fsck, inspectPostgres, openPostgres, type OpenStore } from "../../src/store/index.ts";
import { connections } from "../../src/store/postgres/connect.ts";
import { administer, freshDatabase, postgresServer } from "../../src/testing/postgres.ts";
import { counted, gathered, ORIGIN, signer } from "./world.ts";

const LEVELS = ["read committed", "repeatable read", "serializable"] as const;
const NODES = 3;
const ROUNDS = 12;
const identity = { origin: ORIGIN, signer };

/** A database whose sessions begin at this level unless they say otherwise, with three nodes on it. */
async function nodesAt(t: TestContext, level: string): Promise<{ readonly url: string; readonly nodes: readonly OpenStore[] }> {
  const url = await freshDatabase(t);
  await administer(
    await postgresServer(),
    `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_isolation = '${level}'`,
  );
  const nodes: OpenStore[] = [];
  for (let n = 0; n < NODES; n += 1) {
    const opened = await openPostgres({ url, ...identity });
    assert.ok(opened.ok, JSON.stringify(opened));
    nodes.push(opened.value);
    t.after(() => opened.value.close());
  }
  return { url, nodes };
}

type Answers = readonly Awaited<ReturnType<OpenStore["append"]>>[];

/** Two runners on each node want one grant; each node has two votes of one person; all write the change at the version they saw. */
async function race(nodes: readonly OpenStore[], round: number): Promise<{ readonly starts: Answers; readonly votes: Answers }> {
  const each = nodes.flatMap((node, n) => [0, 1].map((k) => ({ node, who: `${n}.${k}` })));
  const starts = each.map(({ node, who }) =>
    node.append({ writes: [counted(`change/run${round}`, 0)], claims: [{ kind: "consume", key: `grt_${round}`, value: who }] }),
  );
  const votes = each.map(({ node, who }) =>
    node.append({ writes: [gathered(`ballot/${round}`)], claims: [{ kind: "vote", key: `chg_${round}/1/bo`, value: who }] }),
  );
  return { starts: await Promise.all(starts), votes: await Promise.all(votes) };
}

const won = (answers: Answers): number => answers.filter(({ ok }) => ok).length;
const refusals = (answers: Answers): readonly string[] => [...new Set(answers.flatMap((answer) => (answer.ok ? [] : [answer.error.code])))];

for (const level of LEVELS) {
  test(`[ST-55] [I71] [D31] where a database says ${level}, three nodes consume a grant once and count a vote once`, async (t) => {
    const { url, nodes } = await nodesAt(t, level);
    for (let round = 0; round < ROUNDS; round += 1) {
      const { starts, votes } = await race(nodes, round);
      assert.deepEqual([won(starts), won(votes)], [1, 1]);
      for (const code of [...refusals(starts), ...refusals(votes)]) assert.ok(["claim_taken", "version_conflict"].includes(code), code);
    }
    const pool = connections(url, 1, false);
    assert.deepEqual((await pool.query("SHOW transaction_isolation")).rows, [{ transaction_isolation: "read committed" }]);
    await pool.end();
    assert.equal((await nodes[0]?.head())?.size, 2 * ROUNDS);
    assert.ok((await fsck(inspectPostgres({ url, ...identity }))).ok);
  });

  test(`[ST-55] [I71] and were every commit made at ${level}, none would happen twice`, async (t) => {
    const { url, nodes } = await nodesAt(t, level);
    const levels = atLevel(t, level);
    let [started, voted] = [0, 0];
    for (let round = 0; round < ROUNDS; round += 1) {
      const { starts, votes } = await race(nodes, round);
      assert.ok(won(starts) <= 1 && won(votes) <= 1, `${won(starts)} starts, ${won(votes)} votes`);
      // A transaction that the server will not order is undone, and says so: nothing of it is left.
      for (const code of [...refusals(starts), ...refusals(votes)])
        assert.ok(["claim_taken", "version_conflict", "store_unavailable"].includes(code), code);
      started += won(starts);
      voted += won(votes);
    }
    assert.ok(levels() > ROUNDS, "commits were made at that level");
    assert.ok(started > 0 && voted > 0);
    assert.equal((await nodes[0]?.head())?.size, started + voted);
    assert.ok((await fsck(inspectPostgres({ url, ...identity }))).ok);
  });
}

/** Has the store's transactions begin at another level than it asks for; tells how many did. */
function atLevel(t: TestContext, level: string): () => number {
  const prototype = Client.prototype as unknown as { query: (...args: unknown[]) => unknown };
  const { query } = prototype;
  let begun = 0;
  prototype.query = function (this: unknown, ...args: unknown[]): unknown {
    if (args[0] !== "BEGIN ISOLATION LEVEL READ COMMITTED") return query.apply(this, args);
    begun += 1;
    return query.apply(this, [`BEGIN ISOLATION LEVEL ${level}`, ...args.slice(1)]);
  };
  t.after(() => void (prototype.query = query));
  return () => begun;
}
