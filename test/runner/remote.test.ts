/** The whole way of a change whose work a `pawl runner` elsewhere does: a process of its own, with the real git connector. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { ChangeView, EventView } from "../../src/control/types.ts";
import { BROKEN, CART, type Ran } from "../cli/world.ts";
import { fileAt, remoteWorld, type RemoteWorld } from "./world.ts";

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it says what the caller expects to find
const document = <T>(ran: Ran): T => JSON.parse(ran.out) as T;

async function proposed(world: RemoteWorld, patch: string): Promise<string> {
  await writeFile(join(world.dir, "change.patch"), patch);
  const ran = await world.as("agent", "propose", "--title", "A change", "--repo", "shop", "--branch", "main", "--patch", "change.patch", "--wait", "--quiet");
  assert.equal(ran.code, 0, ran.err + ran.out);
  return ran.out.trim();
}

test("[RU-1] [RU-5] a change is analysed, run and proven where the credentials are, by a process that only dials out", async (t) => {
  const world = await remoteWorld(t);
  const runner = await world.enrol("cellar");
  const process = await world.start(t, "cellar");
  const id = await proposed(world, CART);
  const approved = await world.as("linus", "approve", id, "--yes", "--wait");
  assert.equal(approved.code, 0, approved.err + approved.out + process.said());
  assert.match(approved.out, /verified/);
  assert.match(fileAt(world.repository, "src/cart.js"), /Math\.round/);
  const { run } = document<ChangeView>(await world.as("linus", "show", id, "--json"))["change" as never] as unknown as ChangeView;
  assert.equal(run?.runner, runner);
  assert.match((await world.as("ada", "runner", "list")).out, new RegExp(`${runner} +connected +cellar +git`));
  const { events } = document<{ events: readonly EventView[] }>(await world.as("agent", "show", id, "--events", "--json"));
  assert.deepEqual(
    events.map(({ type }) => type),
    ["proposed", "planned", "routed", "voted", "authorised", "run_started", "effect_started", "effect_done", "applied", "verified"],
  );
  assert.equal(await process.stop(), 0);
});

test("[RU-5] what fails its verification elsewhere is undone there, under a grant of its own", async (t) => {
  const world = await remoteWorld(t);
  await world.enrol("cellar");
  const process = await world.start(t, "cellar");
  const before = fileAt(world.repository, "src/cart.js");
  const id = await proposed(world, BROKEN);
  const approved = await world.as("linus", "approve", id, "--yes", "--wait");
  assert.equal(approved.code, 1, approved.err + approved.out);
  assert.match(approved.out, /undone/, process.said());
  assert.equal(fileAt(world.repository, "src/cart.js"), before);
});
