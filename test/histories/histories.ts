/** A whole run: nodes, clients, faults, and the judgement. */
import { Dice } from "../../src/testing/dice.ts";
import { Client, Scene } from "./clients.ts";
import type { Cluster } from "./cluster.ts";
import { noFaults, trouble, type FaultCounts } from "./faults.ts";
import { judge, type Judged } from "./judge.ts";

const CLIENTS = 14;

export interface Summary extends Judged {
  readonly seconds: number;
  readonly operations: Readonly<Record<"accepted" | "refused" | "unknown", number>>;
  readonly heads: number;
  readonly changes: number;
  readonly faults: FaultCounts;
}

export interface RunOptions {
  readonly seconds: number;
  readonly seed: number;
  readonly progress?: (line: string) => void;
}

export async function runHistories(cluster: Cluster, { seconds, seed, progress }: RunOptions): Promise<Summary> {
  const scene = new Scene();
  const faults = noFaults();
  const began = Date.now();
  const isOver = (): boolean => Date.now() - began >= seconds * 1000;
  const tell = (): void => progress?.(`${Math.round((Date.now() - began) / 1000)} s: ${line(counted(scene), scene.seen.size, faults)}`);
  const ticker = setInterval(tell, 5_000);
  const clients = Array.from({ length: CLIENTS }, (_, n) => new Client(`client ${n + 1}`, scene, cluster, seed * 1_000 + n));
  const dice = cluster.nodes.map((_, n) => new Dice(seed * 1_000 + 500 + n));
  try {
    await Promise.all([...clients.map((client) => client.work(isOver)), trouble(cluster, dice, isOver, faults)]);
  } finally {
    clearInterval(ticker);
  }
  progress?.("faults have stopped; judging");
  const judged = await judge(scene, cluster);
  return { ...judged, seconds, operations: counted(scene), heads: scene.heads.length, changes: scene.seen.size, faults };
}

function counted({ recorder }: Scene): Summary["operations"] {
  const counts = { accepted: 0, refused: 0, unknown: 0 };
  for (const { outcome } of recorder.operations()) counts[outcome.kind] += 1;
  return counts;
}

export function line({ accepted, refused, unknown }: Summary["operations"], changes: number, faults: FaultCounts): string {
  const told = Object.entries(faults).map(([name, count]) => `${count} ${name}`);
  const all = accepted + refused + unknown;
  return `${all} operations (${accepted} accepted, ${refused} refused, ${unknown} unknown) on ${changes} changes; ${told.join(", ")}`;
}
