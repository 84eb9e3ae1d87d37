/** One change from its proposal to its end, told to a server that may be gone at any moment and comes back. */
import { cpSync, mkdtempSync, rmSync } from "node:fs";
import type { ChangeView } from "../../src/control/types.ts";
import { Dice } from "../../src/testing/dice.ts";
import { checkAll, readAll } from "./check.ts";
import { proposal, type Sort } from "./clients.ts";
import { AGENTS, deploy, REPOSITORIES, REVIEWERS, type Made } from "./deployment.ts";
import { sweepLocks } from "./effects.ts";
import { Evidence } from "./evidence.ts";
import type { Proposed } from "./journal.ts";
import { startServer, type PawlProcess } from "./processes.ts";
import { aMinuteLater } from "./time.ts";
import { broken } from "./violation.ts";

/** A deployment at rest, to be copied for each story. */
export interface Template {
  readonly folder: string;
  readonly tokens: ReadonlyMap<string, string>;
}

export async function template(folder: string, made: Made = {}): Promise<Template> {
  const { tokens, server } = await deploy(folder, made);
  await server.kill("group");
  return { folder, tokens };
}

const MOVING = ["proposed", "planned", "authorised", "running", "applied"];

export class Story extends Evidence {
  readonly proposed: Proposed;

  constructor(folder: string, tokens: Template["tokens"], sort: Sort = "code") {
    super(folder, tokens);
    const next = (): string => `story-${sort}`;
    const board = { next, url: "", seen: new Map(), journal: this.journal, checkpoint: () => undefined, landed: async () => false };
    const made = proposal(board, sort, AGENTS[0], new Dice(1));
    this.proposed = { ...made, body: { ...made.body, start: "when-authorised" } };
    this.journal.proposals.set(made.tag, this.proposed);
  }

  /** A copy of the template's folder with a story of its own. */
  static copy({ folder, tokens }: Template, sort?: Sort): Story {
    const copy = mkdtempSync(`${folder}-`);
    cpSync(folder, copy, { recursive: true });
    return new Story(copy, tokens, sort);
  }

  /** Goes on from wherever the change is, until it ends, or nobody answers any more. */
  async tell(url: string): Promise<ChangeView | undefined> {
    const agent = this.caller(this.proposed.by);
    let view = await agent.propose(url, this.proposed);
    if (view !== undefined) this.journal.named(this.proposed, view.id);
    while (view !== undefined && (MOVING.includes(view.status) || view.status === "awaiting")) {
      if (view.status === "awaiting") await this.#vote(url, view);
      const path = `/v1/changes/${view.id}/wait?since=${view.version}&timeout=20`;
      view = await agent.change(url, "read", view.id, { method: "GET", path });
    }
    return view;
  }

  async #vote(url: string, { id, review_digest }: ChangeView): Promise<void> {
    for (const reviewer of REVIEWERS.slice(0, 2)) {
      const body = { decision: "approve", review_digest };
      await this.caller(reviewer).change(url, "approve", id, { method: "POST", path: `/v1/changes/${id}/votes`, body });
    }
  }

  /** What a server that was started after all that must show. */
  async check(url: string, bornAt: number): Promise<void> {
    const moved = await this.follow(url);
    await readAll(this, url, moved);
    await checkAll(this, url, moved, bornAt);
    const starts = [...this.mirror.changes.values()].flatMap(({ events }) => events.filter(({ type }) => type === "run_started"));
    if (starts.length > 1) throw broken(`one change was started ${starts.length} times, though nothing moved its state`);
  }

  /** Started again after the worst; what the dead server had under way is due at once, as a minute later. */
  async restart(env: Readonly<Record<string, string>> = {}): Promise<PawlProcess & { readonly bornAt: number }> {
    for (const name of REPOSITORIES) sweepLocks(this.folder, name);
    await aMinuteLater(this.folder);
    const bornAt = Date.now();
    return { ...(await startServer({ cwd: this.folder, env })), bornAt };
  }

  close(): void {
    this.disconnect();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
