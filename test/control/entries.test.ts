/** Whatever changes something leaves an entry; the exceptions are listed, and are none that decide. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Control } from "../../src/control/types.ts";
import type { GrantId } from "../../src/core/base/index.ts";
import { changeOf, ControlWorld, good, idOf, ordinary, set, signIn, WORLD_POLICY } from "../../src/testing/control-world.ts";

interface Place {
  readonly world: ControlWorld;
  readonly control: Control;
  readonly awaiting: string;
  readonly signed: string;
  readonly started: string;
  readonly lost: string;
  readonly lostRun: string;
  readonly token: string;
  readonly bearer: string;
}
type Act = (place: Place) => Promise<{ readonly ok?: boolean } | void>;

/** What each method leaves in the ledger: the types of its entries, or none because it only reads. */
const METHODS: Readonly<Record<keyof Control, readonly [Act, ...(readonly string[])]>> = {
  propose: [({ control, world }) => control.propose(world.as("agent:bot"), ordinary("2")), "proposed"],
  revise: [({ control, world, awaiting }) => control.revise(world.as("agent:bot"), awaiting, ordinary("3")), "revised"],
  vote: [({ world, awaiting }) => world.vote("bo", awaiting), "voted"],
  withdrawVote: [({ control, world, signed }) => control.withdrawVote(world.as("ed"), signed), "vote_withdrawn"],
  sendBack: [({ control, world, awaiting }) => control.sendBack(world.as("di"), awaiting, { reason: "mend it" }), "sent_back"],
  withdraw: [({ control, world, awaiting }) => control.withdraw(world.as("ada"), awaiting), "withdrawn"],
  replan: [({ control, world, awaiting }) => control.replan(world.as("hal"), awaiting), "planned", "routed"],
  run: [({ control, world, signed }) => control.run(world.as("ed"), signed), "run_requested"],
  stop: [({ control, world, started }) => control.stop(world.as("ada"), started), "stop_requested"],
  outcome: [({ control, world, lost }) => control.outcome(world.as("ed"), lost)],
  reconcile: [
    ({ control, world, lost, lostRun }) => control.reconcile(world.as("di"), lost, { as: "failed", run: lostRun, evidence: "I looked" }),
    "reconciled",
    "released",
  ],
  glass: [
    ({ control, world, awaiting }) => breakIt(control, world, awaiting),
    "glass_broken",
    "routed",
    "voted",
    "authorised",
    "glass_opened",
  ],
  createToken: [({ control, world }) => control.createToken(world.as("cy"), { principal: "human:ed" }), "token_created"],
  revokeToken: [({ control, world, token }) => control.revokeToken(world.as("cy"), token), "token_revoked"],
  recordRefusal: [({ control, world }) => control.recordRefusal(world.as("agent:bot"), "POST /v1/tokens", "machine_credential"), "refused"],
  authenticate: [({ control, bearer }) => control.authenticate(bearer, "cli")],
  whoami: [({ control, world }) => control.whoami(world.as("ed"))],
  read: [({ control, world, awaiting }) => control.read(world.as("ed"), awaiting)],
  plan: [({ control, world, awaiting }) => control.plan(world.as("ed"), awaiting)],
  events: [({ control, world, awaiting }) => control.events(world.as("ed"), awaiting, 0, 10)],
  list: [({ control, world }) => control.list(world.as("ed"), { limit: 10 })],
  wait: [({ control, world, awaiting }) => control.wait(world.as("ed"), awaiting, 0, 1_000)],
  grant: [({ control, world, signed }) => control.grant(world.as("ed"), signed)],
  bundle: [({ control, world, signed }) => control.bundle(world.as("ed"), signed)],
  exportPage: [({ control, world }) => control.exportPage(world.as("ed"), { format: "jsonl", since: 0, limit: 10 })],
  policy: [({ control, world }) => control.policy(world.as("ed"))],
  policyCheck: [({ control, world }) => control.policyCheck(world.as("ed"), WORLD_POLICY)],
  policyTest: [({ control, world }) => control.policyTest(world.as("ed"), WORLD_POLICY)],
  policyExplain: [({ control, world, awaiting }) => control.policyExplain(world.as("ed"), awaiting, WORLD_POLICY)],
  directory: [({ control, world }) => control.directory(world.as("ed"))],
  connectors: [({ control, world }) => control.connectors(world.as("agent:bot"))],
  listTokens: [({ control, world }) => control.listTokens(world.as("cy"))],
  subscribe: [async ({ control }) => control.subscribe(() => undefined)()],
  runners: [({ control, world }) => control.runners.invite(world.as("cy"), { label: "one" }), "runner_invited"],
  ledger: [({ control }) => control.ledger.inclusion(0)],
  health: [({ control }) => control.health()],
};

/** By somebody who may, under a policy that has an emergency route. */
async function breakIt(control: Control, world: ControlWorld, change: string) {
  const { review_digest = "" } = await world.view(change);
  return control.glass.break(world.as("cy"), change, { reason: "the shop is down", review_digest });
}

/** A waiting, a signed, a started and a lost change, and nobody at work. */
async function place(): Promise<Place> {
  const first = await ControlWorld.open();
  await first.put(
    "policy",
    `${WORLD_POLICY}\nbreak_glass: { name: incident, who: [{ group: admins }], second: { within: 1h, who: [{ group: security }] } }\n`,
  );
  await first.settle();
  first.outside.before = async (operation, target) =>
    operation === "apply" && target === "lost"
      ? { ok: false, error: { code: "lost", message: "no answer", effect: "possible" } }
      : undefined;
  const awaiting = await first.propose(signIn());
  const signed = await first.approve((await first.propose({ ...ordinary(), start: "on-request" })).id, "ed");
  const lost = await first.approve((await first.propose(changeOf(set("lost", "new")))).id, "ed");
  const other = { ...changeOf(set("other", "new")), start: "on-request" } as const;
  const started = await first.approve((await first.propose(other)).id, "ed");
  const made = good(await first.control.createToken(first.as("cy"), { principal: "human:ed", label: "laptop" }));
  assert.deepEqual([awaiting.status, signed.status, lost.status], ["awaiting", "authorised", "indeterminate"]);
  const world = await first.restart({ worker: false });
  const { control, runner } = world;
  good(await runner.desk.start(idOf(started), started.grant as GrantId, runner.trust.runner));
  return {
    world,
    control,
    awaiting: awaiting.id,
    signed: signed.id,
    started: started.id,
    lost: lost.id,
    lostRun: lost.run?.id ?? "",
    token: made.view.id,
    bearer: made.token,
  };
}

test("[E47] [CO-38] every method of Control is listed with the entries it leaves, and leaves exactly those", async () => {
  assert.deepEqual(Object.keys((await place()).control).toSorted(), Object.keys(METHODS).toSorted());
  for (const [name, [act, ...entries]] of Object.entries(METHODS)) {
    const here = await place();
    const from = (await here.world.store.head()).size;
    const answer = await act(here);
    assert.notEqual(answer?.ok, false, `${name}: ${JSON.stringify(answer)}`);
    assert.deepEqual(
      (await here.world.entries(from)).map(({ event }) => event["type"]),
      entries,
      name,
    );
  }
});

test("[E47] [CO-38] what is asked again and answered with what stands leaves nothing", async () => {
  const here = await place();
  const { control, world, token, signed, started } = here;
  good(await control.propose(world.as("agent:bot"), ordinary("2"), "key"));
  good(await control.run(world.as("ed"), signed));
  good(await control.stop(world.as("ada"), started));
  good(await control.revokeToken(world.as("cy"), token));
  const from = (await world.store.head()).size;
  good(await control.propose(world.as("agent:bot"), ordinary("2"), "key"));
  good(await control.run(world.as("ed"), signed));
  good(await control.stop(world.as("cy"), started));
  good(await control.revokeToken(world.as("cy"), token));
  assert.equal((await world.store.head()).size, from);
});

test("[E47] [CO-1] a refusal by rule leaves nothing of what was asked", async () => {
  const here = await place();
  const { control, world, awaiting, signed } = here;
  const from = (await world.store.head()).size;
  const refused = [
    await world.vote("ada", awaiting),
    await world.vote("hal", awaiting, { comment: "words nobody may keep" }),
    await control.withdraw(world.as("hal"), awaiting),
    await control.revise(world.as("hal"), awaiting, ordinary()),
    await control.sendBack(world.as("hal"), awaiting, { reason: "no" }),
    await control.run(world.as("hal"), signed),
    await control.stop(world.as("hal"), here.started),
    await control.createToken(world.as("hal"), { principal: "human:ed" }),
    await control.revokeToken(world.as("hal"), here.token),
    await control.propose(world.as("hal"), { ...ordinary(), supersedes: signed }),
  ];
  assert.ok(refused.every(({ ok }) => !ok));
  assert.equal((await world.store.head()).size, from);
});
