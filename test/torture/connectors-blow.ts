/** What is killed, or cut off, and how everything comes up again. */
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import type { Dice } from "../../src/testing/dice.ts";
import type { Deployment } from "./connectors-deployment.ts";
import type { Target } from "./connectors-target.ts";
import { familyOf, isAlive } from "./processes.ts";
import { broken } from "./violation.ts";

const BLOWS = {
  /** With `group` all that it had started goes along; without, that lives on. */
  here: { server: 3, "server group": 3, program: 2, postgres: 3 },
  remote: {
    server: 2,
    "server group": 1,
    runner: 3,
    "runner group": 2,
    child: 2,
    program: 2,
    postgres: 3,
    /** Nothing passes, and it is lost. */
    cut: 2,
    /** Nothing passes, and it arrives late. */
    held: 2,
    /** Connections end, and none is made. */
    reset: 1,
    /** What the runner says arrives; it hears nothing. */
    deaf: 3,
  },
} as const;
export type Blow = keyof (typeof BLOWS)["remote"];

const PARTITIONS = { cut: "cut", held: "hold", reset: "reset", deaf: "deafen" } as const;
export const isPartition = (blow: Blow): boolean => blow in PARTITIONS;

export function blowOf(dice: Dice, { where }: Deployment, { server }: Target): Blow {
  const { postgres, ...rest } = BLOWS[where];
  return dice.weighted<Blow>(server === undefined ? rest : { ...rest, postgres });
}

export class Striker {
  readonly #deployment: Deployment;
  readonly #dice: Dice;
  /** What may still be at work for somebody who is dead. */
  #orphans: readonly number[] = [];

  constructor(deployment: Deployment, dice: Dice) {
    this.#deployment = deployment;
    this.#dice = dice;
  }

  /** What was struck: where there is no such process at the moment, the one that would have started it. */
  async strike(blow: Blow, target: Target): Promise<Blow> {
    const { server, runner } = this.#deployment;
    switch (blow) {
      case "server":
      case "server group":
        await this.#kill(server, blow === "server");
        return blow;
      case "runner":
      case "runner group":
        if (runner !== undefined) await this.#kill(runner, blow === "runner");
        return blow;
      case "child":
      case "program":
        return this.#killChild(blow) ? blow : this.strike(runner === undefined ? "server" : "runner", target);
      case "postgres":
        await target.server?.kill();
        await target.server?.restart();
        return blow;
      default:
        this.#deployment.proxy[PARTITIONS[blow]]();
        return blow;
    }
  }

  #killChild(blow: "child" | "program"): boolean {
    const family = familyOf(this.#deployment.worker.pid).slice(1);
    const found = this.#dice.pick(family.filter((pid) => isChild(pid) === (blow === "child")));
    if (found === undefined) return false;
    this.#orphans = familyOf(found).slice(1);
    if (isAlive(found)) process.kill(found, "SIGKILL");
    return true;
  }

  async #kill(killed: { readonly pid: number; kill(how: "alone" | "group"): Promise<void> }, alone: boolean): Promise<void> {
    this.#orphans = familyOf(killed.pid).slice(1);
    await killed.kill(alone ? "alone" : "group");
  }

  /** What was killed is started again. */
  async startAgain(blow: Blow): Promise<void> {
    if (blow.startsWith("server")) await this.#deployment.startServer();
    if (blow.startsWith("runner")) await this.#deployment.startRunner();
  }

  /** Nobody is at work any more for somebody who is dead, nor for a run that is over. */
  async quiet(): Promise<void> {
    const until = Date.now() + 40_000;
    while (this.#orphans.some(isAlive) || this.#isRunning()) {
      if (Date.now() > until)
        throw broken(`still at work: ${this.#orphans.filter(isAlive).map(nameOf).join(", ")} ${this.#deployment.runner?.said()}`);
      await wait(20);
    }
    this.#orphans = [];
  }

  #isRunning(): boolean {
    const said = this.#deployment.runner?.said() ?? "";
    return (said.match(/running chg_\w+/g) ?? []).length > (said.match(/^.*chg_\w+: .*$/gm) ?? []).length;
  }
}

function nameOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

const isChild = (pid: number): boolean => nameOf(pid).includes("connector-child");
