import assert from "node:assert/strict";
import test from "node:test";
import { millis } from "../../src/core/base/index.ts";
import { accepted, gathered, heard } from "../store/world.ts";
import type { OpenStore } from "../../src/store/index.ts";
import type { Suite } from "./store-suite.ts";

const item = (key: string, dueAt: number) => ({ key, kind: "tell", body: { key }, dueAt: millis(dueAt) });
const keys = (items: readonly { key: string }[]): string[] => items.map(({ key }) => key);

export function outboxContract({ name, make }: Suite): void {
  test(`${name}: [ST-23] the same key is put into the outbox once`, async (t) => {
    const store = await (await make(t)).open();
    const put = (...items: string[]) => store.append({ writes: [gathered("audit")], outbox: items.map((key) => item(key, 0)) });
    await Promise.all([put("a"), put("a", "b"), put("b", "c")]);
    await put("c", "a", "d");
    const taken = await store.takeDue(millis(1), 10, 10);
    assert.deepEqual(keys(taken), ["a", "b", "c", "d"]);
    await store.settle(taken[0]?.id ?? -1);
    await put("a");
    assert.deepEqual(keys(await store.takeDue(millis(100), 10, 10)), ["b", "c", "d"]);
  });

  test(`${name}: [ST-24] a taken item is hidden until its lease ends, then handed out again with its attempts counted`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [gathered("audit")], outbox: [item("late", 50), item("second", 20), item("first", 10)] });
    assert.deepEqual(keys(await store.takeDue(millis(9), 100, 10)), []);
    const [first] = await store.takeDue(millis(20), 100, 1);
    assert.deepEqual({ ...first, id: 0 }, { ...item("first", 10), id: 0, attempts: 1 });
    assert.deepEqual(keys(await store.takeDue(millis(20), 100, 10)), ["second"]);
    assert.deepEqual(keys(await store.takeDue(millis(119), 100, 10)), ["late"]);
    const again = await store.takeDue(millis(120), 100, 10);
    assert.deepEqual(
      again.map(({ key, attempts }) => [key, attempts]),
      [
        ["first", 2],
        ["second", 2],
      ],
    );
  });

  test(`${name}: [ST-25] a settled item never returns; one put off returns when it is due`, async (t) => {
    const store = await (await make(t)).open();
    await accepted(store, { writes: [gathered("audit")], outbox: [item("a", 0), item("b", 0)] });
    const [a, b] = await store.takeDue(millis(0), 1000, 10);
    assert.ok(a && b);
    await store.settle(a.id);
    await store.retryAt(b.id, millis(30));
    assert.deepEqual(await store.takeDue(millis(29), 1000, 10), []);
    assert.deepEqual(keys(await store.takeDue(millis(30), 1000, 10)), ["b"]);
    await store.retryAt(a.id, millis(0));
    assert.deepEqual(keys(await store.takeDue(millis(9999), 1000, 10)), ["b"]);
  });

  test(`${name}: [ST-24] nobody takes what another has taken`, async (t) => {
    const database = await make(t);
    const stores = [await database.open(), await database.open()];
    const items = Array.from({ length: 60 }, (_, i) => item(`k${i}`, i));
    await accepted(stores[0] as never, { writes: [gathered("audit")], outbox: items });
    const taken = await Promise.all(Array.from({ length: 12 }, (_, i) => (stores[i % 2] as OpenStore).takeDue(millis(100), 1000, 5)));
    const all = taken.flatMap((each) => keys(each));
    assert.equal(new Set(all).size, all.length);
    const rest = (await stores[0]?.takeDue(millis(100), 1000, 100)) ?? [];
    assert.equal(all.length + rest.length, 60);
  });

  test(`${name}: [ST-26] whoever watches hears the names of the streams of each commit until it stops`, async (t) => {
    const database = await make(t);
    const [here, there] = [await database.open(), await database.open()];
    const both = Promise.all([heard(here, "audit"), heard(there, "audit")]);
    await accepted(here, { writes: [gathered("audit")] });
    assert.deepEqual(await both, [["audit"], ["audit"]]);
    let late = 0;
    here.watch(() => late++)();
    const next = heard(here, "other");
    await accepted(there, { writes: [gathered("other")] });
    await next;
    assert.equal(late, 0);
  });
}
