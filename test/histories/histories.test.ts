/** Three real processes on one PostgreSQL, with clients and faults; and what a process does that wakes up after it was given up. */
import assert from "node:assert/strict";
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { ChangeView } from "../../src/control/types.ts";
import type { ChangeEvent, Status } from "../../src/core/change/index.ts";
import { commitsOf, startCluster, type Cluster, type Node } from "./cluster.ts";
import { line, runHistories } from "./histories.ts";

const SEED = Number(process.env["PAWL_HISTORIES_SEED"] ?? Math.floor(Math.random() * 1_000_000));
const SECONDS = 20;
const PATIENCE_MILLIS = 60_000;

test("[I70] [D31] paused, killed and cut off, three nodes tell every client what one change at a time could have said", async (t) => {
  const cluster = await startCluster(t);
  const { violations, ...summary } = await runHistories(cluster, { seconds: SECONDS, seed: SEED });
  t.diagnostic(`seed ${SEED}: ${line(summary.operations, summary.changes, summary.faults)}; ${summary.runs} runs`);
  assert.deepEqual(violations, [], `again with PAWL_HISTORIES_SEED=${SEED}, or node test/histories/main.ts --seed ${SEED}`);
  assert.ok(summary.operations.accepted > 50 && summary.changes > 0, line(summary.operations, summary.changes, summary.faults));
});

/** A transport of git's that waits in front of a service for as long as its gate is shut. */
interface Gate {
  readonly command: string;
  shut(service: "upload" | "receive"): void;
  open(): void;
  /** Whether somebody stands before it. */
  reached(): boolean;
}

function gate(t: TestContext): Gate {
  const dir = mkdtempSync(join(tmpdir(), "pawl-gate-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const command = join(dir, "ssh");
  // The last argument is what the other machine is to run: git-upload-pack '/path'.
  const script = `#!/bin/sh
for last in "$@"; do :; done
case "$last" in git-upload-pack*) name=upload;; git-receive-pack*) name=receive;; *) exit 1;; esac
while [ -e '${dir}/'"$name" ]; do : > '${dir}/reached'; sleep 0.05; done
eval "$last"
`;
  writeFileSync(command, script);
  chmodSync(command, 0o755);
  return {
    command,
    shut: (service) => writeFileSync(join(dir, service), ""),
    open: () => ["upload", "receive"].forEach((name) => rmSync(join(dir, name), { force: true })),
    reached: () => existsSync(join(dir, "reached")),
  };
}

class Story {
  readonly cluster: Cluster;
  constructor(cluster: Cluster) {
    this.cluster = cluster;
  }

  async ask(node: Node, by: string, method: "GET" | "POST", path: string, body?: unknown): Promise<unknown> {
    const reply = await node.ask({ method, path, token: this.cluster.tokens.get(by), body }, 30_000);
    assert.ok(reply !== undefined && reply.status < 300, `${method} ${path} at ${node.name}: ${JSON.stringify(reply)}`);
    return reply.body;
  }

  async view(node: Node, id: string): Promise<ChangeView> {
    return (await this.ask(node, "agent:bot", "GET", `/v1/changes/${id}`)) as ChangeView;
  }

  async until(node: Node, id: string, ...wanted: readonly Status[]): Promise<ChangeView> {
    const end = Date.now() + PATIENCE_MILLIS;
    for (;;) {
      const view = await this.view(node, id);
      if (wanted.includes(view.status)) return view;
      assert.ok(Date.now() < end, `${id} is ${view.status}, and not ${wanted.join(" or ")}`);
      await wait(50);
    }
  }

  /** Proposed at one node, signed at two others, and ready to run. */
  async authorised(start: "on-request" | "when-authorised"): Promise<string> {
    const [north, south, west] = this.cluster.nodes as readonly [Node, Node, Node];
    const patch = "diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,1 @@\n+new\n";
    const input = { repository: "shop", branch: "one", patch, message: "the work" };
    const body = { title: "Work", summary: "Work", start, steps: [{ connector: "git", input }] };
    const { id } = (await this.ask(north, "agent:bot", "POST", "/v1/changes", body)) as ChangeView;
    const { review_digest } = await this.until(south, id, "awaiting");
    await this.ask(south, "human:bo", "POST", `/v1/changes/${id}/votes`, { decision: "approve", review_digest });
    await this.ask(west, "human:cy", "POST", `/v1/changes/${id}/votes`, { decision: "approve", review_digest });
    return id;
  }

  async events(node: Node, id: string): Promise<readonly ChangeEvent[]> {
    const { events } = (await this.ask(node, "agent:bot", "GET", `/v1/changes/${id}/events`)) as { events: { event: ChangeEvent }[] };
    return events.map(({ event }) => event);
  }

  /** The node whose runner it is. */
  runnerOf(view: ChangeView): Node {
    const node = this.cluster.nodes.find(({ data }) => readFileSync(join(data, "keys", "runner"), "utf8").trim() === view.run?.runner);
    assert.ok(node);
    return node;
  }

  commits(): Promise<readonly string[]> {
    return commitsOf(this.cluster.repository, "one");
  }

  async fsck(): Promise<void> {
    const { code, said } = await this.cluster.fsck();
    assert.equal(code, 0, said);
  }
}

const reached = async (what: Gate): Promise<void> => {
  while (!what.reached()) await wait(20);
};

test("[I70] [GI-36] each of three nodes runs what the others planned", async (t) => {
  const story = new Story(await startCluster(t));
  const planned = story.cluster.nodes[0] as Node;
  const id = await story.authorised("on-request");
  for (const node of story.cluster.nodes.slice(0, 2)) node.pause();
  const west = story.cluster.nodes[2] as Node;
  await story.ask(west, "agent:bot", "POST", `/v1/changes/${id}/run`);
  const view = await story.until(west, id, "verified", "failed", "stale", "indeterminate");
  assert.equal(view.status, "verified", JSON.stringify(view.because));
  assert.equal(story.runnerOf(view), west);
  for (const node of story.cluster.nodes.slice(0, 2)) node.resume();
  assert.equal((await story.until(planned, id, "verified")).version, view.version);
  assert.deepEqual((await story.commits()).slice(0, 1), ["the work"]);
  await story.fsck();
});

test("[I70] [D30] a process that sleeps before its first effect is given up, and does nothing when it wakes", async (t) => {
  const before = gate(t);
  const story = new Story(await startCluster(t, { gitSsh: before.command }));
  const id = await story.authorised("on-request");
  before.shut("upload");
  await story.ask(story.cluster.nodes[0] as Node, "agent:bot", "POST", `/v1/changes/${id}/run`);
  const running = await story.until(story.cluster.nodes[1] as Node, id, "running");
  const sleeper = story.runnerOf(running);
  const other = story.cluster.nodes.find((node) => node !== sleeper) as Node;
  await reached(before);
  sleeper.pause();
  const lost = await story.until(other, id, "failed", "indeterminate", "verified");
  assert.deepEqual([lost.status, lost.because?.code], ["failed", "runner_lost_before_effect"]);
  before.open();
  sleeper.resume();
  while (!(await sleeper.healthy())) await wait(50);
  // Its next words are about the run that it no longer has; whatever else it does is on record by then.
  const after = await story.authorised("when-authorised");
  await story.until(sleeper, after, "verified");
  assert.equal((await story.view(sleeper, id)).version, lost.version);
  assert.deepEqual(await story.commits(), ["the work", "first version of the shop"]);
  assert.equal((await story.events(other, id)).filter(({ type }) => type === "run_started").length, 1);
  await story.fsck();
});

for (const how of ["asleep", "cut off"] as const) {
  test(`[I70] [D30] a process ${how} in the middle of its effect is given up as indeterminate, and nobody starts again`, async (t) => {
    const inside = gate(t);
    const story = new Story(await startCluster(t, { gitSsh: inside.command }));
    const id = await story.authorised("on-request");
    inside.shut("receive");
    await story.ask(story.cluster.nodes[0] as Node, "agent:bot", "POST", `/v1/changes/${id}/run`);
    const running = await story.until(story.cluster.nodes[1] as Node, id, "running");
    const sleeper = story.runnerOf(running);
    const other = story.cluster.nodes.find((node) => node !== sleeper) as Node;
    await reached(inside);
    if (how === "asleep") sleeper.pause();
    else sleeper.proxy.hold();
    const lost = await story.until(other, id, "failed", "indeterminate", "verified");
    assert.deepEqual([lost.status, lost.because?.code], ["indeterminate", "runner_lost"]);
    inside.open();
    // Its push arrives late: nobody can hold that back any more, and nobody had promised otherwise.
    if (how === "asleep") sleeper.resume();
    while ((await story.commits())[0] !== "the work") await wait(50);
    sleeper.proxy.heal();
    while (!(await sleeper.healthy())) await wait(50);
    const evidence = { run: lost.run?.id, as: "verified", evidence: "the commit is on the branch" };
    const reconciled = (await story.ask(sleeper, "human:di", "POST", `/v1/changes/${id}/reconcile`, evidence)) as ChangeView;
    assert.deepEqual([reconciled.status, reconciled.version], ["verified", lost.version + 1]);
    assert.deepEqual(await story.commits(), ["the work", "first version of the shop"]);
    assert.equal((await story.events(other, id)).filter(({ type }) => type === "run_started").length, 1);
    await story.fsck();
  });
}
