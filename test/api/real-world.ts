import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { canonical, millis, type PrincipalId, type RunnerId } from "../../src/core/base/index.ts";
import { vkey } from "../../src/core/ledger/index.ts";
import { createControl, dependable, issueToken, runDesk, seedConfig, startWorker, type Deps } from "../../src/control/index.ts";
import type { Connector } from "../../src/control/ports.ts";
import type { Caller, ChangeView, Control } from "../../src/control/types.ts";
import { runChange } from "../../src/runner/runner.ts";
import { openMemory } from "../../src/store/index.ts";
import { testSigner } from "../../src/testing/ledger.ts";
import { bundleText } from "../../src/testing/policy.ts";
import { Shelf } from "./shelf.ts";
import type { ApiWorld, WorldStatus } from "./world.ts";

const ORIGIN = "pawl.test/real";
const RUNNER = "runner_000001" as RunnerId;
const PAIR = { id: "pair", who: [{ group: "reviewers" }], count: 2 };
const ONE = { id: "one", who: [{ group: "reviewers" }] };
const POLICY = bundleText(
  [
    { id: "pair", when: 'effects.exists(e, e.resource.startsWith("shelf:pair"))', seats: [PAIR] },
    { id: "rest", when: '!effects.exists(e, e.resource.startsWith("shelf:pair"))', seats: [ONE] },
  ],
  { break_glass: { name: "incident", who: [{ group: "reviewers" }], second: { within: "24h", who: [{ group: "reviewers" }] } } },
);
const person = (id: string, roles: readonly string[]) => ({ id, name: id, active: true, identities: [], roles });
const DIRECTORY = canonical({
  persons: [person("ada", ["admin"]), person("bob", ["admin"]), person("cyd", [])],
  machines: [
    { id: "agent:bot", owner: "human:ada", actsFor: ["human:ada"], active: true },
    { id: "workload:ci", owner: "human:ada", actsFor: ["human:ada"], active: true },
  ],
  groups: [{ name: "reviewers", members: ["bob", "cyd"], handles: [] }],
});

/** The real control on a store in memory, with a worker, a runner, and a connector that touches nothing. */
export async function realWorld(): Promise<ApiWorld> {
  let now = 1_795_000_000_000;
  let made = 0;
  const shelf = new Shelf();
  const log = testSigner(ORIGIN, 1);
  const grantSigner = testSigner("grant", 2);
  const timers: Deps["timers"] = {
    after(delay, fn) {
      const timer = setTimeout(fn, delay);
      return () => clearTimeout(timer);
    },
  };
  const problems: { readonly what: string }[] = [];
  const deps: Deps = {
    store: openMemory({ origin: ORIGIN, signer: log }),
    clock: { now: () => millis((now += 1)) },
    ids: {
      next: (prefix) => `${prefix}_${String((made += 1)).padStart(12, "0")}`,
      random: (bytes) =>
        new Uint8Array(
          createHash("sha256")
            .update(`random ${(made += 1)}`)
            .digest(),
        ).subarray(0, bytes),
    },
    timers,
    connectors: new Map<string, Connector>([["shelf", dependable(shelf.connector(), timers)]]),
    findSecrets: async (text) => (text.includes("hunter2") ? [{ rule: "test/password", line: 1 }] : []),
    secretKey: new Uint8Array(32).fill(7),
    grantSigner,
    logKeys: [vkey(ORIGIN, log.publicKey)],
    origin: ORIGIN,
    limits: {
      changeLifetimeMillis: 86_400_000,
      grantLifetimeMillis: 3_600_000,
      clockSkewMillis: 1_000,
      planTimeoutMillis: 10_000,
      runTimeoutMillis: 10_000,
      openChangesPerProposer: 1_000,
    },
    // That the glass was broken is told, and nothing to mend.
    report: (problem) => void (problem.what.startsWith("the glass was broken") || problems.push(problem)),
  };
  await seedConfig(deps, "policy", POLICY);
  await seedConfig(deps, "directory", DIRECTORY);
  const control = createControl(deps, RUNNER);
  const trust = {
    deployment: ORIGIN,
    runner: RUNNER,
    grantKeys: new Map([["grant", grantSigner.publicKey]]),
    logKeys: deps.logKeys,
    skewMillis: 1_000,
  };
  const runnerDeps = { desk: runDesk(deps), connectors: deps.connectors, trust, clock: deps.clock, timers, timeoutMillis: 10_000 };
  const worker = startWorker(deps, {
    leaseMillis: 60_000,
    tickMillis: 50,
    parallel: 4,
    runner: RUNNER,
    run: (change) => runChange(runnerDeps, change),
  });
  const token = async (principal: string): Promise<string> => {
    const issued = await issueToken(deps, principal as PrincipalId, "test", "first-start");
    assert.ok(issued.ok);
    return issued.value.token;
  };
  const bearers = { human: await token("human:bob"), agent: await token("agent:bot"), workload: await token("workload:ci") };
  const scenes = new Scenes(control, shelf, {
    human: await callerOf(control, bearers.human),
    agent: await callerOf(control, bearers.agent),
    other: await callerOf(control, await token("human:cyd")),
  });
  return {
    control,
    clock: deps.clock,
    bearers,
    proposal: (title) => scenes.proposal(title, "new"),
    change: (status, options) => scenes.change(status, options?.needs === 2),
    broken: () => scenes.broken(),
    async close() {
      shelf.release();
      await worker.stop();
      await deps.store.close();
      assert.deepEqual(
        problems.map((problem) => JSON.stringify(problem)),
        [],
      );
    },
  };
}

async function callerOf(control: Control, bearer: string): Promise<Caller> {
  const caller = await control.authenticate(bearer, "api");
  assert.ok(caller.ok);
  return caller.value;
}

/** Brings changes where tests want them, by the ways that everybody has. */
class Scenes {
  readonly #control: Control;
  readonly #shelf: Shelf;
  readonly #as: Readonly<Record<"human" | "agent" | "other", Caller>>;
  #count = 0;

  constructor(control: Control, shelf: Shelf, as: Readonly<Record<"human" | "agent" | "other", Caller>>) {
    this.#control = control;
    this.#shelf = shelf;
    this.#as = as;
  }

  proposal(title: string, slot: string, start: "when-authorised" | "on-request" = "on-request") {
    this.#count += 1;
    return { title, start, steps: [{ connector: "shelf", input: { slot: `${slot}-${this.#count}`, value: title } }] };
  }

  async change(status: WorldStatus, pair: boolean): Promise<string> {
    const runs = status === "stale" || status === "indeterminate" || status === "running";
    const slot = status === "indeterminate" ? "lost" : status === "running" ? "held" : pair ? "pair" : "slot";
    const proposal = this.proposal(`A change that is ${status}`, slot, runs ? "when-authorised" : "on-request");
    const proposed = await this.#control.propose(this.#as.agent, proposal);
    assert.ok(proposed.ok, JSON.stringify(proposed));
    const waiting = await this.#until(proposed.value, "awaiting");
    if (status === "awaiting") return waiting.id;
    if (status === "stale") this.#shelf.slots.set(proposal.steps[0]?.input.slot ?? "", "moved");
    const voted = await this.#control.vote(this.#as.human, waiting.id, { decision: "approve", review_digest: waiting.review_digest ?? "" });
    assert.ok(voted.ok, JSON.stringify(voted));
    return (await this.#until(voted.value, status)).id;
  }

  /** The other person has broken the glass for it. */
  async broken(): Promise<string> {
    const id = await this.change("awaiting", true);
    const view = await this.#control.read(this.#as.human, id);
    assert.ok(view.ok);
    const raw = { reason: "the shop is down", review_digest: view.value.review_digest ?? "" };
    const done = await this.#control.glass.break(this.#as.other, id, raw);
    assert.ok(done.ok, JSON.stringify(done));
    return id;
  }

  async #until(from: ChangeView, status: string): Promise<ChangeView> {
    let view = from;
    while (view.status !== status) {
      const next = await this.#control.wait(this.#as.agent, view.id, view.version, 10_000);
      assert.ok(next.ok && next.value.version > view.version, `${view.id} stays ${view.status}, and was to become ${status}: ${view.next}`);
      view = next.value;
    }
    return view;
  }
}
