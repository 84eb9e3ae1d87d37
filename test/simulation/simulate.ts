/** Whole worlds: made from a seed, made again from their actions, and judged. */
import type { ChangeEvent } from "../../src/core/change/index.ts";
import { refold } from "../../src/control/index.ts";
import { canonical, type Json } from "../../src/core/base/index.ts";
import { Dice } from "../../src/testing/dice.ts";
import { check, type Fault } from "../../src/testing/history.ts";
import type { Action, Ground } from "./actions.ts";
import { climateOf, nextDeed, type Climate } from "./chance.ts";
import { step } from "./engine.ts";
import { checkStored } from "./ledger.ts";
import { Broken } from "./scheduler.ts";
import { settle } from "./settle.ts";
import { firstStart, World, type Base } from "./world.ts";

/** Small enough that a failure is near its beginning, large enough that changes live and die in it. */
export const WORLD_STEPS = 4_000;

export interface Failure extends Ground {
  readonly seed: number;
  readonly step: number;
  readonly invariant: number;
  readonly message: string;
  readonly change: string | undefined;
  readonly actions: readonly Action[];
}

export interface Outcome {
  readonly world: World;
  readonly failure: Failure | undefined;
}

let base: Promise<Base> | undefined;

/** What a test of the simulator itself does to a world, and where its diary goes. */
export interface Options {
  readonly spoil?: (world: World) => void;
  readonly diary?: string[];
}

async function fresh(ground: Ground, { spoil, diary }: Options): Promise<World> {
  const world = new World(await (base ??= firstStart()), ground, diary);
  spoil?.(world);
  return world;
}

/** Runs so many steps of the world that the seed makes, then lets the faults stop and waits for rest. */
export async function simulate(seed: number, steps: number, options: Options = {}): Promise<Outcome> {
  const dice = new Dice(seed);
  const climate: Climate = climateOf(dice);
  const world = await fresh(climate, options);
  const actions: Action[] = [];
  for (let n = 1; n <= steps && world.failure === undefined; n++) {
    const action = { n, ...nextDeed(world, dice, climate, n) };
    actions.push(action);
    await step(world, action);
  }
  await judge(world, steps);
  return { world, failure: failureOf(world, seed, climate, actions) };
}

/** The same actions again, or some of them. */
export async function replay(actions: readonly Action[], ground: Ground, options: Options = {}): Promise<Outcome> {
  const world = await fresh(ground, options);
  const done: Action[] = [];
  for (const action of actions) {
    if (world.failure !== undefined) break;
    done.push(action);
    await step(world, action);
  }
  await judge(world, actions.at(-1)?.n ?? 0);
  return { world, failure: failureOf(world, 0, ground, done) };
}

async function judge(world: World, steps: number): Promise<void> {
  try {
    if (world.failure === undefined) await settle(world, steps);
    if (world.failure === undefined) atTheEnd(world);
  } catch (error) {
    world.broke(error);
  }
}

/** What is dear to check is checked once: the bytes as they are stored, the states as the fold of their entries, what clients were told. */
function atTheEnd(world: World): void {
  const { disk, oracle } = world;
  checkStored(disk);
  const ledger = new Map<string, { events: ChangeEvent[]; decisions?: ReadonlySet<number> }>();
  for (const [stream, rows] of disk.histories) {
    const events = rows.map(({ bytes }) => (JSON.parse(new TextDecoder().decode(bytes)) as { event: Json }).event);
    const folded = refold(stream, events);
    const stored = disk.streams.get(stream)?.body;
    if (folded !== undefined && canonical(folded) !== stored)
      throw new Broken(13, `the stored state of ${stream} is not the fold of its entries`);
    const change = stream.startsWith("change/") ? stream.slice("change/".length) : undefined;
    if (change === undefined) continue;
    const decisions = oracle.decisions.get(change);
    ledger.set(change, { events: events as unknown as ChangeEvent[], ...(decisions === undefined ? {} : { decisions }) });
  }
  const fault = check({ operations: world.recorder.operations(), ledger, everybody: false }).find((each) => !isTwin(each));
  if (fault !== undefined)
    throw new Broken(10, `what clients were told is no order of what happened: ${fault.code}, ${fault.message}`, fault.change);
}

/** Two who ask the same in the same millisecond by the same name make the same entry: whose it is, nobody can say, nor need. */
const isTwin = ({ code, operations: [one, other] }: Fault): boolean =>
  code === "doubled_version" && one?.kind === other?.kind && one?.by === other?.by;

function failureOf(
  { failure, steps }: World,
  seed: number,
  { locked, coarse = false }: Ground,
  actions: readonly Action[],
): Failure | undefined {
  if (failure === undefined) return undefined;
  const { invariant, message, change } = failure;
  return { seed, step: steps, invariant, message, change, locked, coarse, actions: [...actions] };
}
