import assert from "node:assert/strict";
import { test } from "node:test";
import { StoreUnreadable } from "../../src/control/ports.ts";
import { ControlWorld, good, ordinary } from "../../src/testing/control-world.ts";

test("[ST-22] [I70] a list of which a part could not be read is no shorter list", async () => {
  const world = await ControlWorld.open();
  await world.propose(ordinary());
  await world.propose(ordinary("another"));
  let reads = 0;
  const payload = world.deps.store.payload.bind(world.deps.store);
  world.between({
    payload: async (digest) => {
      if ((reads += 1) === 2) throw new StoreUnreadable("the connection was cut");
      return payload(digest);
    },
  });
  const list = () => world.control.list(world.as("hal"), { limit: 10 });
  await assert.rejects(list(), StoreUnreadable);
  assert.equal(good(await list()).changes.length, 2);
  await world.close();
});
