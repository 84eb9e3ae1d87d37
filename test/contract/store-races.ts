import assert from "node:assert/strict";
import test from "node:test";
import { accepted, allEntries, counted, gathered, text } from "../store/world.ts";
import type { OpenStore } from "../../src/store/index.ts";
import type { Suite } from "./store-suite.ts";
import { leafOf, rootOf } from "./store-tree.ts";

/** Three nodes where the database can have several. */
async function nodes({ make }: Suite, t: Parameters<Suite["make"]>[0], count = 3): Promise<OpenStore[]> {
  const database = await make(t);
  const opened: OpenStore[] = [];
  for (let i = 0; i < count; i++) opened.push(await database.open());
  return opened;
}

export function racesContract(suite: Suite): void {
  const { name } = suite;

  test(`${name}: [ST-6, D31] of 1,000 parallel appends with one consume claim exactly one wins`, async (t) => {
    const stores = await nodes(suite, t);
    const claim = (value: string) => ({ kind: "consume", key: "gra_1", value });
    const answers = await Promise.all(
      Array.from({ length: 1000 }, (_, i) =>
        (stores[i % stores.length] as OpenStore).append({ writes: [gathered(`run/${i}`)], claims: [claim(`run_${i}`)] }),
      ),
    );
    const won = answers.flatMap((answer, i) => (answer.ok ? [i] : []));
    assert.equal(won.length, 1);
    for (const answer of answers) {
      if (answer.ok) continue;
      assert.equal(answer.error.code, "claim_taken");
      assert.deepEqual(answer.error.claim, claim(`run_${won[0]}`));
    }
    assert.equal((await stores[0]?.head())?.size, 1);
  });

  test(`${name}: [ST-4] appends that wait together share one commit and one checkpoint`, async (t) => {
    const [store] = await nodes(suite, t, 1);
    assert.ok(store);
    const receipts = await Promise.all(Array.from({ length: 400 }, (_, i) => accepted(store, { writes: [counted(`change/${i}`, 0)] })));
    assert.deepEqual(
      receipts.flatMap(({ indexes }) => indexes).toSorted((a, b) => a - b),
      [...receipts.keys()],
    );
    // The first may start at once; all others wait for it and become one commit.
    const sizes = (await store.checkpoints(10)).map(({ size }) => size);
    assert.deepEqual(sizes, sizes.length === 2 ? [400, 0] : [400, 1, 0]);
  });

  test(`${name}: [ST-7] in one batch each request is decided on its own, and the first of two rivals wins`, async (t) => {
    const [store] = await nodes(suite, t, 1);
    assert.ok(store);
    const ask = (...[stream, expected, claims]: [string, number, string?]) =>
      store.append({
        writes: [counted(stream, expected)],
        ...(claims && { claims: [{ kind: "vote", key: claims, value: `${stream}@${expected}` }] }),
      });
    const answers = await Promise.all([
      ask("warm/up", 0),
      ask("change/a", 0),
      ask("change/a", 0),
      ask("change/a", 1),
      ask("change/b", 0, "seat"),
      ask("change/c", 0, "seat"),
      ask("change/b", 5),
      ask("change/c", 0, "other seat"),
    ]);
    const codes = answers.map((answer) => (answer.ok ? answer.value.indexes[0] : answer.error.code));
    assert.deepEqual(codes, [0, 1, "version_conflict", 2, 3, "claim_taken", "version_conflict", 4]);
    assert.deepEqual(answers[5]?.ok ? "" : answers[5]?.error.claim?.value, "change/b@0");
    assert.ok((await store.checkpoints(10)).length <= 3);
    assert.equal((await store.load("change/a"))?.version, 2);
  });

  test(`${name}: [ST-3, ST-5] several nodes and a hundred writers keep versions, indexes and checkpoints in one line`, async (t) => {
    const stores = await nodes(suite, t);
    const writer = async (i: number): Promise<number> => {
      const store = stores[i % stores.length] as OpenStore;
      let done = 0;
      while (done < 4) {
        const version = (await store.load(`shared/${i % 10}`))?.version ?? 0;
        const answer = await store.append({ writes: [counted(`shared/${i % 10}`, version), gathered("audit")] });
        if (answer.ok) done++;
        else assert.equal(answer.error.code, "version_conflict");
      }
      return done;
    };
    const done = await Promise.all(Array.from({ length: 100 }, (_, i) => writer(i)));
    assert.equal(done.length, 100);
    const [store] = stores;
    assert.ok(store);
    const entries = await allEntries(store);
    assert.equal(entries.length, 800);
    for (let s = 0; s < 10; s++) {
      const numbers: number[] = (await store.history(`shared/${s}`, 0, 100)).map(
        ({ bytes }) => (JSON.parse(text(bytes)) as { n: number }).n,
      );
      assert.deepEqual(numbers, [...Array(40).keys()]);
    }
    const leaves = entries.map((entry) => leafOf(new TextEncoder().encode(entry)));
    for (const { size, note } of await store.checkpoints(1000)) {
      assert.equal(note.split("\n")[2], Buffer.from(rootOf(leaves.slice(0, size))).toString("base64"));
    }
  });
}
