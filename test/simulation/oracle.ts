/** What must hold whatever happens, said again from the committed rows and the target's own record after every step. */
import { digestOf, type ChangeId, type Digest, type Json, type PrincipalId } from "../../src/core/base/index.ts";
import type { ChangeEvent } from "../../src/core/change/index.ts";
import type { Plan } from "../../src/core/plan/index.ts";
import type { Directory } from "../../src/core/review/index.ts";
import type { PayloadRow, WriteSet } from "../../src/store/model.ts";
import { decideOn, SKEW, type Judge } from "./deciding.ts";
import type { Disk } from "./disk.ts";
import { CANARY, LEAK, readBundle, WORDS, type Bundle } from "./facts.ts";
import { holder } from "./holding.ts";
import { Log } from "./ledger.ts";
import type { Touch, Witness } from "./outside.ts";
import { bundleDigestOf, onlyStricter } from "./policy.ts";
import { Broken, type Life, type Scheduler } from "./scheduler.ts";
import { book, decider, ended, mustOf, type Asked, type Must, type Run, type Track } from "./track.ts";

/** Every so many routes, stricter variants are tried. */
const STRICTER_EACH = 16;
/** Half of what a token is, with a mark of ours, so that it is known wherever it turns up. */
export const TOKEN_MARK = "5ec4e7c0ffee";
export const runnerOf = (node: number): string => `rnr_sim00${node}`;

const text = new TextDecoder();

export class Oracle implements Witness, Judge {
  readonly tracks = new Map<ChangeId, Track>();
  /** Changes by the proposal that made them; twice sent, a proposal without a key makes two. */
  readonly byTag = new Map<number, Track>();
  readonly asked = new Map<number, Asked>();
  /** What people and machines asked for by their own credentials. */
  readonly asks = new Set<string>();
  readonly shown = new Map<Digest, Digest>();
  readonly consumed = new Set<string>();
  /** Versions of each change at which a decision ended. */
  readonly decisions = new Map<string, Set<number>>();
  readonly seen = new Set<string>();
  people: { directory: Directory; revoked: Set<string> } = { directory: { persons: [], machines: [], groups: [] }, revoked: new Set() };
  bundle: Bundle = {} as Bundle;
  bundleDigest = "" as Digest;
  texts: { policy: string; directory: string } = { policy: "", directory: "" };
  looks = 0;
  effects = 0;
  #routes = 0;
  #set: Map<string, PayloadRow> = new Map();
  readonly #looked = new Map<string, { readonly state: Digest; readonly at: number }>();
  readonly #owners = new Map<string, PrincipalId>();
  readonly #permitted = new Set<string>();
  readonly #log = new Log();
  readonly #disk: Disk;
  readonly #scheduler: Scheduler;
  /** How far the clock of each process is off. */
  readonly offsets: readonly number[];

  constructor(disk: Disk, scheduler: Scheduler, offsets: readonly number[]) {
    this.#disk = disk;
    this.#scheduler = scheduler;
    this.offsets = offsets;
    for (const { stream, bytes } of disk.entries) this.#other(stream, JSON.parse(text.decode(bytes)) as Read);
    const { head } = disk;
    this.#log.commit({ entries: disk.entries, head, checkpoint: disk.checkpoints.at(-1) });
  }

  payload = (digest: Digest): Uint8Array | undefined => (this.#set.get(digest) ?? this.#disk.payloads.get(digest))?.bytes ?? undefined;

  /** After every commit. */
  commit = (set: WriteSet): void => {
    this.#log.commit(set);
    this.#set = new Map(set.payloads.map((row) => [row.digest, row]));
    this.#secrets(set);
    for (const { idx, stream, bytes } of set.entries) {
      const words = text.decode(bytes);
      if (words.includes(WORDS)) throw new Broken(16, `words that somebody wrote stand in entry ${idx} of ${stream}`);
      noSecret(words, `entry ${idx} of ${stream}`);
      const read = JSON.parse(words) as Read;
      if (stream.startsWith("change/")) this.#change(stream.slice("change/".length) as ChangeId, read, idx);
      else this.#other(stream, read);
    }
    for (const { stream, version } of set.streams) {
      if (!stream.startsWith("change/")) continue;
      const ends = this.decisions.get(stream.slice("change/".length));
      if (ends === undefined) this.decisions.set(stream.slice("change/".length), new Set([version]));
      else ends.add(version);
    }
  };

  #secrets({ streams, claims, outbox, payloads }: WriteSet): void {
    for (const { stream, body } of streams) if (body !== null) wordless(body, `the state of ${stream}`);
    for (const { kind, key, value } of claims) wordless(key + value, `a claim of ${kind}`);
    for (const { kind, body } of outbox) wordless(body, `a job of ${kind}`);
    for (const { bytes, digest } of payloads) if (bytes !== null) noSecret(latin(bytes), `payload ${digest}`);
  }

  #change(id: ChangeId, { event, n }: Read, idx: number): void {
    const change = event as ChangeEvent;
    this.seen.add(change.type);
    const must = mustOf(id, () => `${change.type} in entry ${idx}`);
    const track = this.tracks.get(id) ?? this.#proposed(id, change, must);
    book(track, change, n, must);
    this.#credential(track, change, must);
    if (change.type === "run_started") {
      const other = holder(track, this.tracks.values());
      must(18, other === undefined, `it starts on what ${other?.id} has, which is ${other?.status}`);
    }
    if (change.type === "revised") this.#revised(track, change, must);
    decideOn(track, change, this, must);
    if (change.type === "routed" && this.#routes++ % STRICTER_EACH === 0) this.#stricter(track, change, must);
    this.#running(track, change, must);
  }

  #proposed(id: ChangeId, event: ChangeEvent, must: Must): Track {
    if (event.type !== "proposed") throw new Broken(10, `${event.type} before anything was proposed`, id);
    const { parties, proposal, expiresAt, start } = event;
    const { tag, asked } = this.#askedFor(proposal, must);
    timely(asked, event, must);
    must(15, this.asks.has(`propose ${tag} ${parties.proposer}`), `${parties.proposer} has not proposed this`);
    const track: Track = {
      id,
      tag,
      asked,
      parties,
      expiresAt,
      start,
      version: 0,
      status: "proposed",
      votes: [],
      glass: [],
      ended: false,
      reviews: [],
    };
    this.tracks.set(id, track);
    this.byTag.set(tag, track);
    return track;
  }

  #askedFor(proposal: Digest, must: Must): { readonly tag: number; readonly asked: Asked } {
    const bytes = this.payload(proposal);
    const title = bytes === undefined ? "" : (JSON.parse(text.decode(bytes)) as { title: string }).title;
    const tag = Number(title.split(" ")[1]);
    const asked = this.asked.get(tag);
    must(1, asked !== undefined, "a proposal that nobody made, or that is not stored");
    return { tag, asked: asked as Asked };
  }

  #revised(track: Track, event: Extract<ChangeEvent, { type: "revised" }>, must: Must): void {
    const { by, issuer, proposal, expiresAt } = event;
    const { tag, asked } = this.#askedFor(proposal, must);
    timely(asked, event, must);
    must(15, this.asks.has(`revise ${tag} ${by}`), `${by} has not revised this`);
    const editors = [...track.parties.editors, by, ...(issuer === undefined ? [] : [issuer])];
    Object.assign(track, { tag, asked, expiresAt, parties: { ...track.parties, editors } });
    this.byTag.set(tag, track);
  }

  /** Only people decide, in their own name, and only what they asked for. */
  #credential(track: Track, event: ChangeEvent, must: Must): void {
    const person = decider(event);
    if (event.type === "voted" && track.breaking !== undefined) {
      must(15, track.breaking.by === person, `${person} signs the emergency of ${track.breaking.by}`);
    } else if (event.type === "voted") {
      const { identity, reviewDigest, decision } = event.vote;
      must(15, this.asks.has(`vote ${track.id} ${person} ${identity} ${reviewDigest} ${decision}`), `${person} has not cast this vote`);
      const owner = this.#owners.get(identity);
      must(15, owner === undefined || owner === `human:${person}`, `${identity} is ${owner}'s`);
    } else if (event.type === "withdrawn" || event.type === "superseded") {
      const by = event.type === "withdrawn" ? event.by : "successor";
      must(15, this.asks.has(`${event.type} ${track.id} ${by}`), `${by} has not asked for this`);
    } else if (person !== undefined) {
      must(15, this.asks.has(`${event.type} ${track.id} ${person}`), `${person} has not asked for this`);
    }
  }

  #stricter(track: Track, event: Extract<ChangeEvent, { type: "routed" }>, must: Must): void {
    const bytes = this.payload(event.review.plan);
    // An emergency has no stricter or milder form: it is allowed, or it is not.
    if (bytes === undefined || track.asked.kind === "pawl" || event.seats.some(({ glass }) => glass !== undefined)) return;
    onlyStricter(track, JSON.parse(text.decode(bytes)) as Plan, event.outcome, this.bundle, event.at, must);
  }

  #running(track: Track, event: ChangeEvent, must: Must): void {
    const { run } = track;
    switch (event.type) {
      case "effect_started": {
        must(9, run?.id === event.run && run.ended === undefined, "an effect of a run that is not under way");
        must(7, run?.stopped !== true, "a run that somebody stopped begins another step");
        if (run === undefined) return;
        const step = run.grant.plan.stepDigests[run.begun.size];
        must(10, step?.id === event.step && run.done === run.begun.size, "an effect out of its order");
        must(2, event.observed === step?.state, "an effect begins on another state");
        if (track.asked.kind === "sim") this.#reread(run, step?.payload ?? "", event.observed, must);
        run.begun.add(event.step);
        return;
      }
      case "effect_done":
        must(9, run?.id === event.run && run.ended === undefined, "an effect of a run that is not under way is done");
        must(
          10,
          run?.effects.some(({ kind, step }) => kind === "apply" && step === event.step) === true,
          "an effect is done that never happened",
        );
        if (run !== undefined) run.done++;
        return;
      case "applied":
        if (run !== undefined) run.appliedAt = event.at;
        return;
      case "checked":
        must(
          10,
          run?.look?.result !== "failed" && event.n === (run?.look?.n ?? 0) + 1,
          "a look out of order, or after one that found it wrong",
        );
        if (run !== undefined) run.look = event;
        return;
      case "stop_requested":
        if (run !== undefined) run.stopped = true;
        return;
      case "undo_started":
        must(10, run?.begun.has(event.step) === true && run.id === event.run, "undoing what was not begun");
        run?.undoing.add(event.step);
        return;
      case "staled":
      case "verified":
      case "failed":
      case "undone":
      case "indeterminate":
        if (run !== undefined && run.ended === undefined) ended(run, event, must);
        return;
      default:
        return;
    }
  }

  /** The state was read, by the run's own runner, after the start and before the effect. */
  #reread(run: Run, payload: string, observed: Digest, must: Must): void {
    const look = this.#looked.get(`${run.runner} ${payload}`);
    must(2, look !== undefined && look.at >= run.since && look.state === observed, "an effect begins on a state that nobody has read");
  }

  #other(stream: string, { event }: Read): void {
    const { type } = event;
    if (type === "token_revoked") this.people.revoked.add(`token:${event["token"] as string}`);
    if (type === "token_created") {
      const { token, principal } = event as unknown as { token: string; principal: PrincipalId };
      this.#owners.set(`token:${token}`, principal);
    }
    if (!stream.startsWith("config/")) return;
    const { kind, digest } = event as unknown as { kind: "policy" | "directory"; digest: Digest };
    const bytes = this.payload(digest);
    if (bytes === undefined || digestOf(bytes) !== digest) throw new Broken(15, `the ${kind} in force is not stored`);
    const after = text.decode(bytes);
    if (type === "config_replaced") this.#config(kind, after);
    this.texts[kind] = after;
    if (kind === "directory") this.people = { ...this.people, directory: JSON.parse(after) as Directory };
    else [this.bundle, this.bundleDigest] = [readBundle(after), bundleDigestOf(after)];
  }

  /** Rules are replaced by a run that has begun to, or because a test puts them in force. */
  #config(kind: "policy" | "directory", after: string): void {
    const before = this.texts[kind];
    for (const { run, asked } of this.tracks.values()) {
      if (run === undefined || asked.kind !== "pawl" || asked.config !== kind) continue;
      const step = run.grant.plan.stepDigests[0];
      if (step === undefined || !run.begun.has(step.id)) continue;
      const applied = run.effects.length > 0;
      if (asked.text === after && !applied) return void run.effects.push({ kind: "apply", step: step.id });
      if (asked.text === before && applied && run.undoing.has(step.id)) return void run.effects.push({ kind: "undo", step: step.id });
    }
    // What an undo puts back was perhaps put in force by a test: so this comes last.
    if (this.asks.has(`put ${kind} ${digestOf(after)}`)) return;
    throw new Broken(15, `the ${kind} was replaced by no change`);
  }

  /** A runner was given the grant of an undo, as it was sealed. */
  permitted(node: number, run: string, step: string): void {
    this.#permitted.add(`${runnerOf(node)} ${run} ${step}`);
  }

  looked(life: Life, payload: Digest, state: Digest): void {
    if (life.over) return;
    this.looks += 1;
    this.#looked.set(`${runnerOf(life.node)} ${payload}`, { state, at: this.looks });
  }

  sending({ kind, life, tag, payload }: Touch): void {
    if (life.over) return;
    const track = this.byTag.get(tag);
    const must = mustOf(track?.id ?? "", () => `${kind} by ${runnerOf(life.node)}`);
    const run = track?.run;
    must(9, run !== undefined, "an effect without a start");
    if (track === undefined || run === undefined) return;
    const step = run.grant.plan.stepDigests.find((each) => each.payload === payload);
    must(1, step !== undefined, "other bytes run than were approved");
    if (step === undefined) return;
    must(3, run.runner === runnerOf(life.node), "an effect by another runner than the grant's");
    must(9, run.ended === undefined || run.ended === "indeterminate", `an effect is sent after the run ended as ${run.ended}`);
    if (kind === "undo") {
      must(10, run.undoing.has(step.id), "an undo without its intent in the ledger");
      return must(3, this.#permitted.has(`${runnerOf(life.node)} ${run.id} ${step.id}`), "an undo without a grant of its own");
    }
    must(10, run.begun.has(step.id), "an effect without its intent in the ledger");
    must(9, !run.sent.has(step.id), "an effect is sent twice");
    run.sent.add(step.id);
    const now = this.#scheduler.now + (this.offsets[life.node] ?? 0);
    must(14, now < run.grant.event.grantExpiresAt - SKEW, "an effect is sent after the time of its grant");
    const { from = 0, until = Number.POSITIVE_INFINITY } = track.asked.kind === "sim" ? track.asked.times : {};
    must(14, now >= from - SKEW && now < until - SKEW, "an effect is sent outside the time that its proposer asked for");
  }

  touched({ kind, tag, payload }: Touch, state: Digest): void {
    const track = this.byTag.get(tag);
    const run = track?.run;
    const step = run?.grant.plan.stepDigests.find((each) => each.payload === payload);
    if (track === undefined || run === undefined || step === undefined) throw new Broken(3, "an effect of nobody's grant");
    const must = mustOf(track.id, () => `${kind} of ${step.id}`);
    this.effects += 1;
    must(9, run.ended === undefined || run.ended === "indeterminate", `an effect after the run ended as ${run.ended}`);
    if (kind === "apply") must(2, state === step.state, "an effect on another state than was approved");
    must(9, !run.effects.some((each) => each.kind === kind && each.step === step.id), "an effect happens twice");
    run.effects.push({ kind, step: step.id });
  }

  /** No caller, log line or report may hold a secret. */
  told(what: string, value: unknown): void {
    noSecret(JSON.stringify(value) ?? "", what);
  }
}

/** What was asked about its time is what is on record. */
function timely(asked: Asked, { notBefore, expiresAt }: { readonly notBefore?: number; readonly expiresAt: number }, must: Must): void {
  if (asked.kind === "pawl") return;
  const { from, until } = asked.times;
  must(14, notBefore === from, `not before ${notBefore}, where ${from} was asked for`);
  must(14, until === undefined || expiresAt <= until, "it may start after the moment that its proposer named");
}

interface Read {
  readonly event: { readonly type: string } & Record<string, Json>;
  readonly n: number;
}

const latin = (bytes: Uint8Array): string => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("latin1");

function noSecret(words: string, where: string): void {
  for (const secret of [CANARY, LEAK, TOKEN_MARK]) if (words.includes(secret)) throw new Broken(16, `a secret stands in ${where}`);
}

function wordless(words: string, where: string): void {
  if (words.includes(WORDS)) throw new Broken(16, `words that somebody wrote stand in ${where}`);
  noSecret(words, where);
}
