/** The database goes away between a write and its answer, and is back a moment later. */
import assert from "node:assert/strict";
import test from "node:test";
import { StoreUnreadable } from "../../src/control/ports.ts";
import { ControlWorld, ordinary } from "../../src/testing/control-world.ts";
import { runChange } from "../../src/runner/runner.ts";

const WRONG = { code: "wrong", message: "not as planned", effect: "none" } as const;

for (const [lost, end] of [
  ["effect_started", "verified"],
  ["effect_done", "verified"],
  ["verified", "verified"],
  ["undo_started", "undone"],
] as const) {
  test(`[D36, CO-28] the entry ${lost} is written and its answer lost with the database: once it is back, the run goes on`, async () => {
    const world = await ControlWorld.open();
    const change = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
    if (end === "undone") world.outside.before = async (operation) => (operation === "verify" ? { ok: false, error: WRONG } : undefined);
    let away = 0;
    const { store } = world.deps;
    world.between({
      append: async (request: Parameters<typeof store.append>[0]) => {
        const answer = await store.append(request);
        const types = request.writes.flatMap(({ events }) => events.map((event) => (event as { readonly type: string }).type));
        if (away > 0 || !types.includes(lost)) return answer;
        away = 1;
        return { ok: false, error: { code: "store_unavailable", message: "gone", details: { outcome: "unknown" } } };
      },
      history: async (...args: Parameters<typeof store.history>) => {
        if (away !== 1) return store.history(...args);
        away = 2;
        throw new StoreUnreadable("the database cannot be read: gone");
      },
    });
    const run = { over: false };
    const running = runChange(world.runner, change.id).finally(() => (run.over = true));
    // The runner rests before it says again what nobody seems to have heard.
    for (; !run.over; await new Promise(setImmediate)) world.time.pass(100);
    assert.deepEqual(await running, { kind: "ended", end, code: end === "verified" ? end : "verification_failed" });
    assert.equal((await world.view(change.id)).status, end);
    assert.equal(world.outside.writes.length, end === "verified" ? 1 : 2);
  });
}
