/** The kill test: real clients, a real server, and SIGKILL at random moments. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { Dice } from "../../src/testing/dice.ts";
import { askAgain, checkAll, checkNoDoubles, readAll } from "./check.ts";
import { Client, isOpen, proposal, type Board } from "./clients.ts";
import { ADMIN, AGENTS, deploy, REPOSITORIES, REVIEWERS } from "./deployment.ts";
import { subjects, sweepLocks } from "./effects.ts";
import { Evidence } from "./evidence.ts";
import type { Journal } from "./journal.ts";
import type { Mirror } from "./mirror.ts";
import { startDurablePostgres, type DurablePostgres } from "./postgres.ts";
import { startServer, type PawlProcess } from "./processes.ts";
import { aMinuteLater } from "./time.ts";
import { broken } from "./violation.ts";

export interface Settings {
  readonly seed: number;
  readonly rounds: number;
  readonly database: "sqlite" | "postgres";
  /** How often the whole database is recomputed. */
  readonly fsckEvery: number;
  readonly progress: (line: string) => void;
}

/** What was killed: `server` alone leaves its children running, `group` takes them along. */
export type Kill = "server" | "group" | "postgres" | "both";
const KILLS = { sqlite: { server: 1, group: 1 }, postgres: { server: 2, group: 1, postgres: 2, both: 2 } } as const;

export interface Summary {
  readonly folder: string;
  readonly kills: Readonly<Record<Kill, number>>;
  readonly journal: Journal;
  readonly mirror: Mirror;
  readonly fscks: number;
  readonly seconds: number;
}

/** Throws a Violation at the first promise that was broken; the folder is left for whoever looks. */
export async function torture(settings: Settings): Promise<Summary> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-torture-"));
  const world = await World.begin(settings, folder);
  try {
    for (let round = 1; round <= settings.rounds; round++) await world.round(round);
    return await world.summary();
  } catch (error) {
    throw new TortureFailed(world.at, folder, world.server.said(), error);
  } finally {
    await world.end();
  }
}

export class TortureFailed extends Error {
  constructor(round: number, folder: string, said: string, cause: unknown) {
    const what = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    super(`round ${round}: ${what}\nthe server said:\n${said.slice(-4000)}\neverything is kept in ${folder}`, { cause });
  }
}

const LEAST_DELAY = 20;
const MOST_DELAY = 400;

class World extends Evidence {
  readonly board: Board;
  readonly kills: Record<Kill, number> = { server: 0, group: 0, postgres: 0, both: 0 };
  server: PawlProcess;
  at = 0;
  readonly #settings: Settings;
  readonly #dice: Dice;
  readonly #postgres: DurablePostgres | undefined;
  #fscks = 0;
  #bornAt = 0;
  readonly #began = process.hrtime.bigint();

  private constructor(
    settings: Settings,
    folder: string,
    tokens: ReadonlyMap<string, string>,
    server: PawlProcess,
    postgres?: DurablePostgres,
  ) {
    super(folder, tokens);
    this.#settings = settings;
    this.server = server;
    this.#postgres = postgres;
    this.#dice = new Dice(settings.seed);
    let names = 0;
    this.board = {
      url: server.url,
      seen: new Map(),
      journal: this.journal,
      next: () => `t${settings.seed}-${++names}`,
      checkpoint: (note) => this.mirror.receive(note),
      landed: (id) => this.#landed(id),
    };
  }

  static async begin(settings: Settings, folder: string): Promise<World> {
    const postgres = settings.database === "postgres" ? await startDurablePostgres(join(folder, "postgres")) : undefined;
    const { tokens, server } = await deploy(folder, postgres === undefined ? {} : { postgres: postgres.url });
    const world = new World(settings, folder, tokens, server, postgres);
    await world.follow(server.url);
    return world;
  }

  async #landed(id: string): Promise<boolean> {
    const proposed = this.journal.byId(id);
    if (proposed === undefined) return false;
    const { effect, tag } = proposed;
    if (effect.kind === "policy") return this.mirror.of("config/policy").some(({ digest }) => digest === effect.digest);
    return (await subjects(this.folder, effect.repository)).has(tag);
  }

  async round(round: number): Promise<void> {
    this.at = round;
    const { rounds, fsckEvery } = this.#settings;
    const kill = await this.#underLoad();
    this.kills[kill] += 1;
    await this.#startAgain(kill);
    await this.#check(round);
    if (round % fsckEvery === 0 || round === rounds) {
      await this.fsck();
      this.#fscks += 1;
    }
    this.#tell();
  }

  /** All clients at once, until the blow. */
  async #underLoad(): Promise<Kill> {
    const stop = new AbortController();
    const clients = [...AGENTS, ...REVIEWERS, ADMIN].map(
      (who) =>
        new Client(this.caller(who), this.board, new Dice(this.#dice.below(2 ** 32)), who.startsWith("agent:") ? "agent" : "reviewer"),
    );
    const working = Promise.all(clients.map((client) => client.work(stop.signal)));
    await wait(LEAST_DELAY + this.#dice.below(MOST_DELAY - LEAST_DELAY));
    const kill: Kill = this.#dice.weighted<Kill>(KILLS[this.#settings.database]);
    const blows: Promise<void>[] = [];
    if (kill === "postgres" || kill === "both") blows.push(this.#postgres?.kill() ?? Promise.resolve());
    if (kill !== "postgres") blows.push(this.server.kill(kill === "server" ? "alone" : "group"));
    await Promise.all(blows);
    stop.abort();
    // A server whose database was killed under it is still there and answers, once the database is back.
    if (kill === "postgres") await this.#postgres?.restart();
    await working;
    return kill;
  }

  async #startAgain(kill: Kill): Promise<void> {
    if (kill === "both") await this.#postgres?.restart();
    if (kill === "postgres") return;
    for (const name of REPOSITORIES) sweepLocks(this.folder, name);
    // What the dead server had under way is taken up at once, by dice, or while it still counts as held.
    if (this.#dice.chance(0.7)) await aMinuteLater(this.folder, this.#postgres?.url);
    this.#bornAt = Date.now();
    this.server = await startServer({ cwd: this.folder });
    this.board.url = this.server.url;
  }

  async #check(round: number): Promise<void> {
    const { url } = this.board;
    const moved = await this.follow(url);
    await askAgain(this, url);
    const views = await readAll(this, url, moved);
    for (const view of views) this.board.seen.set(view.id, view);
    for (const [id, view] of this.board.seen) if (!isOpen(view)) this.board.seen.delete(id);
    await this.#goesOn(round);
    await checkAll(this, url, moved, this.#bornAt);
    checkNoDoubles(this);
    const [incident] = this.journal.incidents;
    if (incident !== undefined) throw broken(`the server failed by itself: ${incident}`);
  }

  /** A new change is accepted and planned: most are Pawl's own, every fifth is git's. */
  async #goesOn(round: number): Promise<void> {
    const caller = this.caller(this.#dice.pick(AGENTS));
    const proposed = proposal(this.board, round % 5 === 0 ? "document" : "policy", caller.principal, this.#dice);
    this.journal.proposals.set(proposed.tag, proposed);
    const { url } = this.board;
    let view = await caller.propose(url, proposed);
    if (view === undefined) throw broken("a new change was not accepted");
    this.journal.named(proposed, view.id);
    const path = `/v1/changes/${view.id}/wait?since=1&timeout=30`;
    view = await caller.change(url, "read", view.id, { method: "GET", path });
    if (view === undefined || view.status === "proposed") throw broken(`the new change ${proposed.tag} was not planned within 30 s`);
    if (view.status === "sent_back")
      throw broken(`the new change ${proposed.tag} was sent back: ${JSON.stringify(view.because)} ${JSON.stringify(view.instructions)}`);
    this.board.seen.set(view.id, view);
  }

  #tell(): void {
    const { acknowledged, lost, unavailable } = this.journal.tally;
    const { rounds, progress } = this.#settings;
    progress(`round ${this.at} of ${rounds}: ${acknowledged} acknowledged, ${lost + unavailable} lost, ${this.mirror.size} entries`);
  }

  async summary(): Promise<Summary> {
    const { folder, kills, journal, mirror } = this;
    return { folder, kills, journal, mirror, fscks: this.#fscks, seconds: Number(process.hrtime.bigint() - this.#began) / 1e9 };
  }

  async end(): Promise<void> {
    this.disconnect();
    await this.server.kill("group");
    await this.#postgres?.kill();
  }
}
