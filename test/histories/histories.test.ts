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
const SECONDS = 18;
const PATIENCE_MILLIS = 60_000;

test("[I70] [D31] paused, killed and cut off, three nodes tell every client what one change at a time could have said", async (t) => {
  const cluster = await startCluster(t);
  const { violations, ...summary } = await runHistories(cluster, { seconds: SECONDS, seed: SEED });
  t.diagnostic(`seed ${SEED}: ${line(summary.operations, summary.changes, summary.faults)}; ${summary.runs} runs`);
  assert.deepEqual(violations, [], `again with PAWL_HISTORIES_SEED=${SEED}, or node test/histories/main.ts --seed ${SEED}`);
  assert.ok(summary.operations.accepted > 10 && summary.changes > 0, line(summary.operations, summary.changes, summary.faults));
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
    open: () => ["upload", "receive", "reached"].forEach((name) => rmSync(join(dir, name), { force: true })),
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
  async authorised(start: "on-request" | "when-authorised", branch: string): Promise<string> {
    const [north, south, west] = this.cluster.nodes as readonly [Node, Node, Node];
    const patch = "diff --git a/new.txt b/new.txt\nnew file mode 100644\n--- /dev/null\n+++ b/new.txt\n@@ -0,0 +1,1 @@\n+new\n";
    const input = { repository: "shop", branch, patch, message: `work on ${branch}` };
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

  commits(branch: string): Promise<readonly string[]> {
    return commitsOf(this.cluster.repository, branch);
  }
}

const reached = async (what: Gate): Promise<void> => {
  while (!what.reached()) await wait(20);
};

/** A run that stands before a gate on some node, and another node that looks on. */
async function stuck(story: Story, before: Gate, service: "upload" | "receive", branch: string) {
  const [north, south] = story.cluster.nodes as readonly [Node, Node];
  const id = await story.authorised("on-request", branch);
  before.shut(service);
  await story.ask(north, "agent:bot", "POST", `/v1/changes/${id}/run`);
  const sleeper = story.runnerOf(await story.until(south, id, "running"));
  const other = story.cluster.nodes.find((node) => node !== sleeper) as Node;
  await reached(before);
  return { id, sleeper, other };
}

async function recovered(node: Node): Promise<void> {
  node.resume();
  node.proxy.heal();
  while (!(await node.healthy())) await wait(50);
}

/** The commit that the sample repository begins with. */
const FIRST = "first version of the shop";

test("[I70] three nodes and their troubles, one at a time", async (t) => {
  const before = gate(t);
  const story = new Story(await startCluster(t, { gitSsh: before.command }));
  const [north, south, west] = story.cluster.nodes as readonly [Node, Node, Node];
  const starts = async (id: string): Promise<number> => (await story.events(west, id)).filter(({ type }) => type === "run_started").length;

  await t.test("[I70] [GI-36] each node runs what the others planned", async () => {
    const id = await story.authorised("on-request", "one");
    for (const node of [north, south]) node.pause();
    await story.ask(west, "agent:bot", "POST", `/v1/changes/${id}/run`);
    const view = await story.until(west, id, "verified", "failed", "stale", "indeterminate");
    assert.equal(view.status, "verified", JSON.stringify(view.because));
    assert.equal(story.runnerOf(view), west);
    for (const node of [north, south]) await recovered(node);
    assert.equal((await story.view(north, id)).version, view.version);
    assert.deepEqual(await story.commits("one"), ["work on one", FIRST]);
  });

  await t.test("[I70] [D30] asleep before its first effect, it is given up, and does nothing when it wakes", async () => {
    const { id, sleeper, other } = await stuck(story, before, "upload", "two");
    sleeper.pause();
    const lost = await story.until(other, id, "failed", "indeterminate", "verified");
    assert.deepEqual([lost.status, lost.because?.code], ["failed", "runner_lost_before_effect"]);
    before.open();
    await recovered(sleeper);
    // By the time that it has done something new, it has been refused what it wanted of the old run.
    const later = await story.authorised("when-authorised", "two");
    await story.until(sleeper, later, "verified");
    assert.equal((await story.view(sleeper, id)).version, lost.version);
    assert.deepEqual(await story.commits("two"), ["work on two", FIRST]);
    assert.equal(await starts(id), 1);
  });

  for (const [how, branch] of [
    ["asleep", "three"],
    ["cut off", "main"],
  ] as const) {
    await t.test(`[I70] [D30] ${how} in the middle of its effect, it is given up as indeterminate, and nobody starts again`, async () => {
      const { id, sleeper, other } = await stuck(story, before, "receive", branch);
      if (how === "asleep") sleeper.pause();
      else sleeper.proxy.hold();
      const lost = await story.until(other, id, "failed", "indeterminate", "verified");
      assert.deepEqual([lost.status, lost.because?.code], ["indeterminate", "runner_lost"]);
      before.open();
      // Its push arrives late: nobody can hold that back any more, and nobody had promised otherwise.
      if (how === "asleep") sleeper.resume();
      while ((await story.commits(branch))[0] === FIRST) await wait(50);
      await recovered(sleeper);
      const said = { run: lost.run?.id, as: "verified", evidence: "the commit is on the branch" };
      const reconciled = (await story.ask(sleeper, "human:di", "POST", `/v1/changes/${id}/reconcile`, said)) as ChangeView;
      assert.deepEqual([reconciled.status, reconciled.version], ["verified", lost.version + 1]);
      assert.deepEqual(await story.commits(branch), [`work on ${branch}`, FIRST]);
      assert.equal(await starts(id), 1);
    });
  }
  const { code, said } = await story.cluster.fsck();
  assert.equal(code, 0, said);
});
