import {
  canonical,
  digestOf,
  fail,
  ok,
  toHex,
  utf8,
  type ChangeId,
  type Digest,
  type Json,
  type JsonObject,
  type PersonId,
  type PrincipalId,
  type Result,
} from "../core/base/index.ts";
import type { Status } from "../core/change/index.ts";
import { consistencyProof, inclusionProof, leafHash, signCheckpoint, vkey } from "../core/ledger/index.ts";
import { parseProposal } from "../core/plan/index.ts";
import type { Clock } from "../control/ports.ts";
import type { Runners } from "../control/runners-types.ts";
import type {
  Answer,
  Caller,
  ChangeView,
  Control,
  ControlRefusal,
  GlassDesk,
  GlassView,
  LedgerReader,
  PrincipalKind,
  TokenView,
} from "../control/types.ts";
import { fakePlan, fakeView, viewIn, type FakeChange } from "./fake-change.ts";
import { fakeGlass } from "./fake-glass.ts";
import { fakeRunners } from "./fake-runners.ts";
import { MemoryLog, testSigner } from "./ledger.ts";
import { STATUSES } from "./lifecycle.ts";

export interface FakeMember {
  readonly principal: PrincipalId;
  readonly kind: PrincipalKind;
  readonly bearer: string;
}

export const member = (kind: PrincipalKind, name: string): FakeMember => ({
  principal: `${kind}:${name}` as PrincipalId,
  kind,
  bearer: `${kind}-${name}-token`,
});

const ORIGIN = "pawl.test/log";
const refusal = (
  code: ControlRefusal["code"],
  reason: string,
  message: string,
  more: Partial<ControlRefusal> = {},
): Result<never, ControlRefusal> => fail({ code, reason, message, ...more });

/**
 * A small stand-in for control, for tests of what speaks to it: it moves changes about without a plan, a policy or a
 * store, but writes a real ledger of what happened. Nothing is decided here that the real one's rules depend on.
 */
export class FakeControl {
  readonly log = new MemoryLog();
  readonly changes = new Map<string, FakeChange>();
  readonly #clock: Clock;
  readonly #members: readonly FakeMember[];
  readonly #signer = testSigner(ORIGIN, 7);
  readonly #listeners = new Set<Parameters<Control["subscribe"]>[0]>();
  readonly #keys = new Map<string, { body: Digest; change: string }>();
  readonly #tokens = new Map<string, TokenView>();
  readonly #broken = new Map<string, GlassView>();
  readonly #streams: string[] = [];
  readonly revoked = new Set<string>();
  #next = 0;

  constructor(clock: Clock, members: readonly FakeMember[]) {
    this.#clock = clock;
    this.#members = members;
  }

  /** A change that is where a test wants it. */
  place(
    status: Status,
    options: { readonly proposer?: PrincipalId; readonly needs?: number; readonly onlyFor?: PrincipalId } = {},
  ): string {
    const { proposer = "agent:bot" as PrincipalId, needs = 1, onlyFor } = options;
    const id = `chg_${String((this.#next += 1)).padStart(8, "0")}`;
    const view = fakeView(id, proposer, "human:ada" as PrincipalId, `Change ${this.#next}`, this.#clock.now());
    this.changes.set(id, { view, events: [], votes: [], needs, ...(onlyFor === undefined ? {} : { onlyFor }) });
    this.move(id, "proposed", "proposed");
    if (status !== "proposed") this.move(id, "moved", status);
    return id;
  }

  /** Writes one event of a change, and tells everybody. */
  move(id: string, type: string, status: Status, more: Partial<ChangeView> = {}): ChangeView {
    const change = this.changes.get(id);
    if (change === undefined) throw new Error(`the fake has no change ${id}`);
    const at = this.#clock.now();
    const event = { type, at };
    const n = change.events.length;
    change.events.push({ index: this.append(`change/${id}`, n, event), n, type, at, event });
    const { title, summary, revision, proposer, owner, version } = { ...change.view, ...more };
    const bare = { ...fakeView(id, proposer, owner, title, change.view.created_at), summary, revision };
    change.view = {
      ...bare,
      status,
      version: version + 1,
      updated_at: at,
      next: `Now ${status}.`,
      ...viewIn(status, { ...change, view: bare }, at),
    };
    for (const listener of this.#listeners) listener({ change: id as ChangeId, version: change.view.version, status });
    return change.view;
  }

  append(stream: string, n: number, event: JsonObject): number {
    this.log.append([utf8(canonical({ event, n, stream, v: 1 }))]);
    this.#streams.push(stream);
    return this.log.size - 1;
  }

  get subscribers(): number {
    return this.#listeners.size;
  }

  control(): Control {
    return {
      ...this.#people(),
      ...this.#reading(),
      ...this.#moving(),
      ...this.#rules(),
      ledger: this.#ledger(),
      runners: this.#runners(),
      glass: this.#glass(),
    };
  }

  #see(caller: Caller, id: string): FakeChange | undefined {
    const change = this.changes.get(id);
    return change?.onlyFor === undefined || change.onlyFor === caller.principal ? change : undefined;
  }

  /** Does something to a change that is in one of the states in which it can be done. */
  async #act(
    caller: Caller,
    id: string,
    from: readonly Status[],
    act: (change: FakeChange) => ChangeView | Result<never, ControlRefusal>,
  ): Answer<ChangeView> {
    const change = this.#see(caller, id);
    if (change === undefined) return refusal("not_found", "unknown_change", "no such change is visible to you");
    if (!from.includes(change.view.status)) return refusal("not_now", "wrong_state", `the change is ${change.view.status}`);
    const done = act(change);
    return "ok" in done ? done : ok(done);
  }

  #people(): Pick<
    Control,
    | "authenticate"
    | "whoami"
    | "createToken"
    | "listTokens"
    | "revokeToken"
    | "recordRefusal"
    | "subscribe"
    | "health"
    | "directory"
    | "connectors"
  > {
    return {
      authenticate: async (bearer, channel) => {
        const found = this.revoked.has(bearer) ? undefined : this.#members.find((one) => one.bearer === bearer);
        if (found === undefined) return refusal("unauthenticated", "bad_token", "this token is not valid here");
        const { principal, kind } = found;
        const person = kind === "human" ? { person: principal.slice("human:".length) as PersonId } : {};
        return ok({ principal, kind, identity: `token:${bearer}`, roles: kind === "human" ? ["admin"] : [], channel, ...person });
      },
      whoami: async ({ principal, kind, roles }) => ok({ principal, kind, name: principal, roles, groups: [] }),
      createToken: async (_caller, raw) => {
        const { principal, label } = raw as { principal?: PrincipalId; label?: string };
        if (principal === undefined) return refusal("invalid", "invalid", "the body is not valid", { where: "/principal" });
        const view: TokenView = {
          id: `tok_${String((this.#next += 1)).padStart(8, "0")}`,
          principal,
          label: label ?? "",
          created_at: this.#clock.now(),
          revoked: false,
        };
        this.#tokens.set(view.id, view);
        this.append(`token/${view.id}`, 0, { type: "token_created", at: view.created_at });
        return ok({ token: `pawl_${view.id}_secret`, view });
      },
      listTokens: async () => ok([...this.#tokens.values()]),
      revokeToken: async (_caller, id) => {
        const view = this.#tokens.get(id);
        if (view === undefined) return refusal("not_found", "unknown_token", "no such token is visible to you");
        const revoked = { ...view, revoked: true };
        this.#tokens.set(id, revoked);
        this.append(`token/${id}`, 1, { type: "token_revoked", at: this.#clock.now() });
        return ok(revoked);
      },
      recordRefusal: async ({ principal, identity }, what, code) => {
        this.append("audit", 0, { type: "refused", by: principal, identity, what, code, at: this.#clock.now() });
      },
      subscribe: (listener) => {
        this.#listeners.add(listener);
        return () => this.#listeners.delete(listener);
      },
      health: async () => ({ ok: true, checks: [{ name: "store", ok: true, text: "in memory" }] }),
      directory: async () => ok({ persons: [], machines: [], groups: [] }),
      connectors: async () => ok({ text: "pawl: connectors/v1\n", digest: digestOf("pawl: connectors/v1\n") }),
    };
  }

  #reading(): Pick<Control, "read" | "plan" | "events" | "list" | "wait" | "outcome" | "grant" | "bundle" | "exportPage"> {
    return {
      read: async (caller, id) => this.#act(caller, id, STATUSES, ({ view }) => view),
      plan: async (caller, id) => {
        const change = this.#see(caller, id);
        return change === undefined
          ? refusal("not_found", "unknown_change", "no such change is visible to you")
          : ok(fakePlan(change.view));
      },
      events: async (caller, id, from, limit) => {
        const change = this.#see(caller, id);
        return change === undefined
          ? refusal("not_found", "unknown_change", "no such change is visible to you")
          : ok(change.events.slice(from, from + limit));
      },
      list: async (caller, { statuses, proposer, mine, limit, cursor }) => {
        const by = mine === true ? caller.principal : proposer;
        const seen = [...this.changes.values()].filter((change) => this.#see(caller, change.view.id) !== undefined).map(({ view }) => view);
        const found = seen.filter((view) => (statuses?.includes(view.status) ?? true) && (by === undefined || view.proposer === by));
        const start = cursor === undefined ? 0 : Number(cursor);
        const more = start + limit < found.length ? { cursor: String(start + limit) } : {};
        return ok({ changes: found.slice(start, start + limit), ...more });
      },
      wait: (caller, id, since, timeoutMillis, signal) => this.#wait(caller, id, since, timeoutMillis, signal),
      grant: async (caller, id) => {
        const change = this.#see(caller, id);
        if (change?.view.grant === undefined) return refusal("not_now", "not_authorised", "there is no grant");
        return ok({ payloadType: "application/vnd.in-toto+json", payload: "e30=", signatures: [{ keyid: "fake", sig: "AAAA" }] });
      },
      outcome: async (caller, id) => {
        const view = this.#see(caller, id)?.view;
        if (view === undefined) return refusal("not_found", "unknown_change", "no such change is visible to you");
        if (view.status !== "indeterminate" || view.run === undefined) return refusal("not_now", "not_indeterminate", "it has no run");
        const steps = view.run.steps.map((step) => ({ ...step, approved: digestOf(step.id) }));
        return ok({ change: view.id, run: view.run.id, because: "runner_gone", steps });
      },
      bundle: async (caller, id) =>
        this.#see(caller, id) === undefined ? refusal("not_found", "unknown_change", "no such change is visible to you") : ok("{}"),
      exportPage: async (_caller, { format, since }) => ok({ format, events: [], cursor: String(since), more: false }),
    };
  }

  async #wait(caller: Caller, id: string, since: number, timeoutMillis: number, signal?: AbortSignal): Answer<ChangeView> {
    const moved = Promise.withResolvers<void>();
    const stop = (): void => moved.resolve();
    const timer = setTimeout(stop, timeoutMillis);
    const listener: Parameters<Control["subscribe"]>[0] = ({ change, version }) => {
      if (change === id && version > since) stop();
    };
    this.#listeners.add(listener);
    signal?.addEventListener("abort", stop, { once: true });
    const now = this.#see(caller, id)?.view.version;
    if (signal?.aborted !== true && now !== undefined && now <= since) await moved.promise;
    clearTimeout(timer);
    this.#listeners.delete(listener);
    return this.#act(caller, id, STATUSES, ({ view }) => view);
  }

  #moving(): Pick<
    Control,
    "propose" | "revise" | "vote" | "withdrawVote" | "sendBack" | "withdraw" | "replan" | "run" | "stop" | "reconcile"
  > {
    return {
      propose: (caller, raw, key) => this.#propose(caller, raw, key),
      revise: async (caller, id, raw) => {
        const read = parseProposal(raw);
        if (!read.ok) return refusal("invalid", "invalid", "the revision is not valid", { faults: read.error });
        return this.#act(caller, id, OPEN, ({ view }) =>
          this.move(id, "revised", "proposed", { revision: view.revision + 1, title: read.value.title }),
        );
      },
      vote: (caller, id, raw) => this.#vote(caller, id, raw),
      withdrawVote: (caller, id) =>
        this.#act(caller, id, ["awaiting"], (change) => {
          if (!change.votes.some(({ person }) => person === caller.person)) return refusal("not_now", "no_vote", "you have no vote here");
          change.votes = change.votes.filter(({ person }) => person !== caller.person);
          return this.move(id, "vote_withdrawn", "awaiting");
        }),
      sendBack: (caller, id) => this.#act(caller, id, ["awaiting"], () => this.move(id, "sent_back", "sent_back")),
      withdraw: (caller, id) => this.#act(caller, id, OPEN, () => this.move(id, "withdrawn", "withdrawn")),
      replan: (caller, id) => this.#act(caller, id, OPEN, () => this.move(id, "planned", "awaiting")),
      run: (caller, id) => this.#act(caller, id, ["authorised"], () => this.move(id, "run_started", "running")),
      stop: (caller, id) => this.#act(caller, id, ["running", "applied"], ({ view }) => this.move(id, "stop_requested", view.status)),
      reconcile: (caller, id, raw) =>
        this.#act(caller, id, ["indeterminate"], () => this.move(id, "reconciled", (raw as { as: Status }).as)),
    };
  }

  async #propose(caller: Caller, raw: Json, key?: string): Answer<ChangeView> {
    const body = digestOf(canonical(raw));
    const earlier = key === undefined ? undefined : this.#keys.get(`${caller.principal}/${key}`);
    if (earlier !== undefined && earlier.body !== body)
      return refusal("idempotency_mismatch", "idempotency_mismatch", "this key was used for another body");
    if (earlier !== undefined) return this.#act(caller, earlier.change, STATUSES, ({ view }) => view);
    const read = parseProposal(raw);
    if (!read.ok) return refusal("invalid", "invalid", "the proposal is not valid", { faults: read.error });
    const id = this.place("proposed", { proposer: caller.principal });
    if (key !== undefined) this.#keys.set(`${caller.principal}/${key}`, { body, change: id });
    return this.#act(caller, id, STATUSES, ({ view }) => view);
  }

  #vote(caller: Caller, id: string, raw: Json): Answer<ChangeView> {
    return this.#act(caller, id, ["awaiting"], (change) => {
      const { decision, review_digest: reviewed } = raw as { decision?: string; review_digest?: string };
      if (caller.kind !== "human") return refusal("forbidden", "machine_credential", "voting is a human decision");
      if (decision !== "approve" && decision !== "reject") return refusal("invalid", "invalid", "no such decision", { where: "/decision" });
      if (reviewed !== change.view.review_digest) return refusal("review_moved", "review_moved", "what was to be signed has changed");
      if (caller.principal === change.view.owner) return refusal("forbidden", "self_approval", "the agent's owner may not vote");
      change.votes.push({ person: caller.person ?? "", decision });
      if (decision === "reject") return this.move(id, "rejected", "rejected");
      return this.move(id, "voted", change.votes.length >= change.needs ? "authorised" : "awaiting");
    });
  }

  #rules(): Pick<Control, "policy" | "policyCheck" | "policyTest" | "policyExplain"> {
    const fault = { code: "policy_syntax", message: "this is not a rule", line: 1, column: 1, caret: "bad\n^" };
    return {
      policy: async () => ok({ text: "rules: []\n", digest: digestOf("rules: []\n"), name: "fake" }),
      policyCheck: async (_caller, text) => ok(text === "bad" ? { faults: [fault] } : { faults: [], digest: digestOf(text) }),
      policyTest: async (_caller, text) =>
        ok(
          text === "bad"
            ? { faults: [fault], results: [] }
            : { faults: [], results: [{ name: "one", passed: true, expected: "review", actual: "review" }] },
        ),
      policyExplain: async (caller, id) => {
        const change = this.#see(caller, id);
        if (change === undefined) return refusal("not_found", "unknown_change", "no such change is visible to you");
        return ok({ outcome: "review", lines: ["everything is reviewed"], trace: fakePlan(change.view).trace });
      },
    };
  }

  #runners(): Runners {
    return fakeRunners(
      (stream, n, event) => void this.append(stream, n, event),
      () => this.#clock.now(),
    );
  }

  #glass(): GlassDesk {
    return fakeGlass(
      this.changes,
      (id, type, status) => this.move(id, type, status),
      (type) => void this.append("glass", 0, { type, at: this.#clock.now() }),
      this.#broken,
    );
  }

  #ledger(): LedgerReader {
    const { log } = this;
    const note = (): string => signCheckpoint({ origin: ORIGIN, size: log.size, root: log.root }, [this.#signer]);
    const outside = (): Result<never, ControlRefusal> => refusal("invalid", "outside_log", "the log is not that large");
    return {
      checkpoint: async () => note(),
      vkeys: () => [vkey(ORIGIN, this.#signer.publicKey)],
      tile: async (level, index) => log.readTile(level, index),
      size: async () => log.size,
      entries: async (from, limit) =>
        log.entries.slice(from, from + limit).map((bytes, i) => ({ index: from + i, stream: this.#streams[from + i] ?? "", bytes })),
      inclusion: async (index, size = log.size) => {
        const entry = log.entries[index];
        if (entry === undefined || index >= size || size > log.size) return outside();
        return ok({
          index,
          size,
          leaf_hash: toHex(leafHash(entry)),
          proof: inclusionProof(index, size, log.readTile).map(toHex),
          checkpoint: note(),
        });
      },
      consistency: async (from, to) => {
        if (from > to || to > log.size) return outside();
        return ok({ from, to, proof: consistencyProof(from, to, log.readTile).map(toHex) });
      },
    };
  }
}

const OPEN: readonly Status[] = ["proposed", "planned", "sent_back", "awaiting", "authorised", "stale"];
