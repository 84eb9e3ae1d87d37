/** Those who ask: each request goes to one process, by the asker's own credential, and is remembered with what was answered. */
import {
  canonical,
  digestOf,
  utf8,
  type ChangeId,
  type Digest,
  type JsonObject,
  type PersonId,
  type PrincipalId,
  type Result,
  type RunId,
  type RunnerId,
} from "../../src/core/base/index.ts";
import { configDesk } from "../../src/control/index.ts";
import type { RunRef } from "../../src/control/ports.ts";
import type { Caller, ChangeView, Control, ControlRefusal, PrincipalKind } from "../../src/control/types.ts";
import type { Invocation, Kind } from "../../src/testing/history.ts";
import type { Rule, Times } from "./actions.ts";
import { bundleText, LEAK, peopleText, stepOf, withEdit, WORDS } from "./facts.ts";
import type { Process } from "./node.ts";
import { Away } from "./scheduler.ts";
import { truthOf, type Track } from "./track.ts";
import type { Ask, Token, World } from "./world.ts";

type RequestOf<K extends Ask["request"]["ask"]> = Extract<Ask["request"], { readonly ask: K }>;
type Answered = Result<unknown, { readonly code: string; readonly reason?: string }>;

/** Sends a request on its way; it may arrive late, twice, or never. */
export function send(world: World, ask: Ask, node = ask.node): void {
  world.requests.set(ask.n, ask);
  if (ask.request.ask === "propose" || ask.request.ask === "revise" || ask.request.ask === "govern") remember(world, ask);
  const arrive = (): Promise<number> =>
    world.scheduler.park(undefined, "arrival", `${ask.request.ask} by ${ask.by}`, (fate) =>
      fate === "lost" || fate === "fail" ? 0 : fate === "twice" ? 2 : 1,
    );
  void (async () => {
    for (let times = await arrive(); times > 0; times--) void session(world, ask, node);
  })();
}

/** What a proposal asks, known before anybody else hears of it; repeated, it asks the same. */
function remember(world: World, { n, by, request }: Ask): void {
  if (world.oracle.asked.has(n)) return;
  if (request.ask === "govern")
    world.oracle.asked.set(n, { kind: "pawl", by, config: request.what.kind, text: textOf(world, request.what, n) });
  else if (request.ask === "propose" || request.ask === "revise")
    world.oracle.asked.set(n, { kind: "sim", by, wishes: request.wishes, times: request.times ?? {} });
}

const iso = (at: number): string => new Date(at).toISOString().replace(".000Z", "Z");
const timesOf = ({ from, until }: Times = {}): JsonObject => ({
  ...(from === undefined ? {} : { not_before: iso(from) }),
  ...(until === undefined ? {} : { not_after: iso(until) }),
});

const textOf = ({ oracle }: World, what: Rule, n: number): string =>
  what.kind === "policy" ? bundleText(what.bundle, n) : peopleText(withEdit(oracle.people.directory, what.edit), n);

async function session(world: World, ask: Ask, node: number): Promise<void> {
  const process = world.nodes[node];
  if (process?.up !== true) return;
  process.open += 1;
  let answer: Answered | undefined;
  try {
    answer = await new Session(world, process, ask).run();
    if (answer !== undefined && world.steps % 4 === 0) world.oracle.told(`the answer to ${ask.request.ask}`, answer);
  } catch (error) {
    if (!(error instanceof Away)) world.broke(error);
  } finally {
    process.open -= 1;
  }
  world.diary?.push(`${ask.request.ask} ${ask.n} by ${ask.by}: ${said(answer)}`);
}

const said = (answer: Answered | undefined): string => {
  if (answer === undefined) return "nothing came of it";
  return answer.ok ? "ok" : `refused, ${answer.error.reason ?? answer.error.code}`;
};

/** Refused before the lifecycle is asked, in whatever state. */
const WORDED: Partial<Record<Ask["request"]["ask"], string>> = { replan: "not_plannable", break_glass: "not_breakable" };

class Session {
  readonly #world: World;
  readonly #process: Process;
  readonly #control: Control;
  readonly #ask: Ask;

  constructor(world: World, process: Process, ask: Ask) {
    this.#world = world;
    this.#process = process;
    this.#control = process.control;
    this.#ask = ask;
  }

  async run(): Promise<Answered | undefined> {
    const { request } = this.#ask;
    if (request.ask === "put") return this.#put(request.what);
    const known = await this.#caller();
    if (!known.ok) return known;
    const caller = known.value;
    switch (request.ask) {
      case "propose":
        return this.#propose(caller, request);
      case "govern":
        return this.#govern(caller);
      case "make_token":
      case "revoke_token":
        return this.#token(caller, request);
      default:
        break;
    }
    const track = this.#world.track(request.slot);
    if (track === undefined) return undefined;
    switch (request.ask) {
      case "revise":
        return this.#revise(caller, track, request);
      case "vote":
        return this.#vote(caller, track, request);
      case "intrude":
        return this.#intrude(track, request);
      case "reconcile":
        return this.#reconcile(caller, track);
      case "break_glass":
        return this.#break(caller, track);
      default:
        return this.#simple(caller, track, request.ask);
    }
  }

  /** By a token as the API has it, or by another of somebody's identities as a channel would. */
  async #caller(): Promise<Result<Caller, ControlRefusal>> {
    const { by, via } = this.#ask;
    const channel = this.#ask.n % 3 === 0 ? "cli" : "console";
    const token = this.#tokenOf(by);
    if (via === "token" && token !== undefined) return this.#control.authenticate(token.bearer, channel);
    const kind = by.slice(0, by.indexOf(":")) as PrincipalKind;
    const person = kind === "human" ? { person: by.slice("human:".length) as PersonId } : {};
    return { ok: true, value: { principal: by as PrincipalId, kind, identity: via === "token" ? by : via, ...person, roles: [], channel } };
  }

  /** Mostly one that is still good, if they have one. */
  #tokenOf(by: string): Token | undefined {
    const all = this.#world.tokens.get(by) ?? [];
    const good = this.#world.goodTokens(by);
    const some = good.length === 0 || this.#ask.n % 8 === 0 ? all : good;
    return some[this.#ask.n % some.length];
  }

  /** Only what a person asks for is a reason for what only people can do. */
  #asked(caller: Caller, ...keys: readonly string[]): void {
    if (caller.kind === "human") for (const key of keys) this.#world.oracle.asks.add(key);
  }

  #invoke(kind: Kind, by: string, change = ""): Invocation {
    return this.#world.recorder.invoke({ client: String(this.#ask.n), node: String(this.#process.life.node), change, kind, by });
  }

  async #recorded(invocation: Invocation, work: Promise<Result<ChangeView, ControlRefusal>>): Promise<Answered> {
    const answer = await work;
    if (answer.ok) this.#world.answered(answer.value.id, answer.value.version);
    if (answer.ok) invocation.accepted({ version: answer.value.version, status: answer.value.status, change: answer.value.id });
    else if (answer.error.code !== "unavailable") invocation.refused(WORDED[this.#ask.request.ask] ?? answer.error.reason);
    return answer;
  }

  /** Without a key, each copy that arrives is a proposal of its own, and is told from the others. */
  #tag(): number {
    const { n } = this.#ask;
    const { copies, oracle } = this.#world;
    const copy = copies.get(n) ?? 0;
    copies.set(n, copy + 1);
    const tag = n + copy * 1_000_000;
    const asked = oracle.asked.get(n);
    if (asked !== undefined) oracle.asked.set(tag, asked);
    return tag;
  }

  #propose(caller: Caller, request: RequestOf<"propose">): Promise<Answered> {
    const { wishes, behalf, hours, start, keyed, leak, supersedes, patience, watch, times } = request;
    const n = keyed ? this.#ask.n : this.#tag();
    const old = supersedes === undefined ? undefined : this.#world.track(supersedes);
    this.#world.oracle.asks.add(`propose ${n} ${caller.principal}`);
    if (old !== undefined) this.#world.oracle.asks.add(`superseded ${old.id} successor`);
    const raw: JsonObject = {
      title: `change ${n}`,
      summary: leak ? `the password is ${LEAK}` : `${WORDS} by ${caller.principal}`,
      steps: wishes.map((wish) => stepOf(wish, n)),
      start,
      expires_in_seconds: Math.round(hours * 3600),
      ...timesOf(times),
      ...(behalf === undefined ? {} : { on_behalf_of: behalf }),
      ...(watch === undefined ? {} : { watch: { ...watch } }),
      ...(old === undefined ? {} : { supersedes: old.id }),
    };
    // A repeated key is answered with the change as it is by then.
    return this.#recorded(
      this.#invoke(keyed ? "touch" : "propose", caller.principal),
      this.#control.propose(caller, raw, keyed ? `key ${n}` : undefined, patience),
    );
  }

  #govern(caller: Caller): Promise<Answered> | undefined {
    const { n } = this.#ask;
    const asked = this.#world.oracle.asked.get(n);
    if (asked?.kind !== "pawl") return undefined;
    this.#world.oracle.asks.add(`propose ${n} ${caller.principal}`);
    const raw: JsonObject = { title: `change ${n}`, steps: [{ connector: "pawl", input: { kind: asked.config, text: asked.text } }] };
    return this.#recorded(this.#invoke("touch", caller.principal), this.#control.propose(caller, raw, `key ${n}`));
  }

  #revise(caller: Caller, track: Track, { wishes, hours, patience, watch, times }: RequestOf<"revise">): Promise<Answered> {
    const n = this.#tag();
    this.#world.oracle.asks.add(`revise ${n} ${caller.principal}`);
    const raw: JsonObject = {
      title: `change ${n}`,
      summary: WORDS,
      steps: wishes.map((wish) => stepOf(wish, n)),
      expires_in_seconds: Math.round(hours * 3600),
      ...timesOf(times),
      ...(watch === undefined ? {} : { watch: { ...watch } }),
    };
    return this.#recorded(this.#invoke("revise", caller.principal, track.id), this.#control.revise(caller, track.id, raw, patience));
  }

  /** On what the page says that they have open: as it is now, or as it was. */
  async #vote(caller: Caller, track: Track, { decision, page, seat }: RequestOf<"vote">): Promise<Answered | undefined> {
    const { oracle } = this.#world;
    const seen = await this.#view(caller, track.id);
    if (!seen.ok) return seen;
    const { review_digest: now, payload_digest } = seen.value;
    if (now !== undefined && payload_digest !== undefined) oracle.shown.set(now, payload_digest);
    const digest: Digest | undefined = page === "current" ? now : track.reviews.at(-2);
    if (digest === undefined) return undefined;
    this.#asked(
      caller,
      `vote ${track.id} ${caller.person} ${caller.identity} ${digest} ${decision}`,
      `vote_withdrawn ${track.id} ${caller.person}`,
      ...(decision === "reject" ? [`rejected ${track.id} ${caller.person}`] : []),
    );
    const raw: JsonObject = {
      decision,
      review_digest: digest,
      ...(seat === undefined ? {} : { seat }),
      comment: `${WORDS} ${this.#ask.n}`,
    };
    return this.#recorded(this.#invoke(decision, caller.principal, track.id), this.#control.vote(caller, track.id, raw));
  }

  async #view(caller: Caller, change: ChangeId): Promise<Result<ChangeView, ControlRefusal>> {
    const invocation = this.#invoke("read", caller.principal, change);
    const view = this.#control.read(caller, change);
    await this.#recorded(invocation, view);
    return view;
  }

  /** On what the page says, as somebody in a hurry reads it. */
  async #break(caller: Caller, track: Track): Promise<Answered> {
    const { oracle } = this.#world;
    const seen = await this.#view(caller, track.id);
    if (!seen.ok) return seen;
    const { review_digest: digest, payload_digest } = seen.value;
    if (digest !== undefined && payload_digest !== undefined) oracle.shown.set(digest, payload_digest);
    this.#asked(caller, `glass_broken ${track.id} ${caller.person}`);
    const raw: JsonObject = { reason: `${WORDS} the shop is down`, review_digest: digest ?? digestOf("") };
    return this.#recorded(this.#invoke("touch", caller.principal, track.id), this.#control.glass.break(caller, track.id, raw));
  }

  async #reconcile(caller: Caller, track: Track): Promise<Answered | undefined> {
    const { run } = track;
    // Nobody judges a run whose runner may still be at it.
    if (run === undefined || this.#world.busy(track)) return undefined;
    this.#asked(caller, `reconciled ${track.id} ${caller.person}`);
    const raw: JsonObject = { as: truthOf(run), run: run.id, evidence: `${WORDS} I looked` };
    return this.#recorded(this.#invoke("reconcile", caller.principal, track.id), this.#control.reconcile(caller, track.id, raw));
  }

  #simple(
    caller: Caller,
    track: Track,
    ask: "withdraw_vote" | "send_back" | "withdraw" | "replan" | "run" | "stop" | "look" | "wait" | "review_glass",
  ): Promise<Answered> {
    const { id } = track;
    const control = this.#control;
    const by = caller.principal;
    switch (ask) {
      case "withdraw_vote":
        this.#asked(caller, `vote_withdrawn ${id} ${caller.person}`);
        return this.#recorded(this.#invoke(ask, by, id), control.withdrawVote(caller, id));
      case "send_back":
        this.#asked(caller, `sent_back ${id} ${caller.person}`);
        return this.#recorded(this.#invoke(ask, by, id), control.sendBack(caller, id, { reason: `${WORDS} mend it` }));
      case "withdraw":
        this.#world.oracle.asks.add(`withdrawn ${id} ${by}`);
        return this.#recorded(this.#invoke(ask, by, id), control.withdraw(caller, id));
      case "replan":
        return this.#recorded(this.#invoke("touch", by, id), control.replan(caller, id));
      case "run":
        return this.#recorded(this.#invoke("touch", by, id), control.run(caller, id));
      case "stop":
        this.#asked(caller, `stop_requested ${id} ${caller.person}`);
        return this.#recorded(this.#invoke("touch", by, id), control.stop(caller, id));
      case "review_glass": {
        this.#asked(caller, `glass_reviewed ${id} ${caller.person}`);
        const raw = { verdict: this.#ask.n % 2 === 0 ? "approve" : "object", evidence: `${WORDS} I looked` };
        return this.#recorded(this.#invoke("touch", by, id), control.glass.review(caller, id, raw));
      }
      case "wait":
        return this.#recorded(this.#invoke("read", by, id), control.wait(caller, id, track.version, 120_000));
      case "look":
        return this.#look(caller, id);
      default:
        return ask satisfies never;
    }
  }

  /** Whatever can be read of a change, one thing at a time. */
  async #look(caller: Caller, id: ChangeId): Promise<Answered> {
    const control = this.#control;
    switch (this.#ask.n % 6) {
      case 0:
        return control.plan(caller, id);
      case 1:
        return control.events(caller, id, 0, 100);
      case 2:
        return control.list(caller, { limit: 3 });
      case 3:
        return control.grant(caller, id);
      case 4:
        return control.policyExplain(caller, id);
      default:
        return this.#view(caller, id);
    }
  }

  async #token(caller: Caller, { ask, principal }: RequestOf<"make_token" | "revoke_token">): Promise<Answered | undefined> {
    const { tokens } = this.#world;
    const mine = tokens.get(principal) ?? [];
    if (ask === "make_token") {
      const made = await this.#control.createToken(caller, { principal, label: WORDS });
      if (made.ok) tokens.set(principal, [...mine, { id: made.value.view.id, bearer: made.value.token }]);
      // What it answers with is the secret, this once.
      return made.ok ? { ok: true, value: made.value.view } : made;
    }
    const oldest = this.#world.goodTokens(principal)[0] ?? mine[0];
    return oldest === undefined ? undefined : this.#control.revokeToken(caller, oldest.id);
  }

  async #put(what: Rule): Promise<Answered> {
    const desk = configDesk(this.#process.deps);
    const { digest } = await desk.current(what.kind);
    const text = textOf(this.#world, what, this.#ask.n);
    this.#world.oracle.asks.add(`put ${what.kind} ${digestOf(text)}`);
    return desk.replace(what.kind, digest, text);
  }

  async #intrude(track: Track, { say, as }: RequestOf<"intrude">): Promise<Answered | undefined> {
    const { run } = track;
    const { desk } = this.#process;
    const stranger = "rnr_sim999" as RunnerId;
    if (say === "start") return track.grant === undefined ? undefined : this.#startAgain(track);
    if (run === undefined) return undefined;
    const [first] = run.grant.plan.stepDigests;
    if (first === undefined) return undefined;
    const ref: RunRef = { change: track.id, run: run.id as RunId, runner: as === "stranger" ? stranger : (run.runner as RunnerId) };
    const wrong = digestOf(utf8(canonical({ wrong: this.#ask.n })));
    const facts = { said: "by an intruder" };
    switch (say) {
      case "begin":
        return desk.begin(ref, first.id, as === "stranger" ? first.state : wrong);
      case "finish":
        return desk.finish({ ...ref, runner: stranger }, first.id, facts);
      case "undo":
        return desk.beginUndo({ ...ref, runner: stranger }, first.id, "lie", facts);
      case "verified":
      case "failed":
        return desk.report({ ...ref, runner: stranger }, say, "lie", facts);
      default:
        return say satisfies never;
    }
  }

  /** With an old grant, or the one that is used already. */
  #startAgain(track: Track): Promise<Answered> | undefined {
    const grant = track.run?.grant.event.grant;
    return grant === undefined ? undefined : this.#process.desk.start(track.id, grant, this.#process.runner);
  }
}
