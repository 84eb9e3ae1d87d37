/** The kill test of what executes: real targets, and SIGKILL or a cut line at each moment of a run. */
import { chmodSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { ChangeView, OutcomeView } from "../../src/control/types.ts";
import { Dice } from "../../src/testing/dice.ts";
import { checkAnswers, checkRuns, tale } from "./check.ts";
import { blowOf, isPartition, Striker, type Blow } from "./connectors-blow.ts";
import { Deployment, type Kind, type Where } from "./connectors-deployment.ts";
import { isPartly, judge, judgeOutcome, type Case } from "./connectors-judge.ts";
import { isNow, isSign, isUndo, listen, momentOf, signOf, type Moment } from "./connectors-moment.ts";
import type { Target } from "./connectors-target.ts";
import { AGENTS } from "./deployment.ts";
import { Evidence } from "./evidence.ts";
import { answered, Connection } from "./http.ts";
import { broken } from "./violation.ts";

export interface Settings {
  readonly seed: number;
  readonly rounds: number;
  readonly kinds: readonly Kind[];
  readonly where: Where;
  readonly fsckEvery: number;
  /** No round but the first two begins after so long. */
  readonly seconds?: number;
  readonly progress: (line: string) => void;
}

/** One round, as it went. */
export interface Round {
  readonly kind: Kind;
  readonly moment: Moment;
  /** Whether the moment came, before the run was over. */
  readonly met: boolean;
  readonly blow: Blow;
  readonly end: string;
}

export interface Summary {
  readonly folder: string;
  readonly rounds: readonly Round[];
  readonly entries: number;
  readonly checkpoints: number;
  readonly fscks: number;
  readonly seconds: number;
}

const [AGENT] = AGENTS;
const [VOTER, LOOKER] = ["human:linus", "human:barbara"];
const FINAL = ["verified", "failed", "undone", "indeterminate", "stale", "sent_back", "blocked", "withdrawn", "expired"];
/** Longer than a lease, several attempts, and whatever a runner still says when it hears nothing. */
const PATIENCE_MILLIS = 90_000;

/** Throws at the first promise that was broken; the folder is left for whoever looks. */
export async function tortureConnectors(settings: Settings): Promise<Summary> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-torture-"));
  // PostgreSQL runs as another user where this is root's folder.
  chmodSync(folder, 0o711);
  const deployment = await Deployment.begin(folder, settings.kinds, settings.where);
  const world = new World(settings, deployment);
  try {
    return await world.all();
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error);
    const said = `the server said:\n${deployment.server.said().slice(-2000)}\nthe runner said:\n${deployment.runner?.said().slice(-2000)}`;
    throw new Error(`${world.at}: ${what}\n${said}\neverything is kept in ${folder}`, { cause: error });
  } finally {
    await world.end();
  }
}

class World extends Evidence {
  at = "the first changes";
  readonly #settings: Settings;
  readonly #deployment: Deployment;
  readonly #dice: Dice;
  readonly #striker: Striker;
  readonly #rounds: Round[] = [];
  readonly #began = process.hrtime.bigint();
  #fscks = 0;
  #names = 0;

  constructor(settings: Settings, deployment: Deployment) {
    super(deployment.folder, deployment.tokens);
    this.#settings = settings;
    this.#deployment = deployment;
    this.#dice = new Dice(settings.seed);
    this.#striker = new Striker(deployment, this.#dice);
  }

  get #url(): string {
    return this.#deployment.server.url;
  }

  async all(): Promise<Summary> {
    const { rounds, kinds, fsckEvery, seconds = Infinity, progress } = this.#settings;
    for (const kind of kinds) await this.#undisturbed(kind);
    for (let n = 1; n <= rounds && (n <= 2 || this.#seconds < seconds); n++) {
      // Each kind in turn, so that few rounds meet all of them.
      const kind = kinds[(n - 1) % kinds.length] ?? "git";
      this.at = `round ${n}, ${kind}`;
      const round = await this.#round(kind);
      this.#rounds.push(round);
      if (n % fsckEvery === 0) await this.#fsck();
      progress(`round ${n} of ${rounds}: ${kind}, ${round.blow} at ${round.moment}${round.met ? "" : " (too late)"}: ${round.end}`);
    }
    await this.#fsck();
    const { size, compared } = this.mirror;
    return { folder: this.folder, rounds: this.#rounds, entries: size, checkpoints: compared, fscks: this.#fscks, seconds: this.#seconds };
  }

  get #seconds(): number {
    return Number(process.hrtime.bigint() - this.#began) / 1e9;
  }

  async #fsck(): Promise<void> {
    await this.fsck();
    this.#fscks += 1;
  }

  /** Also what a later undo goes back to. */
  async #undisturbed(kind: Kind): Promise<void> {
    const here = await this.#propose(kind, this.#name("good"));
    await this.#vote(here.id);
    await this.#checkEnd(here, "verified");
  }

  async #round(kind: Kind): Promise<Round> {
    const target = this.#target(kind);
    const moment = momentOf(this.#dice, target.isSilent);
    const blow = blowOf(this.#dice, this.#deployment, target);
    const watch = moment === "checked" || this.#dice.chance(0.2) ? { seconds: 2, every_seconds: 1 } : undefined;
    const here = await this.#propose(kind, this.#name(isUndo(moment) || this.#dice.chance(0.15) ? "bad" : "good"), watch);
    this.at += `, ${blow} at ${moment}, change ${here.id}`;
    const struck = await this.#struck(here, moment, blow);
    await this.#comeBack(struck.blow, here.id);
    const view = await this.#rest(here.id);
    await this.#striker.quiet();
    await target.sweep();
    await this.#check(view, here);
    if (view.status === "indeterminate") await this.#findOut(view, here);
    else if (["stale", "sent_back"].includes(view.status)) await this.#about("withdraw", AGENT, here.id, "POST", "/withdraw");
    return { kind, moment, ...struck, end: `${view.status}${view.because === undefined ? "" : ` (${view.because.code})`}` };
  }

  /** The blow falls when the moment is there, or when the run is over. */
  async #struck({ target, id, before, value }: Case, moment: Moment, blow: Blow): Promise<{ readonly met: boolean; readonly blow: Blow }> {
    const fallen = Promise.withResolvers<Blow>();
    let falls: Promise<void> | undefined;
    const [held, pause] = [this.#dice.chance(0.8), this.#dice.chance(0.5) ? 0 : this.#dice.below(target.isSilent === true ? 100 : 30)];
    const strike = (): Promise<void> =>
      (falls ??= (async () => {
        if (pause > 0) await wait(pause);
        fallen.resolve(await this.#striker.strike(blow, target));
      })());
    const connection = new Connection();
    const stop = await listen(this.#url, this.#deployment.tokens.get(VOTER) ?? "", (told) => {
      if (told.change === id && isNow(moment, told)) strike().catch(fallen.reject);
    });
    const sign = held ? signOf(moment) : undefined;
    target.listen(
      async (which, written) => {
        if (isSign(moment, which, written, before)) await strike().catch(fallen.reject);
      },
      sign && { sign, value: isUndo(moment) ? before : value },
    );
    try {
      const voted = this.#vote(id);
      if (moment === "voting") strike().catch(fallen.reject);
      await voted;
      if (moment === "authorised") strike().catch(fallen.reject);
      await Promise.race([fallen.promise, this.#over(id, connection)]);
      const met = falls !== undefined;
      await strike();
      return { met, blow: await fallen.promise };
    } finally {
      target.listen(undefined);
      connection.close();
      stop();
    }
  }

  /** Settles when the run is over, its server is gone, or nobody wants to know any more. */
  async #over(id: string, connection: Connection): Promise<void> {
    const url = this.#url;
    const token = this.#deployment.tokens.get(VOTER);
    for (let path = ""; ;) {
      const reply = await connection.ask(url, { method: "GET", path: `/v1/changes/${id}${path}`, token });
      if (reply?.status !== 200) return;
      const { status, version } = JSON.parse(reply.text) as ChangeView;
      if (FINAL.includes(status)) return;
      path = `/wait?since=${version}&timeout=20`;
    }
  }

  async #comeBack(blow: Blow, id: string): Promise<void> {
    await this.#striker.startAgain(blow);
    if (!isPartition(blow)) return;
    // A runner that is heard and hears nothing is given up when its requests have run out of time, and that takes long.
    if (this.#dice.chance(blow === "deaf" ? 0.1 : 0.5)) {
      const connection = new Connection();
      await this.#over(id, connection);
      connection.close();
    } else await wait(this.#dice.below(1_000));
    this.#deployment.proxy.heal();
  }

  /** Once nothing moves it any more but a person. Whoever voted into the void votes again. */
  async #rest(id: string): Promise<ChangeView> {
    const until = Date.now() + PATIENCE_MILLIS;
    for (let path = ""; ;) {
      const view = await this.#read(id, path);
      if (view === undefined) throw broken(`change ${id} cannot be read`);
      if (FINAL.includes(view.status)) return view;
      if (view.status === "awaiting") await this.#vote(id);
      if (Date.now() > until) throw broken(`change ${id} is ${view.status} still`);
      path = view.status === "awaiting" ? "" : `/wait?since=${view.version}&timeout=10`;
    }
  }

  async #check(view: ChangeView, here: Case): Promise<void> {
    const moved = await this.follow(this.#url);
    checkAnswers(this, moved);
    checkRuns(this, moved, 0);
    await judge(this, view, here);
    const [incident] = this.journal.incidents;
    if (incident !== undefined) throw broken(`the server failed by itself: ${incident}`);
  }

  async #checkEnd(here: Case, end: string): Promise<void> {
    const view = await this.#rest(here.id);
    await this.#check(view, here);
    if (view.status !== end)
      throw broken(`change ${here.id} is ${view.status} (${view.because?.code}), not ${end}\n${tale(this.mirror.change(here.id))}`);
  }

  /** Its target is kept until somebody says how it ended, and is free then. */
  async #findOut(view: ChangeView, here: Case): Promise<void> {
    const { id, kind, target, before } = here;
    const connection = new Connection();
    const token = this.#deployment.tokens.get(LOOKER);
    const found = await answered<OutcomeView>(connection, this.#url, { method: "GET", path: `/v1/changes/${id}/outcome`, token });
    connection.close();
    judgeOutcome(found, await target.value(), here);
    if (isPartly(await target.value(), here)) await target.mend(before);
    const next = await this.#propose(kind, this.#name("good"));
    await this.#vote(next.id);
    const waiting = await this.#read(next.id);
    if (waiting?.status !== "authorised" || waiting.waits_for?.change !== id)
      throw broken(`${kind}: ${id} is indeterminate, and another is let at its target: ${JSON.stringify(waiting)}`);
    const isBack = (await target.value()) === before;
    const isDone = this.mirror.change(id)?.events.some(({ type }) => type === "effect_done") === true;
    const as = isBack ? (isDone ? "undone" : "failed") : "verified";
    const body = { run: view.run?.id, as, evidence: "looked at the target" };
    const reconciled = await this.#about("reconcile", LOOKER, id, "POST", "/reconcile", body);
    if (reconciled?.status !== as) throw broken(`${kind}: ${id} is ${reconciled?.status}, and not ${as} as was said`);
    await this.#checkEnd(next, "verified");
  }

  #name(sort: "good" | "bad"): string {
    this.#names += 1;
    return `${sort}-${this.#names}`;
  }

  #target(kind: Kind): Target {
    const target = this.#deployment.targets.get(kind);
    if (target === undefined) throw new Error(`there is no ${kind}`);
    return target;
  }

  async #propose(kind: Kind, value: string, watch?: object): Promise<Case> {
    const target = this.#target(kind);
    const [before, steps] = [await target.value(), await target.steps(value)];
    const backs = await target.writes(before);
    const body = { title: value, steps, start: "when-authorised", ...(watch === undefined ? {} : { watch }) };
    const ask = { method: "POST", path: "/v1/changes", body, headers: { "idempotency-key": value } } as const;
    let view = await this.caller(AGENT).change(this.#url, "read", "", ask);
    // A runner that was cut off, or that a new server has not heard of yet, is waited for: proposing is refused until then.
    for (const until = Date.now() + PATIENCE_MILLIS; view === undefined && Date.now() < until; await wait(100))
      view = await this.caller(AGENT).change(this.#url, "read", "", ask);
    while (view?.status === "proposed" || view?.status === "planned")
      view = await this.#read(view.id, `/wait?since=${view.version}&timeout=20`);
    if (view?.status !== "awaiting")
      throw broken(
        `${kind}: ${value} does not wait for votes: ${view?.status} ${JSON.stringify(view?.because)} ${JSON.stringify(view?.instructions)}`,
      );
    return { kind, target, value, before, backs, id: view.id };
  }

  async #vote(id: string): Promise<void> {
    const view = await this.#read(id, "", VOTER);
    if (view?.status !== "awaiting") return;
    await this.#about("approve", VOTER, id, "POST", "/votes", { decision: "approve", review_digest: view.review_digest });
  }

  #read(id: string, path = "", who: string = AGENT): Promise<ChangeView | undefined> {
    return this.caller(who).change(this.#url, "read", id, { method: "GET", path: `/v1/changes/${id}${path}` });
  }

  #about(
    kind: "approve" | "withdraw" | "reconcile",
    who: string,
    id: string,
    method: "POST",
    path: string,
    body: unknown = {},
  ): Promise<ChangeView | undefined> {
    return this.caller(who).change(this.#url, kind, id, { method, path: `/v1/changes/${id}${path}`, body });
  }

  async end(): Promise<void> {
    this.disconnect();
    await this.#deployment.end();
  }
}
