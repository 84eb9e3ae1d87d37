/** A server's world in a process of its own: so many changes are proposed until people must look, and then it rests. */
import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";
import { DatabaseSync } from "node:sqlite";
import type { Json } from "../src/core/base/index.ts";
import { benchWorld, proposal } from "./http-world.ts";
import type { Measured } from "./memory.ts";

const changes = Number(process.argv[2]);
const WARM_UP = 200;
const AT_ONCE = 16;

const world = await benchWorld();
const caller = await world.control.authenticate(world.bearer, "api");
assert.ok(caller.ok);
const by = caller.value;
let proposed = 0;

async function propose(count: number): Promise<void> {
  const until = proposed + count;
  const one = async (): Promise<void> => {
    while (proposed < until) {
      const answer = await world.control.propose(
        by,
        JSON.parse(proposal(String((proposed += 1)), "services/payments")) as Json,
        undefined,
        1_000,
      );
      assert.ok(answer.ok && answer.value.status === "awaiting", JSON.stringify(answer));
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
}

async function atRest(): Promise<NodeJS.MemoryUsage> {
  world.outside.calls.length = 0;
  for (let i = 0; i < 4; i++) {
    await setTimeout(50);
    globalThis.gc?.();
  }
  return process.memoryUsage();
}

const held = ({ heapUsed, external }: NodeJS.MemoryUsage): number => heapUsed + external;

function states(): number {
  const db = new DatabaseSync(world.path, { readOnly: true });
  const { size } = db.prepare("SELECT sum(length(body)) AS size FROM streams WHERE kind = 'change'").get() as { readonly size: number };
  db.close();
  return size;
}

// What a first use brings along, code and caches, is there before and after.
await propose(WARM_UP);
const before = [await atRest(), states()] as const;
await propose(changes);
const after = [await atRest(), states()] as const;
const measured: Measured = { heap: held(after[0]) - held(before[0]), resident: after[0].rss - before[0].rss, states: after[1] - before[1] };
console.log(JSON.stringify(measured));
await world.close();
