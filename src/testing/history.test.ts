import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { decide, evolve, fold, type ChangeEvent, type ChangeState } from "../core/change/index.ts";
import { Dice } from "./dice.ts";
import { check, Recorder, type Fault, type History, type Kind, type Operation, type Outcome } from "./history.ts";
import { command as c, grant, NOON, run } from "./lifecycle.ts";
import { seat } from "./people.ts";

const SEED = 20_261_120;
const CHANGE = "chg_000001";
const codes = (faults: readonly Fault[]): readonly string[] => [...new Set(faults.map(({ code }) => code))];

/** One change, many clients: what they ask takes place at some moment between asking and hearing of it, or is lost. */
class Scene {
  readonly recorder = new Recorder();
  readonly events: ChangeEvent[] = [];
  readonly decisions = new Set<number>();
  #state: ChangeState | undefined;
  #grants = 10;
  readonly #dice: Dice;

  constructor(seed: number) {
    this.#dice = new Dice(seed);
    for (const each of [c.propose(), c.plan(), c.route({ seats: [seat("security", { count: 2 })] })]) this.decide(each);
  }

  decide(command: Parameters<typeof decide>[1]): Outcome {
    const decided = decide(this.#state, command, NOON);
    if (!decided.ok) return { kind: "refused", code: decided.error.code };
    for (const event of decided.value) this.#state = evolve(this.#state, event);
    this.events.push(...decided.value);
    this.decisions.add(this.events.length);
    return this.seen();
  }

  seen(): Outcome {
    assert.ok(this.#state !== undefined);
    return { kind: "accepted", version: this.#state.version, status: this.#state.status };
  }

  *client(name: string): Generator<void, void> {
    const [kind, by, act] = this.#wish();
    const invocation = this.recorder.invoke({ client: name, change: CHANGE, kind, ...(by === undefined ? {} : { by }) });
    yield;
    if (this.#dice.chance(0.05)) return;
    const outcome = act();
    yield;
    if (this.#dice.chance(0.1)) return;
    if (outcome.kind === "accepted") invocation.accepted(outcome);
    if (outcome.kind === "refused") invocation.refused(outcome.code);
  }

  #wish(): readonly [Kind, string | undefined, () => Outcome] {
    const who = this.#dice.pick(["bo", "cy", "di"]);
    const offer = { grant: grant((this.#grants += 1)) };
    const by = `human:${who}`;
    const kind = this.#dice.weighted({
      read: 6,
      approve: 6,
      withdraw_vote: 3,
      reject: 0.4,
      send_back: 0.4,
      revise: 1,
      withdraw: 0.2,
      start: 1,
      touch: 1,
    });
    switch (kind) {
      case "read":
        return [kind, undefined, () => this.seen()];
      case "approve":
        return [kind, by, () => this.decide(c.approve(who, offer))];
      case "withdraw_vote":
        return [kind, by, () => this.decide(c.withdrawVote(who))];
      case "reject":
        return [kind, by, () => this.decide(c.reject(who))];
      case "send_back":
        return [kind, by, () => this.decide(c.sendBack(who))];
      case "revise":
        return [kind, "agent:bot", () => this.decide(c.revise())];
      case "withdraw":
        return [kind, "agent:bot", () => this.decide(c.withdraw())];
      case "start":
        return [
          kind,
          undefined,
          () => this.decide(c.start({ grant: this.#state && "grant" in this.#state ? this.#state.grant : grant(1) })),
        ];
      default:
        return [kind, undefined, () => (this.#replan(), this.seen())];
    }
  }

  #replan(): void {
    const revision = this.#state?.revision ?? 1;
    const planned = this.decide(c.plan({ revision }));
    if (planned.kind === "accepted") this.decide(c.route({ seats: [seat("security", { count: 2 })], grant: grant((this.#grants += 1)) }));
  }

  /** Six at a time, in an order of the dice's own. */
  play(operations: number): History {
    const open: Generator<void, void>[] = [];
    for (let begun = 0; begun < operations || open.length > 0;) {
      if (begun < operations && open.length < 6 && this.#dice.chance(0.4)) open.push(this.client(`c${(begun += 1)}`));
      const at = this.#dice.below(open.length);
      if (open[at]?.next().done) open.splice(at, 1);
    }
    return this.history(this.recorder.operations());
  }

  history(operations: readonly Operation[]): History {
    return { operations, ledger: new Map([[CHANGE, { events: this.events, decisions: this.decisions }]]), everybody: true };
  }
}

type Accepted = Operation & { readonly returned: number; readonly outcome: Extract<Outcome, { kind: "accepted" }> };
const isAccepted = (operation: Operation): operation is Accepted => operation.outcome.kind === "accepted";
const acceptedOf = (history: History, ...kinds: readonly Kind[]): readonly Accepted[] =>
  history.operations.filter(isAccepted).filter(({ kind }) => kinds.length === 0 || kinds.includes(kind));
const eventsOf = (history: History): readonly ChangeEvent[] => history.ledger.get(CHANGE)?.events ?? [];
const swapped = (history: History, ...changed: readonly Operation[]): History => ({
  ...history,
  operations: history.operations.map((each) => changed.find(({ id }) => id === each.id) ?? each),
});
const withEvents = (history: History, events: readonly ChangeEvent[]): History => ({ ...history, ledger: new Map([[CHANGE, { events }]]) });

type Mutation = (history: History, dice: Dice) => History | undefined;

/** A reading is shown what was true before something that had returned when it began. */
const staleRead: Mutation = (history, dice) => {
  const reads = acceptedOf(history, "read");
  const stale = reads.flatMap((read) => {
    const floor = acceptedOf(history).filter(({ returned, outcome }) => returned < read.invoked && outcome.version > 3);
    const most = Math.max(0, ...floor.map(({ outcome }) => outcome.version));
    const version = [...(history.ledger.get(CHANGE)?.decisions ?? [])].findLast((each) => each < most);
    return version === undefined || most === 0 ? [] : [{ read, version }];
  });
  const chosen = dice.pick(stale);
  if (chosen === undefined) return undefined;
  const status = fold(eventsOf(history).slice(0, chosen.version))?.status;
  return status && swapped(history, { ...chosen.read, outcome: { kind: "accepted", version: chosen.version, status } });
};

const phantom: Mutation = (history, dice) => {
  const read = dice.pick(acceptedOf(history, "read"));
  return read && swapped(history, { ...read, outcome: { ...read.outcome, version: eventsOf(history).length + 1 } });
};

/** Two clients are told that they wrote one version. */
const doubled: Mutation = (history, dice) => {
  const write = dice.pick(acceptedOf(history, "approve", "withdraw_vote"));
  return write && { ...history, operations: [...history.operations, { ...write, id: history.operations.length, client: "other" }] };
};

/** The answer names the version, and the ledger holds something else there. */
const lostUpdate: Mutation = (history, dice) => {
  const write = dice.pick(acceptedOf(history, "approve", "withdraw_vote"));
  return write && swapped(history, { ...write, kind: "send_back" });
};

const doubleVote: Mutation = (history) => {
  const at = eventsOf(history).findIndex(({ type }) => type === "voted");
  const event = eventsOf(history)[at];
  if (event === undefined) return undefined;
  return withEvents(history, [...eventsOf(history).slice(0, at + 1), event, ...eventsOf(history).slice(at + 1)]);
};

/** Two writes of which one had returned when the other began change their times. */
const reordered: Mutation = (history, dice) => {
  const writes = acceptedOf(history, "approve", "withdraw_vote", "revise");
  const pairs = writes.flatMap((a) => writes.filter((b) => a.returned < b.invoked).map((b) => [a, b] as const));
  const [a, b] = dice.pick(pairs) ?? [];
  if (a === undefined || b === undefined) return undefined;
  const { invoked, returned } = a;
  return swapped(history, { ...a, invoked: b.invoked, returned: b.returned }, { ...b, invoked, returned });
};

const nobodys: Mutation = (history, dice) => {
  const write = dice.pick(acceptedOf(history, "withdraw_vote", "revise"));
  const same = history.operations.some(({ kind, by, outcome }) => kind === write?.kind && by === write.by && outcome.kind === "unknown");
  if (write === undefined || same) return undefined;
  return { ...history, operations: history.operations.filter(({ id }) => id !== write.id) };
};

/** Refused as ended before anything could have ended it. */
const refusedEarly: Mutation = (history, dice) => {
  const read = dice.pick(acceptedOf(history, "read").filter(({ returned }) => acceptedOf(history).some((each) => each.invoked > returned)));
  const later = read && acceptedOf(history).filter(({ invoked }) => invoked > read.returned);
  const open = later?.some(({ outcome }) => ["awaiting", "authorised", "planned", "proposed"].includes(outcome.status));
  return read && open
    ? swapped(history, { ...read, kind: "withdraw", by: "agent:bot", outcome: { kind: "refused", code: "ended" } })
    : undefined;
};

const MUTATIONS: Readonly<Record<string, readonly [Mutation, ...Fault["code"][]]>> = {
  "a stale reading": [staleRead, "out_of_order", "refused_wrongly"],
  "a phantom version": [phantom, "phantom_version"],
  "a version written twice": [doubled, "doubled_version"],
  "a lost update": [lostUpdate, "lost_update"],
  "a double vote": [doubleVote, "double_vote"],
  "reordered writes": [reordered, "out_of_order", "refused_wrongly"],
  "an entry of nobody's": [nobodys, "unexplained_entry"],
  "a refusal before its cause": [refusedEarly, "refused_wrongly"],
};

const seeds = fc.integer({ min: 0, max: 0xffff_ffff });

test("[I70] random linearizable histories pass, with lost answers and what others wrote", () => {
  const kinds = new Set<string>();
  fc.assert(
    fc.property(seeds, (seed) => {
      const history = new Scene(seed).play(40);
      assert.deepEqual(check(history), []);
      for (const { kind, outcome } of history.operations) kinds.add(`${kind} ${outcome.kind}`);
    }),
    { seed: SEED, numRuns: 300 },
  );
  for (const each of [
    "approve accepted",
    "approve refused",
    "approve unknown",
    "withdraw_vote accepted",
    "revise accepted",
    "start accepted",
  ])
    assert.ok(kinds.has(each), each);
});

for (const [name, [mutate, ...expected]] of Object.entries(MUTATIONS)) {
  test(`[I70] ${name} is found in every history that has it`, () => {
    let mutated = 0;
    fc.assert(
      fc.property(seeds, (seed) => {
        const history = mutate(new Scene(seed).play(40), new Dice(seed));
        if (history === undefined) return;
        mutated += 1;
        const found = codes(check(history));
        assert.ok(
          found.some((code) => (expected as readonly string[]).includes(code)),
          `seed ${seed}: found ${found.join(", ") || "nothing"}`,
        );
      }),
      { seed: SEED, numRuns: 150 },
    );
    assert.ok(mutated > 20, `only ${mutated} histories could be mutated`);
  });
}

/** A small history by hand: three entries, at most one decision each. */
function small(): { readonly recorder: Recorder; readonly check: (everybody?: boolean) => readonly string[] } {
  const scene = new Scene(1);
  const { recorder } = scene;
  return { recorder, check: (everybody = true) => codes(check({ ...scene.history(recorder.operations()), everybody })) };
}
const read = { client: "a", change: CHANGE, kind: "read" } as const;

test("[I70] readings that overlap may disagree; those that follow each other may not go back", () => {
  const { recorder, check: found } = small();
  const first = recorder.invoke(read);
  const second = recorder.invoke({ ...read, client: "b" });
  second.accepted({ version: 3, status: "awaiting" });
  first.accepted({ version: 1, status: "proposed" });
  assert.deepEqual(found(), []);
  recorder.invoke(read).accepted({ version: 2, status: "planned" });
  assert.deepEqual(found(), ["out_of_order"]);
});

test("[I70] a version within one decision is torn; a status that was not is wrong; a change without entries was never shown", () => {
  const scene = new Scene(1);
  scene.recorder.invoke(read).accepted({ version: 2, status: "planned" });
  const history = scene.history(scene.recorder.operations());
  const within = { events: scene.events, decisions: new Set([1, 3]) };
  assert.deepEqual(codes(check({ ...history, ledger: new Map([[CHANGE, within]]) })), ["torn_version"]);
  assert.deepEqual(codes(check({ ...history, ledger: new Map() })), ["unknown_change"]);
  const wrong = small();
  wrong.recorder.invoke(read).accepted({ version: 2, status: "verified" });
  assert.deepEqual(wrong.check(), ["wrong_status"]);
});

test("[I70] one lost answer explains one entry, and none from before it was asked", () => {
  const vote = { client: "a", change: CHANGE, kind: "approve", by: "human:bo" } as const;
  const one = new Scene(1);
  one.recorder.invoke(vote);
  one.decide(c.approve("bo"));
  assert.deepEqual(check(one.history(one.recorder.operations())), []);
  one.decide(c.withdrawVote("bo"));
  one.decide(c.approve("bo"));
  one.recorder.invoke({ ...vote, kind: "withdraw_vote" });
  assert.deepEqual(codes(check(one.history(one.recorder.operations()))), ["unexplained_entry"]);
  const late = new Scene(1);
  late.decide(c.approve("bo"));
  late.recorder.invoke(read).accepted({ version: 4, status: "awaiting" });
  late.recorder.invoke(vote);
  assert.deepEqual(codes(check(late.history(late.recorder.operations()))), ["unexplained_entry"]);
});

test("[I70] a ledger that the lifecycle does not allow is said to be so, and one grant starts once", () => {
  const ask = (events: readonly ChangeEvent[]): readonly string[] =>
    codes(check({ operations: [], everybody: false, ledger: new Map([[CHANGE, { events }]]) }));
  const scene = new Scene(1);
  scene.decide(c.approve("bo"));
  scene.decide(c.approve("cy", { grant: grant(5) }));
  scene.decide(c.start({ grant: grant(5) }));
  assert.deepEqual(ask(scene.events), []);
  assert.deepEqual(ask([...scene.events, { type: "run_started", at: NOON, grant: grant(5), run, runner: c.start().runner }]), [
    "double_start",
  ]);
  assert.deepEqual(ask([{ type: "expired", at: NOON }]), ["impossible_ledger"]);
});

test("[I70] an operation ends once, and one that never ends stays unknown", () => {
  const recorder = new Recorder();
  const invocation = recorder.invoke(read);
  recorder.invoke(read);
  invocation.refused("ended");
  invocation.accepted({ version: 1, status: "proposed" });
  assert.deepEqual(
    recorder.operations().map(({ invoked, returned, outcome }) => [invoked, returned, outcome.kind]),
    [
      [1, 3, "refused"],
      [2, undefined, "unknown"],
    ],
  );
});
