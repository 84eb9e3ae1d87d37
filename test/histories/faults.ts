/** What befalls the nodes: they are paused, killed, cut off and slowed, at moments that the seed chooses. */
import { setTimeout as wait } from "node:timers/promises";
import type { Dice } from "../../src/testing/dice.ts";
import type { Cluster, Node } from "./cluster.ts";

const FAULTS = { pause: 3, kill: 2, cut: 2, hold: 3, reset: 1, delay: 2 };
export type FaultName = keyof typeof FAULTS;
export type FaultCounts = Record<FaultName, number>;
export const noFaults = (): FaultCounts => ({ pause: 0, kill: 0, cut: 0, hold: 0, reset: 0, delay: 0 });

/** Many are shorter than a lease, some much longer. */
const longest: Readonly<FaultCounts> = { pause: 5_000, kill: 800, cut: 5_000, hold: 5_000, reset: 800, delay: 3_000 };

/** Until it is over, each node has its own troubles; one is always left alone. When this ends, all are well again. */
export async function trouble({ nodes }: Cluster, dice: readonly Dice[], isOver: () => boolean, counts: FaultCounts): Promise<void> {
  let troubled = 0;
  const one = async (node: Node, own: Dice): Promise<void> => {
    while (!isOver()) {
      await wait(200 + own.below(2_300));
      const fault = own.weighted(FAULTS);
      const millis = Math.floor(longest[fault] * (0.05 + 0.95 * own.next() ** 2));
      if (isOver() || troubled + 1 >= nodes.length) continue;
      troubled += 1;
      counts[fault] += 1;
      try {
        await befall(node, fault, millis, own);
      } finally {
        troubled -= 1;
      }
    }
  };
  await Promise.all(nodes.map((node, at) => one(node, dice[at] as Dice)));
}

async function befall(node: Node, fault: FaultName, millis: number, dice: Dice): Promise<void> {
  switch (fault) {
    case "pause":
      node.pause();
      await wait(millis);
      return node.resume();
    case "kill":
      node.kill();
      await wait(millis);
      return node.restart();
    case "cut":
    case "hold":
    case "reset":
      node.proxy[fault]();
      await wait(millis);
      return node.proxy.heal();
    case "delay":
      node.proxy.delay(2 + dice.below(60));
      await wait(millis);
      return node.proxy.delay(0);
  }
}
