/** What was read by the declarations of one moment does not start under those of another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Connector } from "../../src/control/ports.ts";
import { configDesk } from "../../src/control/index.ts";
import { digestOf, ok, type GrantId } from "../../src/core/base/index.ts";
import { NO_DECLARATIONS } from "../../src/core/operation/index.ts";
import { ControlWorld, good, idOf, ordinary } from "../../src/testing/control-world.ts";
import { Outside } from "../../src/testing/scripted-connector.ts";

/** A connector whose plans say which declarations they were read by. */
function marked(outside: Outside, text: string): Connector {
  const plain = outside.connector();
  return {
    ...plain,
    async analyse(input, limits) {
      const made = await plain.analyse(input, limits);
      if (!made.ok) return made;
      return ok({ ...made.value, analysis: { ...made.value.analysis, context: { declarations: digestOf(text) } } });
    },
  };
}

test("[OP-4, B11] declarations that moved since the plan keep a signed change from starting, and those that stand do not", async () => {
  const outside = new Outside();
  const world = await ControlWorld.open({ outside, connectors: [marked(outside, NO_DECLARATIONS)] });
  const signed = async () => world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  const started = async () => {
    const change = await signed();
    return world.runner.desk.start(idOf(change), change.grant as GrantId, world.runner.trust.runner);
  };
  good(await started());
  const waiting = await signed();
  const desk = configDesk(world.deps);
  assert.equal((await desk.current("connectors")).text, NO_DECLARATIONS);
  good(await desk.replace("connectors", digestOf(NO_DECLARATIONS), `${NO_DECLARATIONS}http: []\n`));
  const late = await world.runner.desk.start(idOf(waiting), waiting.grant as GrantId, world.runner.trust.runner);
  assert.equal(!late.ok && late.error.code, "declarations_moved");
  assert.deepEqual(outside.writes, []);
});
