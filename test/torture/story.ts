/** One change from its proposal to its end, told to a server that may be gone at any moment and comes back. */
import { cpSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { ChangeView } from "../../src/control/types.ts";
import { Dice } from "../../src/testing/dice.ts";
import { Recorder } from "../../src/testing/history.ts";
import { checkAnswers, checkEffects, checkRuns, readAll, readBranches, type Evidence } from "./check.ts";
import { proposal, type Sort } from "./clients.ts";
import { ADMIN, AGENTS, deploy, ORIGIN, REPOSITORIES, REVIEWERS, type Made } from "./deployment.ts";
import { sweepLocks } from "./effects.ts";
import { Caller, Journal, type Proposed } from "./journal.ts";
import { Mirror } from "./mirror.ts";
import { command, startServer, type PawlProcess } from "./processes.ts";
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

export class Story implements Evidence {
  readonly folder: string;
  readonly journal = new Journal();
  readonly recorder = new Recorder();
  readonly mirror: Mirror;
  readonly proposed: Proposed;
  readonly #callers: ReadonlyMap<string, Caller>;

  constructor(folder: string, tokens: Template["tokens"], sort: Sort = "code") {
    this.folder = folder;
    const { log_keys } = JSON.parse(readFileSync(join(folder, "data", "trust.json"), "utf8")) as { log_keys: readonly string[] };
    this.mirror = new Mirror(ORIGIN, log_keys);
    this.#callers = new Map([...tokens].map(([who, token]) => [who, new Caller(who, token, this.recorder, this.journal)]));
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

  caller(who: string): Caller {
    const caller = this.#callers.get(who);
    if (caller === undefined) throw new Error(`nobody is ${who}`);
    return caller;
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

  async state(url: string): Promise<string> {
    await this.mirror.follow(this.caller(ADMIN).connection, url);
    return this.mirror.change(this.proposed.id ?? "")?.state.status ?? "nothing";
  }

  /** What a server that was started after all that must show. */
  async check(url: string, bornAt: number): Promise<void> {
    const moved = new Set(await this.mirror.follow(this.caller(ADMIN).connection, url));
    await readAll(this.caller(ADMIN), url, moved);
    const branches = await readBranches(this);
    for (const id of await this.mirror.follow(this.caller(ADMIN).connection, url)) moved.add(id);
    checkAnswers(this, moved);
    checkRuns(this, moved, bornAt);
    await checkEffects(this, branches);
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

  async fsck(): Promise<void> {
    const { code, text } = await command(this.folder, "ledger", "fsck");
    if (code !== 0) throw broken(`pawl ledger fsck ended with ${code}:\n${text}`);
  }

  close(): void {
    for (const caller of this.#callers.values()) caller.connection.close();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
