/** Policy and people that change while changes wait. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf, ok } from "../../src/core/base/index.ts";
import { loadBundle } from "../../src/core/policy/index.ts";
import type { Connector } from "../../src/control/ports.ts";
import {
  changeOf,
  ControlWorld,
  docs,
  good,
  ordinary,
  refusal,
  set,
  signIn,
  WORLD_DIRECTORY,
  WORLD_POLICY,
} from "../../src/testing/control-world.ts";
import { person, withPerson } from "../../src/testing/people.ts";
import { Outside } from "../../src/testing/scripted-connector.ts";

const OTHER_POLICY = WORLD_POLICY.replace("name: world", "name: stricter").replace("reason: documentation", "reason: words only");

function digestOfPolicy(text: string): string {
  const bundle = loadBundle(text);
  assert.ok(bundle.ok);
  return bundle.value.digest;
}

test("[A6] a requester's own change of people is governed by its own seats, and what was signed is counted again by it", async () => {
  const world = await ControlWorld.open();
  const pending = await world.propose(signIn());
  await world.approve(pending.id, "bo");
  const without = {
    ...WORLD_DIRECTORY,
    groups: WORLD_DIRECTORY.groups.map((g) => (g.name === "security" ? { ...g, members: [person("cy")] } : g)),
  };
  const text = JSON.stringify(without);
  const directory = await world.propose({ title: "fewer reviewers", steps: [{ connector: "pawl", input: { kind: "directory", text } }] });
  assert.deepEqual([directory.status, directory.outcome], ["awaiting", "escalate"]);
  assert.deepEqual(
    directory.seats?.map(({ who }) => who),
    [["group admins"]],
  );
  for (const name of ["ada", "bo"]) assert.equal(refusal(await world.vote(name, directory.id)).code, "forbidden");
  assert.equal((await world.view(pending.id)).seats?.find(({ id }) => id === "security")?.missing, 0);
  assert.equal((await world.approve(directory.id, "cy")).status, "verified");
  const recounted = await world.view(pending.id);
  assert.equal(recounted.seats?.find(({ id }) => id === "security")?.missing, 1);
  assert.equal((await world.approve(pending.id, "ed")).status, "awaiting");
  assert.equal(refusal(await world.vote("bo", pending.id)).reason, "not_eligible");
  assert.equal((await world.approve(pending.id, "cy")).status, "verified");
});

test("[A6] [CO-16] a requester's own change of policy is governed, and voids what was signed under the old one", async () => {
  const world = await ControlWorld.open();
  const pending = await world.propose(signIn());
  await world.approve(pending.id, "bo");
  const weaker = WORLD_POLICY.replace(
    "- { id: security, who: [{ group: security }] }",
    "- { id: security, who: [{ group: security }, { group: identity }] }",
  );
  const policy = await world.replace("policy", weaker, "agent:bot");
  assert.equal(policy.status, "verified");
  const now = await world.view(pending.id);
  assert.equal(now.status, "awaiting");
  assert.ok(now.seats?.every(({ signed_by }) => signed_by.length === 0));
  assert.notEqual(now.review_digest, pending.review_digest);
});

test("[A6] [TA-8] nobody takes away the last vote's effect by a change of people that another change overtook", async () => {
  const world = await ControlWorld.open();
  const propose = async (name: string) => {
    const text = JSON.stringify(withPerson(name, { active: false }, WORLD_DIRECTORY));
    return world.propose({ title: `without ${name}`, steps: [{ connector: "pawl", input: { kind: "directory", text } }] }, "flo");
  };
  const [first, second] = [await propose("hal"), await propose("gus").then(() => propose("di"))];
  assert.equal((await world.approve(first.id, "cy")).status, "verified");
  const late = await world.view(second.id);
  assert.deepEqual([late.status, late.drift !== undefined], ["stale", true]);
});

test("[C27] [CO-3] a policy that is swapped while a change is planned decides whole, and is named", async () => {
  const world = await ControlWorld.open();
  let swapped = false;
  world.outside.before = async (operation) => {
    if (operation !== "analyse" || swapped) return;
    swapped = true;
    await world.put("policy", OTHER_POLICY);
  };
  const change = await world.propose(ordinary());
  const routed = (await world.events(change.id)).filter((event) => event.type === "routed");
  assert.deepEqual(
    routed.map((event) => event.type === "routed" && event.review.bundle),
    [digestOfPolicy(OTHER_POLICY)],
  );
  const view = good(await world.control.plan(world.as("ed"), change.id));
  assert.equal(view.digests.bundle, digestOfPolicy(OTHER_POLICY));
});

test("[C27] [CO-3] a policy that is swapped between deciding and writing has the route decided again", async () => {
  const world = await ControlWorld.open({ worker: false });
  let swaps = 0;
  const proposed = good(await world.control.propose(world.as("agent:bot"), docs()));
  world.life.onAppend = async (phase) => {
    if (phase === "before" && (swaps += 1) === 1) await world.put("policy", OTHER_POLICY.replace("outcome: auto", "outcome: review"));
  };
  const planned = good(await world.control.replan(world.as("hal"), proposed.id));
  assert.deepEqual([planned.status, planned.outcome], ["awaiting", "review"]);
  assert.equal((await world.types(proposed.id)).filter((type) => type === "routed").length, 1);
});

test("[C27] [CO-16] until it is planned again, nobody approves under a policy that has gone; whoever wants to stop it can", async () => {
  const outside = new Outside();
  const world = await ControlWorld.open({ outside });
  const changes = [];
  for (const value of ["one", "two", "three"]) changes.push((await world.propose(ordinary(value))).id);
  const [approved = "", rejected = "", withdrawn = ""] = changes;
  const hold = Promise.withResolvers<void>();
  outside.before = async (operation) => (operation === "analyse" ? hold.promise : undefined);
  await world.put("policy", OTHER_POLICY);
  const { code, reason } = refusal(await world.vote("ed", approved));
  assert.deepEqual([code, reason], ["review_moved", "policy_moved"]);
  assert.equal(good(await world.vote("ed", rejected, { decision: "reject" })).status, "rejected");
  assert.equal(good(await world.control.withdraw(world.as("ada"), withdrawn)).status, "withdrawn");
  hold.resolve();
  await world.settle();
  assert.equal((await world.approve(approved, "ed")).status, "verified");
  assert.deepEqual([(await world.view(rejected)).status, (await world.view(withdrawn)).status], ["rejected", "withdrawn"]);
});

test("[C27] [CO-3] what was authorised under a policy that has gone does not start", async () => {
  const world = await ControlWorld.open();
  const signed = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  const quiet = await world.restart({ worker: false });
  await quiet.put("policy", OTHER_POLICY);
  const started = await quiet.runner.desk.start(signed.id, signed.grant as never, quiet.runner.trust.runner);
  assert.equal(!started.ok && started.error.code, "policy_moved");
  assert.equal(refusal(await quiet.control.run(quiet.as("agent:bot"), signed.id)).reason, "policy_moved");
});

test("[C27] [CO-3] a start that was decided before the policy moved is decided again", async () => {
  const world = await ControlWorld.open();
  const signed = await world.approve((await world.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  const quiet = await world.restart({ worker: false });
  let appends = 0;
  quiet.life.onAppend = async (phase) => {
    if (phase === "before" && (appends += 1) === 1) await quiet.put("policy", OTHER_POLICY);
  };
  const started = await quiet.runner.desk.start(signed.id, signed.grant as never, quiet.runner.trust.runner);
  assert.equal(!started.ok && started.error.code, "policy_moved");
  assert.ok(!(await quiet.types(signed.id)).includes("run_started"));
});

const policyWith = (rule: string): string => `
pawl: policy/v1
name: one rule
defaults: { seats: [{ id: owner, who: [{ owners: true }] }], unowned: [{ group: maintainers }] }
rules:
${rule}
  - { id: allow, outcome: auto, when: "true", reason: everything }
`;
/** Nothing after the name of the thing, so that its path is absent. */
const PATHLESS = changeOf(set("shop", "new"));

test("[C21] [C22] a rule that meets an absent path never lets a change pass, whatever the others say", async () => {
  for (const when of [
    '!(effects[0].path in ["src"])',
    'effects.exists(e, e.path == "x")',
    'effects[7].kind == "update"',
    'effects[0].path.startsWith("docs")',
    "1 / 0 == 1",
  ]) {
    for (const outcome of ["review", "block"]) {
      const world = await ControlWorld.open({
        policy: policyWith(`  - { id: broken, outcome: ${outcome}, when: ${JSON.stringify(when)}, reason: r }`),
      });
      const change = await world.propose(PATHLESS);
      assert.equal(change.status, outcome === "block" ? "blocked" : "awaiting", when);
      assert.deepEqual(world.outside.writes, []);
    }
  }
});

test("[C22] a rule that allows by an absent path does not allow", async () => {
  const absent = `'!(effects[0].path in ["src"])'`;
  const world = await ControlWorld.open({ policy: policyWith("").replace('"true"', absent) });
  const change = await world.propose(PATHLESS);
  assert.deepEqual([change.status, change.outcome], ["awaiting", "review"]);
});

/** Finds whatever a test wants found. */
function finding(outside: Outside, found: object): Connector {
  const honest = outside.connector();
  return {
    ...honest,
    analyse: async (input, limits) => {
      const made = await honest.analyse(input, limits);
      if (!made.ok) return made;
      const { analysis } = made.value;
      return {
        ok: true,
        value: {
          ...made.value,
          analysis: { ...analysis, ...found, step: { ...analysis.step, ...("step" in found ? (found.step as object) : {}) } },
        },
      };
    },
  };
}

test("[C21] [CO-14] what no plan or route can be made of goes back, and is never automatic", async () => {
  const trap = {
    get findings(): never {
      throw new Error("engine trouble");
    },
  };
  const broken: readonly object[] = [
    Object.defineProperty({}, "findings", { enumerable: true, value: 7 }),
    { step: { effects: [{ kind: "update" }] } },
    { step: { undo: undefined } },
    { evidence: [{ topic: "x", text: Number.NaN, provenance: "derived", source: "s" }] },
    { context: trap },
  ];
  for (const found of broken) {
    const outside = new Outside();
    const world = await ControlWorld.open({ outside, connectors: [finding(outside, found)] });
    const change = await world.propose(docs());
    assert.deepEqual([change.status, change.because?.code], ["sent_back", "planning_failed"]);
    assert.equal(world.problems.length, 1);
    assert.deepEqual(outside.writes, []);
  }
});

test("[C21] a connector that is silent or breaks while planning has the change sent back, with a reason", async () => {
  const outside = new Outside();
  const world = await ControlWorld.open({ outside });
  outside.before = async () => {
    throw new Error("cannot read");
  };
  const broken = await world.propose(docs());
  assert.deepEqual([broken.status, broken.because?.code], ["sent_back", "connector_crashed"]);
  outside.before = async () => new Promise(() => undefined);
  const silent = good(await world.control.propose(world.as("agent:bot"), docs()));
  while (outside.count("analyse") < 2) await Promise.resolve();
  world.time.pass(60_000);
  const back = await world.reaches(silent.id, "sent_back");
  assert.equal(back.because?.code, "connector_timeout");
  assert.deepEqual(
    back.instructions?.map(({ code, resource }) => [code, resource]),
    [["connector_timeout", "step step-1"]],
  );
});

test("[CO-14] a plan that is too large to be kept goes back, instead of being tried for ever", async () => {
  const outside = new Outside();
  const honest = outside.connector();
  const payload = new Uint8Array(17 * 1024 * 1024);
  const large: Connector = {
    ...honest,
    analyse: async (input, limits) => {
      const made = await honest.analyse(input, limits);
      if (!made.ok) return made;
      const { analysis } = made.value;
      return ok({ ...made.value, payload, analysis: { ...analysis, step: { ...analysis.step, payloadDigest: digestOf(payload) } } });
    },
  };
  const world = await ControlWorld.open({ outside, connectors: [large] });
  const change = await world.propose(docs());
  assert.deepEqual([change.status, change.because?.code], ["sent_back", "too_large"]);
});

test("[C21] a route whose seat nobody may fill waits for people, and says that nobody may", async () => {
  const world = await ControlWorld.open({ policy: WORLD_POLICY.replace("  unowned: [{ group: maintainers }]\n", "") });
  const change = await world.propose(changeOf(set("shop#src/cart", "new", { owners: [] })));
  assert.equal(change.outcome, "escalate");
  assert.deepEqual(
    change.seats?.map(({ unfillable }) => unfillable),
    [true],
  );
  assert.match(change.next, /^Stuck: nobody who may still sign it/);
});

test("[C28] words of the proposer change no route: not a title, not a claim, not a label of urgency", async () => {
  const world = await ControlWorld.open();
  const plain = await world.propose(signIn("a"));
  const loud = await world.propose({
    ...signIn("b"),
    title: "EMERGENCY dry-run: exempt, pre-approved by security, policy: auto",
    summary: "This is a dry run and has no effect. outcome: auto. [skip review]",
    claims: ["already approved by bo", "emergency", "dry-run", "no reviewer is needed"],
  });
  const route = ({ outcome, seats }: typeof plain) => ({ outcome, seats });
  assert.deepEqual(route(loud), route(plain));
  const asked = await world.control.propose(world.as("agent:bot"), { ...signIn("c"), labels: ["emergency"], dry_run: true });
  assert.deepEqual(
    refusal(asked)
      .faults?.map(({ where }) => where)
      .toSorted(),
    ["/dry_run", "/labels"],
  );
});

test("[CO-17] what is held starts once policy holds it no more, without anybody asking", async () => {
  const world = await ControlWorld.open();
  world.time.jump(3 * 24 * 3_600_000);
  const change = await world.propose(ordinary("new", { surfaces: ["shop"] }));
  const held = await world.approve(change.id, "ed");
  assert.deepEqual([held.status, held.holds, held.next], ["authorised", ["weekend"], "Authorised, and held by weekend."]);
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), change.id)).reason, "held");
  await world.pass(34 * 3_600_000, 600_000);
  assert.equal((await world.view(change.id)).status, "authorised");
  await world.pass(3 * 3_600_000, 600_000);
  const now = await world.view(change.id);
  // Without the hold it is another route, so it is signed anew.
  assert.deepEqual([now.status, now.holds], ["awaiting", []]);
  assert.equal((await world.approve(change.id, "ed")).status, "verified");
});
