/** What the clients were told, beside what the ledger, the repository and the store hold in the end. */
import { setTimeout as wait } from "node:timers/promises";
import type { ChangeView } from "../../src/control/types.ts";
import { leafHash } from "../../src/core/ledger/index.ts";
import type { ChangeEvent } from "../../src/core/change/index.ts";
import { check, type Entries } from "../../src/testing/history.ts";
import { rootOf } from "../contract/store-tree.ts";
import type { Scene, SeenHead } from "./clients.ts";
import { BRANCHES, commitsOf, type Cluster } from "./cluster.ts";

const PATIENCE_MILLIS = 90_000;
const UNDER_WAY: readonly string[] = ["proposed", "planned", "running", "applied"];

export interface Judged {
  readonly violations: readonly string[];
  readonly ends: Readonly<Record<string, number>>;
  readonly runs: number;
  readonly entries: number;
}

/** Once faults stopped: everybody answers, and what was under way ends or waits for a person. */
async function settled(cluster: Cluster): Promise<readonly string[]> {
  const until = Date.now() + PATIENCE_MILLIS;
  const token = cluster.tokens.get("agent:bot");
  for (const node of cluster.nodes) {
    while (!(await node.healthy())) {
      if (Date.now() > until) return [`${node.name} does not recover`];
      await wait(100);
    }
  }
  for (;;) {
    const path = `/v1/changes?limit=200&status=${UNDER_WAY.join(",")}`;
    const reply = await cluster.nodes[0]?.ask({ method: "GET", path, token }, 30_000);
    const left = reply?.status === 200 ? (reply.body as { readonly changes: readonly ChangeView[] }).changes : undefined;
    if (left?.length === 0) break;
    if (Date.now() > until) return [`under way still: ${left?.map(({ id, status }) => `${id} ${status}`).join(", ") ?? "unreadable"}`];
    await wait(100);
  }
  return [];
}

export async function judge(scene: Scene, cluster: Cluster): Promise<Judged> {
  const violations = [...scene.wrong, ...(await settled(cluster))];
  const whole = await readLedger(cluster);
  const operations = scene.recorder.operations();
  for (const fault of check({ operations, ledger: whole.changes, everybody: true })) {
    const story = fault.operations.map((operation) => `  ${JSON.stringify(operation)}`);
    const events = whole.changes.get(fault.change)?.events.map((event, n) => `  ${n + 1} ${event.type} ${event.at}`) ?? [];
    violations.push([`${fault.change} ${fault.code}: ${fault.message}`, ...story, ...events].join("\n"));
  }
  violations.push(...headFaults(scene.heads, whole.leaves), ...(await effectFaults(scene, cluster, whole.changes)));
  if (whole.changes.size > scene.proposals) violations.push(`${scene.proposals} proposals made ${whole.changes.size} changes`);
  const { code, said } = await cluster.fsck();
  if (code !== 0) violations.push(`fsck: ${said}`);
  const ends: Record<string, number> = {};
  for (const change of whole.changes.keys()) ends[endOf(whole.changes, change)] = (ends[endOf(whole.changes, change)] ?? 0) + 1;
  const runs = [...whole.changes.values()].flatMap(({ events }) => events.filter(({ type }) => type === "run_started")).length;
  return { violations, ends, runs, entries: whole.leaves.length };
}

interface Whole {
  readonly changes: ReadonlyMap<string, Entries>;
  readonly leaves: readonly Uint8Array[];
}

/** Every entry, as one node serves it; fsck looks at the store itself. */
async function readLedger({ nodes }: Cluster): Promise<Whole> {
  const changes = new Map<string, { events: ChangeEvent[] }>();
  const leaves: Uint8Array[] = [];
  for (;;) {
    const reply = await nodes[1]?.ask({ method: "GET", path: `/v1/ledger/entries?from=${leaves.length}&limit=1000` }, 30_000);
    if (reply?.status !== 200) throw new Error(`the ledger cannot be read: ${JSON.stringify(reply)}`);
    const { entries } = reply.body as { readonly entries: readonly { readonly stream: string; readonly entry: string }[] };
    if (entries.length === 0) return { changes, leaves };
    for (const { stream, entry } of entries) {
      leaves.push(leafHash(new TextEncoder().encode(entry)));
      if (!stream.startsWith("change/")) continue;
      const id = stream.slice("change/".length);
      const events = changes.get(id)?.events ?? [];
      events.push((JSON.parse(entry) as { readonly event: ChangeEvent }).event);
      changes.set(id, { events });
    }
  }
}

/** Each head that any node showed is a prefix of the log as it is, and whoever looked later saw no earlier one. */
function headFaults(heads: readonly SeenHead[], leaves: readonly Uint8Array[]): readonly string[] {
  const roots = new Map<number, string>();
  const rootAt = (size: number): string => {
    const known = roots.get(size) ?? Buffer.from(rootOf(leaves.slice(0, size))).toString("hex");
    roots.set(size, known);
    return known;
  };
  return heads.flatMap((head) => {
    const floor = heads.reduce((most, { returned, size }) => (returned < head.invoked ? Math.max(most, size) : most), 0);
    if (head.size > leaves.length) return [`${head.node} showed a head of ${head.size} entries, of which there are ${leaves.length}`];
    if (head.root !== rootAt(head.size)) return [`${head.node} showed another log of ${head.size} entries`];
    return head.size < floor ? [`${head.node} showed ${head.size} entries when ${floor} had been shown`] : [];
  });
}

const endOf = (changes: Whole["changes"], change: string): string => {
  const last = changes.get(change)?.events.at(-1);
  if (last?.type !== "reconciled") return last?.type ?? "unknown";
  return "reconciled";
};

/** Who says that it was done has one commit; who says that nothing was has none; who does not know has at most one. */
async function effectFaults(scene: Scene, { repository }: Cluster, changes: Whole["changes"]): Promise<readonly string[]> {
  const commits = (await Promise.all(BRANCHES.map((branch) => commitsOf(repository, branch)))).flat();
  const faults: string[] = [];
  for (const [change, messages] of scene.messages) {
    const done = commits.filter((message) => messages.includes(message)).length;
    const end = endOf(changes, change);
    const allowed = end === "verified" ? [1] : ["indeterminate", "reconciled", "applied", "effect_started"].includes(end) ? [0, 1] : [0];
    if (!allowed.includes(done)) faults.push(`${change} is ${end}, and the repository has ${done} commits of it (${messages.join(", ")})`);
  }
  return faults;
}
