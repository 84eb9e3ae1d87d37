/** Several people and agents who work with one Pawl at once, by dice. */
import type { ChangeView } from "../../src/control/types.ts";
import { digestOf } from "../../src/core/base/index.ts";
import type { Dice } from "../../src/testing/dice.ts";
import { policy, REPOSITORIES } from "./deployment.ts";
import type { Caller, Journal, Proposed } from "./journal.ts";

/** What all clients see of the world. */
export interface Board {
  url: string;
  /** Changes as somebody last saw them, newest last. */
  readonly seen: Map<string, ChangeView>;
  readonly journal: Journal;
  /** A name that was never used. */
  next(): string;
  /** Somebody holds this signed head. */
  checkpoint(note: string): void;
  /** Whether this change's commit is on the branch: what a person who reconciles looks at. */
  landed(id: string): Promise<boolean>;
}

const file = (path: string, text: string): string =>
  `diff --git a/${path} b/${path}\nnew file mode 100644\n--- /dev/null\n+++ b/${path}\n@@ -0,0 +1 @@\n+${text}\n`;

export type Sort = "document" | "code" | "policy";

/** `document` passes by itself, `code` waits for two signatures, `policy` for one. */
export function proposal(board: Board, sort: Sort, by: string, dice: Dice): Proposed {
  const tag = board.next();
  const start = dice.chance(0.5) ? "when-authorised" : "on-request";
  if (sort === "policy") {
    const text = policy(tag);
    const steps = [{ connector: "pawl", input: { kind: "policy", text } }];
    return { tag, by, body: { title: tag, steps, start }, effect: { kind: "policy", digest: digestOf(text) } };
  }
  const repository = dice.pick(REPOSITORIES);
  const patch = sort === "document" ? file(`docs/${tag}.md`, tag) : file(`src/${tag}.js`, `export const tag = "${tag}";`);
  const steps = [{ connector: "git", input: { repository, branch: "main", patch, message: tag } }];
  return { tag, by, body: { title: tag, steps, start }, effect: { kind: "git", repository } };
}

const FINAL = ["blocked", "rejected", "verified", "failed", "undone", "expired", "withdrawn", "superseded"];
export const isOpen = ({ status }: ChangeView): boolean => !FINAL.includes(status);
const MOST_OPEN = 6;

type Step = (client: Client) => Promise<void>;

/** Works until told to stop; each step is one request, or two that belong together. */
export class Client {
  readonly caller: Caller;
  readonly board: Board;
  readonly dice: Dice;
  readonly #step: (client: Client) => Step;

  constructor(caller: Caller, board: Board, dice: Dice, role: "agent" | "reviewer") {
    this.caller = caller;
    this.board = board;
    this.dice = dice;
    this.#step = role === "agent" ? agentStep : reviewerStep;
  }

  async work(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      const { unavailable, lost } = this.board.journal.tally;
      await this.#step(this)(this);
      // Nobody hammers at a closed door.
      if (this.board.journal.tally.unavailable + this.board.journal.tally.lost > unavailable + lost) await pause(5);
    }
  }

  /** One call about a change; what it shows is put on the board. */
  async about(
    kind: Parameters<Caller["change"]>[1],
    id: string,
    method: "GET" | "POST" | "DELETE",
    path = "",
    body?: unknown,
  ): Promise<ChangeView | undefined> {
    const view = await this.caller.change(this.board.url, kind, id, { method, path: `/v1/changes/${id}${path}`, body });
    if (view !== undefined) this.board.seen.set(view.id, view);
    return view;
  }

  /** One that was lately seen so. */
  one(fits: (view: ChangeView) => boolean): ChangeView | undefined {
    return this.dice.pick([...this.board.seen.values()].filter(fits));
  }
}

const pause = (millis: number): Promise<void> => new Promise((done) => void setTimeout(done, millis));

const mineIn =
  ({ caller }: Client, ...statuses: readonly string[]) =>
  (view: ChangeView): boolean =>
    view.proposer === caller.principal && (statuses.length === 0 ? isOpen(view) : statuses.includes(view.status));

const STOPPABLE = ["proposed", "planned", "sent_back", "awaiting", "authorised", "stale"];

function agentStep(client: Client): Step {
  const open = [...client.board.seen.values()].filter(mineIn(client));
  if (open.length >= MOST_OPEN) return withdraw;
  return STEPS[
    client.dice.weighted({ policy: 6, document: 2, code: 1, again: 2, withdraw: 2, revise: 2, replan: 2, run: 4, read: 8, checkpoint: 6 })
  ];
}

function reviewerStep({ dice }: Client): Step {
  return STEPS[dice.weighted({ list: 4, approve: 12, reject: 1, unvote: 2, sendBack: 1, read: 6, checkpoint: 6, reconcile: 2 })];
}

const withdraw: Step = async (client) => {
  const change = client.one(mineIn(client, ...STOPPABLE)) ?? client.one(mineIn(client));
  if (change !== undefined) await client.about("withdraw", change.id, "POST", "/withdraw");
};

const proposing =
  (sort: Sort): Step =>
  async ({ caller, board, dice }) => {
    const proposed = proposal(board, sort, caller.principal, dice);
    board.journal.proposals.set(proposed.tag, proposed);
    const view = await caller.propose(board.url, proposed);
    if (view === undefined) return;
    board.journal.named(proposed, view.id);
    board.seen.set(view.id, view);
  };

const voting =
  (decision: "approve" | "reject"): Step =>
  async (client) => {
    const change = client.one(({ status }) => status === "awaiting");
    const shown = change && (await client.about("read", change.id, "GET"));
    if (shown?.review_digest === undefined || shown.status !== "awaiting") return;
    await client.about(decision, shown.id, "POST", "/votes", { decision, review_digest: shown.review_digest });
  };

const STEPS = {
  policy: proposing("policy"),
  document: proposing("document"),
  code: proposing("code"),
  withdraw,
  /** Whoever repeats a request that was answered gets the same change. */
  async again({ caller, board, dice }) {
    const proposed = dice.pick([...board.journal.proposals.values()].filter(({ by, id }) => by === caller.principal && id !== undefined));
    const view = proposed && (await caller.propose(board.url, proposed));
    if (proposed !== undefined && view !== undefined) board.journal.named(proposed, view.id);
  },
  async revise(client) {
    const change = client.one(mineIn(client, ...STOPPABLE));
    const proposed = change && client.board.journal.byId(change.id);
    if (change === undefined || proposed === undefined) return;
    // The same once more: a revision all the same, and its effect stays the one that is looked for.
    const { start: _start, ...body } = proposed.body;
    await client.about("revise", change.id, "POST", "/revisions", body);
  },
  async replan(client) {
    const change = client.one(mineIn(client, "stale", "awaiting", "authorised"));
    if (change !== undefined) await client.about("touch", change.id, "POST", "/replan");
  },
  async run(client) {
    const change = client.one(mineIn(client, "authorised"));
    if (change !== undefined) await client.about("touch", change.id, "POST", "/run");
  },
  async read(client) {
    const change = client.one(isOpen);
    if (change !== undefined) await client.about("read", change.id, "GET");
  },
  async list({ caller, board }) {
    const reply = await caller.ask(board.url, { method: "GET", path: "/v1/changes?limit=20" });
    if (reply?.status !== 200) return;
    for (const view of (JSON.parse(reply.text) as { changes: readonly ChangeView[] }).changes) board.seen.set(view.id, view);
  },
  async checkpoint({ caller, board }) {
    const reply = await caller.ask(board.url, { method: "GET", path: "/checkpoint" });
    if (reply?.status === 200) board.checkpoint(reply.text);
  },
  approve: voting("approve"),
  reject: voting("reject"),
  async unvote(client) {
    const change = client.one(({ status }) => status === "awaiting" || status === "authorised");
    if (change !== undefined) await client.about("withdraw_vote", change.id, "DELETE", "/votes");
  },
  async sendBack(client) {
    const change = client.one(({ status }) => status === "awaiting");
    if (change !== undefined) await client.about("send_back", change.id, "POST", "/send-back", { reason: "once more" });
  },
  async reconcile(client) {
    const change = client.one(({ status }) => status === "indeterminate");
    if (change?.run === undefined) return;
    const as = (await client.board.landed(change.id)) ? "verified" : "failed";
    await client.about("reconcile", change.id, "POST", "/reconcile", { run: change.run.id, as, evidence: "looked at the branch" });
  },
} as const satisfies Record<string, Step>;
