/** People and an agent who want things of the same few changes, each through whichever node they meet. */
import { setTimeout as wait } from "node:timers/promises";
import type { ChangeView } from "../../src/control/types.ts";
import { isFinal, type Status } from "../../src/core/change/index.ts";
import type { Ask } from "../../src/testing/ask.ts";
import { Dice } from "../../src/testing/dice.ts";
import { Recorder, type Kind } from "../../src/testing/history.ts";
import { BRANCHES, REVIEWERS, type Cluster, type Node } from "./cluster.ts";
import type { Reply } from "./http.ts";

const AGENT = "agent:bot";

/** A head of the ledger that some node showed, between two moments of one counter. */
export interface SeenHead {
  readonly node: string;
  readonly size: number;
  readonly root: string;
  readonly invoked: number;
  readonly returned: number;
}

/** What all clients share. */
export class Scene {
  readonly recorder = new Recorder();
  readonly heads: SeenHead[] = [];
  /** Answers that no state of Pawl explains. */
  readonly wrong: string[] = [];
  /** The last view that anybody had of a change. */
  readonly seen = new Map<string, ChangeView>();
  /** Commit messages by change: one for each revision. */
  readonly messages = new Map<string, string[]>();
  readonly slots = BRANCHES.map((branch): Slot => ({ branch, busy: false }));
  /** Bodies that were proposed, each with a key of its own. */
  proposals = 0;
  #labels = 0;
  #now = 0;

  tick(): number {
    return (this.#now += 1);
  }

  label(): string {
    return `work ${(this.#labels += 1)}`;
  }
}

/** One change at a time on a branch. */
interface Slot {
  readonly branch: string;
  change?: string;
  /** A proposal that nobody has heard of yet, with its label. */
  asked?: { readonly label: string; readonly ask: Ask };
  busy: boolean;
}

type Wish = Exclude<Kind, "propose" | "start" | "supersede" | "touch"> | "list" | "head" | "run" | "replan";

const LOOKS = { read: 5, list: 0.4, head: 0.6 };
const WISHES: Readonly<Partial<Record<Status, Readonly<Partial<Record<Wish, number>>>>>> = {
  awaiting: {
    ...LOOKS,
    approve: 8,
    withdraw_vote: 1.5,
    reject: 0.05,
    send_back: 0.15,
    replan: 0.3,
    revise: 0.15,
    withdraw: 0.05,
    run: 0.2,
  },
  authorised: { ...LOOKS, approve: 0.5, withdraw_vote: 0.6, reject: 0.05, revise: 0.05, replan: 0.1, run: 6 },
  sent_back: { ...LOOKS, revise: 4, approve: 0.3 },
  stale: { ...LOOKS, replan: 4, revise: 0.5, approve: 0.5 },
  running: { ...LOOKS, run: 0.5, reject: 0.2, withdraw: 0.2, withdraw_vote: 0.3 },
  applied: { ...LOOKS, run: 0.5 },
  indeterminate: { ...LOOKS, reconcile: 3, run: 0.3 },
};

export class Client {
  readonly #name: string;
  readonly #scene: Scene;
  readonly #cluster: Cluster;
  readonly #dice: Dice;
  #unanswered = 0;

  constructor(name: string, scene: Scene, cluster: Cluster, seed: number) {
    this.#name = name;
    this.#scene = scene;
    this.#cluster = cluster;
    this.#dice = new Dice(seed);
  }

  async work(isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      const before = this.#unanswered;
      await this.#one();
      // A node that does not answer is not asked again at once, as a person would not.
      await wait(this.#unanswered > before ? 200 : this.#dice.below(25));
    }
  }

  async #one(): Promise<void> {
    const slot = this.#slot();
    const { change } = slot;
    if (change === undefined) return this.#propose(slot);
    const view = this.#scene.seen.get(change);
    if (view !== undefined && isFinal(view.status)) delete slot.change;
    const wish = this.#dice.weighted((view && WISHES[view.status]) ?? LOOKS);
    await this.#do(wish, change, view);
  }

  #slot(): Slot {
    const slot = this.#scene.slots[this.#dice.below(this.#scene.slots.length)];
    if (slot === undefined) throw new Error("there are slots");
    return slot;
  }

  #node(): Node {
    const node = this.#dice.pick(this.#cluster.nodes);
    if (node === undefined) throw new Error("there are nodes");
    return node;
  }

  async #do(wish: Wish, change: string, view: ChangeView | undefined): Promise<void> {
    const person = `human:${this.#dice.pick(REVIEWERS)}`;
    const path = `/v1/changes/${change}`;
    const digest = view?.review_digest ?? `sha256:${"0".repeat(64)}`;
    switch (wish) {
      case "head":
        return this.#head();
      case "list":
        return this.#list();
      case "read":
        return this.#ask(wish, change, AGENT, { method: "GET", path });
      case "approve":
      case "reject":
        return this.#ask(wish, change, person, { method: "POST", path: `${path}/votes`, body: { decision: wish, review_digest: digest } });
      case "withdraw_vote":
        return this.#ask(wish, change, person, { method: "DELETE", path: `${path}/votes` });
      case "send_back":
        return this.#ask(wish, change, person, { method: "POST", path: `${path}/send-back`, body: { reason: "say more" } });
      case "withdraw":
        return this.#ask(wish, change, AGENT, { method: "POST", path: `${path}/withdraw` });
      case "run":
      case "replan":
        return this.#ask("touch", change, AGENT, { method: "POST", path: `${path}/${wish}` });
      case "revise":
        return this.#revise(change, path);
      case "reconcile": {
        const as = this.#dice.pick(["verified", "failed", "undone"]);
        const body = { run: view?.run?.id ?? "run_00000000", as, evidence: "looked at the branch" };
        return this.#ask(wish, change, person, { method: "POST", path: `${path}/reconcile`, body });
      }
    }
  }

  async #ask(kind: Kind, change: string, by: string, asked: Ask): Promise<void> {
    const node = this.#node();
    const invocation = this.#scene.recorder.invoke({ client: this.#name, node: node.name, change, kind, by });
    const reply = await node.ask({ ...asked, token: this.#cluster.tokens.get(by) });
    const view = this.#judged(reply, `${kind} of ${change} at ${node.name}`);
    if (view === "unknown") return;
    if (typeof view === "string") return invocation.refused(view);
    invocation.accepted({ version: view.version, status: view.status, change: view.id });
    this.#saw(view);
  }

  /** The view, the code of a refusal, or that nobody knows. */
  #judged(reply: Reply | undefined, what: string): ChangeView | string {
    if (reply === undefined || reply.status >= 500) {
      this.#unanswered += 1;
      return "unknown";
    }
    if (reply.status < 300) return reply.body as ChangeView;
    const { reason } = reply.body as { readonly reason?: string };
    if (reply.status === 401 || reason === undefined) this.#scene.wrong.push(`${what}: ${reply.status} ${JSON.stringify(reply.body)}`);
    return reason ?? "";
  }

  #saw(view: ChangeView): void {
    const last = this.#scene.seen.get(view.id);
    if (last === undefined || last.version <= view.version) this.#scene.seen.set(view.id, view);
  }

  #proposal(branch: string, label: string): unknown {
    const file = `${label.replace(" ", "-")}.txt`;
    const patch = `diff --git a/${file} b/${file}\nnew file mode 100644\n--- /dev/null\n+++ b/${file}\n@@ -0,0 +1,1 @@\n+${label}\n`;
    const start = this.#dice.chance(0.5) ? "on-request" : "when-authorised";
    const input = { repository: "shop", branch, patch, message: label };
    return { title: label, summary: label, start, steps: [{ connector: "git", input }] };
  }

  /** Asked again with the same key, by whoever and wherever, until there is an answer: one proposal is one change. */
  async #propose(slot: Slot): Promise<void> {
    if (slot.busy) return;
    slot.busy = true;
    slot.asked ??= this.#newProposal(slot.branch);
    const { label, ask } = slot.asked;
    const node = this.#node();
    // The answer to a repetition is the change as it is by then.
    const invocation = this.#scene.recorder.invoke({ client: this.#name, node: node.name, change: "", kind: "touch", by: AGENT });
    const view = this.#judged(await node.ask(ask), `proposing at ${node.name}`);
    slot.busy = false;
    if (view === "unknown") return;
    delete slot.asked;
    if (typeof view === "string") return void this.#scene.wrong.push(`a proposal was refused: ${view}`);
    invocation.accepted({ version: view.version, status: view.status, change: view.id });
    this.#scene.messages.set(view.id, [label]);
    this.#saw(view);
    slot.change = view.id;
  }

  #newProposal(branch: string): { readonly label: string; readonly ask: Ask } {
    const label = this.#scene.label();
    this.#scene.proposals += 1;
    const token = this.#cluster.tokens.get(AGENT);
    const headers = { "idempotency-key": label.replace(" ", "-"), ...(this.#dice.chance(0.5) ? { prefer: "respond-async" } : {}) };
    return { label, ask: { method: "POST", path: "/v1/changes", token, body: this.#proposal(branch, label), headers } };
  }

  async #revise(change: string, path: string): Promise<void> {
    const branch = this.#scene.slots.find((slot) => slot.change === change)?.branch ?? BRANCHES[0] ?? "";
    const label = this.#scene.label();
    this.#scene.messages.get(change)?.push(label);
    await this.#ask("revise", change, AGENT, { method: "POST", path: `${path}/revisions`, body: this.#proposal(branch, label) });
  }

  async #list(): Promise<void> {
    const node = this.#node();
    const changes = [...this.#scene.seen.keys()];
    const invocations = new Map(
      changes.map((change) => [
        change,
        this.#scene.recorder.invoke({ client: this.#name, node: node.name, change, kind: "read", by: AGENT }),
      ]),
    );
    const reply = await node.ask({ method: "GET", path: "/v1/changes?limit=200", token: this.#cluster.tokens.get(AGENT) });
    if (reply?.status !== 200) return;
    const views = (reply.body as { readonly changes: readonly ChangeView[] }).changes;
    for (const view of views) {
      invocations.get(view.id)?.accepted({ version: view.version, status: view.status });
      invocations.delete(view.id);
      this.#saw(view);
    }
    // A whole page says of whatever is not on it that it is not there.
    if (views.length < 200) for (const left of invocations.values()) left.refused("unknown_change");
  }

  async #head(): Promise<void> {
    const node = this.#node();
    const invoked = this.#scene.tick();
    const reply = await node.ask({ method: "GET", path: "/v1/ledger/head" });
    if (reply?.status !== 200) return;
    const { size, root } = reply.body as { readonly size: number; readonly root: string };
    this.#scene.heads.push({ node: node.name, size, root, invoked, returned: this.#scene.tick() });
  }
}
