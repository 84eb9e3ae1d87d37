import assert from "node:assert/strict";
import { test } from "node:test";
import type { Json } from "../../src/core/base/index.ts";
import type { Answer, Caller, ChangeView, Control, ControlRefusal } from "../../src/control/types.ts";
import { changeOf, ControlWorld, good, ordinary, refusal, set, signIn, WORLD_DIRECTORY } from "../../src/testing/control-world.ts";
import { person, withPerson } from "../../src/testing/people.ts";

const CHANNELS = ["api", "cli", "console"] as const;
/** Ada may sit in every seat: only her part in the change keeps her out. */
const ADA_EVERYWHERE = {
  ...WORLD_DIRECTORY,
  groups: WORLD_DIRECTORY.groups.map((g) => ({ ...g, members: [...g.members, person("ada")] })),
};

async function indeterminate(world: ControlWorld): Promise<ChangeView> {
  world.outside.before = async (operation) =>
    operation === "apply" ? { ok: false, error: { code: "connection_lost", message: "no answer", effect: "possible" } } : undefined;
  const change = await world.propose(ordinary("lost"));
  const ended = await world.approve(change.id, "ed");
  world.outside.before = async () => undefined;
  assert.equal(ended.status, "indeterminate");
  return ended;
}

test("[A1] the agent's own principal is refused with the same code by every way in", async () => {
  const world = await ControlWorld.open({ directory: ADA_EVERYWHERE });
  const reasons: string[] = [];
  const refused = async (answer: Promise<{ readonly ok: boolean }>): Promise<void> => {
    const { code, reason } = refusal((await answer) as Awaited<Answer<ChangeView>>);
    reasons.push(`${code} ${reason}`);
  };
  const change = await world.propose(signIn());
  for (const channel of CHANNELS) {
    for (const decision of ["approve", "reject"]) await refused(world.vote("ada", change.id, { decision }, { channel }));
    await refused(world.vote("ada", change.id, { seat: "security" }, { channel, identity: "@ada" }));
    await refused(world.control.sendBack(world.as("ada", { channel }), change.id, { reason: "no" }));
  }
  good(await world.control.revise(world.as("ada"), change.id, signIn("again")));
  await world.settle();
  await refused(world.vote("ada", change.id));
  const lost = await indeterminate(world);
  const said = { as: "verified", run: lost.run?.id ?? "", evidence: "I looked" };
  for (const channel of CHANNELS) await refused(world.control.reconcile(world.as("ada", { channel }), lost.id, said));
  assert.deepEqual([...new Set(reasons)], ["forbidden self_approval"]);
  assert.equal(reasons.length, 16);
  assert.equal((await world.view(change.id)).status, "awaiting");
  assert.equal(good(await world.control.reconcile(world.as("hal"), lost.id, said)).status, "verified");
});

test("[A1] whom an agent names as its principal is barred too, and its owner stays so", async () => {
  const world = await ControlWorld.open({ directory: ADA_EVERYWHERE });
  const change = await world.propose({ ...signIn(), on_behalf_of: "human:hal" });
  assert.equal(change.on_behalf_of, "human:hal");
  for (const name of ["hal", "ada"]) assert.equal(refusal(await world.vote(name, change.id)).reason, "self_approval");
  assert.equal(
    refusal(await world.control.propose(world.as("agent:bot"), { ...signIn(), on_behalf_of: "human:bo" })).reason,
    "not_acting_for",
  );
});

test("[A2] two tokens and two identities of one person are one vote, also at once", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(signIn());
  good(await world.vote("di", change.id, {}, { identity: "token:tok_first00001" }));
  for (const identity of ["token:tok_second0001", "@di", "slack:U-di", "DI@example.com"]) {
    assert.equal(refusal(await world.vote("di", change.id, {}, { identity })).reason, "already_voted");
  }
  assert.equal(refusal(await world.vote("di", change.id, {}, { identity: "@bo" })).reason, "identity_mismatch");
  const other = await world.propose(signIn("other"));
  const seats = ["owner", "security", "owner", "security"];
  const answers = await Promise.all(seats.map((seat, i) => world.vote("di", other.id, { seat }, { identity: `token:tok_parallel${i}` })));
  assert.equal(answers.filter((answer) => answer.ok).length, 1);
  for (const answer of answers) if (!answer.ok) assert.equal(answer.error.reason, "already_voted");
  assert.equal((await world.types(other.id)).filter((type) => type === "voted").length, 1);
});

type Attempt = readonly [
  method: keyof Control,
  what: string,
  attempt: (caller: Caller) => Promise<{ readonly ok: boolean; readonly error?: ControlRefusal }>,
];

test("[A3] [CO-18] a machine's credential decides nothing and makes no token, and each attempt is on record", async () => {
  const world = await ControlWorld.open();
  const { control } = world;
  const { id, review_digest = "" } = await world.propose(signIn());
  const vote = { decision: "approve", review_digest } as Json;
  const attempts: readonly Attempt[] = [
    ["vote", "vote", (caller) => control.vote(caller, id, vote)],
    ["withdrawVote", "withdraw_vote", (caller) => control.withdrawVote(caller, id)],
    ["sendBack", "send_back", (caller) => control.sendBack(caller, id, { reason: "no" })],
    ["reconcile", "reconcile", (caller) => control.reconcile(caller, id, { as: "verified", run: "run_000001", evidence: "x" })],
    ["createToken", "create_token", (caller) => control.createToken(caller, { principal: "agent:bot" })],
    ["listTokens", "list_tokens", (caller) => control.listTokens(caller)],
    ["revokeToken", "revoke_token", (caller) => control.revokeToken(caller, "tok_000001")],
  ];
  for (const name of ["agent:bot", "agent:sub", "workload:ci", "runner:one"]) {
    for (const [, what, attempt] of attempts) {
      const from = (await world.store.head()).size;
      const caller = world.as(name, { roles: ["admin"] });
      const answer = await attempt(caller);
      assert.deepEqual([answer.ok, answer.error?.code, answer.error?.reason], [false, "forbidden", "machine_credential"]);
      const [entry, ...more] = await world.entries(from);
      assert.deepEqual(more, []);
      const about = what.includes("token") ? {} : { on: id };
      const event = {
        type: "refused",
        at: world.time.now(),
        by: caller.principal,
        identity: caller.identity,
        what,
        code: "machine_credential",
      };
      assert.deepEqual(entry, { stream: "audit", event: { ...event, ...about } });
    }
  }
  assert.equal((await world.view(id)).status, "awaiting");
});

test("[A3] without its entry a machine is refused all the same, and the loss is told", async () => {
  const world = await ControlWorld.open({ worker: false });
  await world.store.close();
  assert.equal(refusal(await world.control.withdrawVote(world.as("agent:bot"), "chg_000001")).reason, "machine_credential");
  assert.deepEqual(
    world.problems.map(({ what }) => what),
    ["audit entry refused"],
  );
});

test("[A4] whoever could sit in two seats leaves the second open", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(signIn());
  const once = await world.approve(change.id, "di");
  assert.equal(once.status, "awaiting");
  assert.deepEqual(once.seats?.map(({ missing }) => missing).toSorted(), [0, 1]);
  assert.equal(refusal(await world.vote("di", change.id)).reason, "already_voted");
  const open = once.seats?.find(({ missing }) => missing > 0)?.id;
  assert.equal((await world.approve(change.id, open === "owner" ? "ed" : "bo")).status, "verified");
});

test("[A5] [CO-12] [PL-42] a reviewer who edits a change is its author now and an editor, whose vote never counts on it", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose(ordinary());
  good(await world.control.revise(world.as("di"), change.id, ordinary("better")));
  await world.settle();
  assert.equal(refusal(await world.vote("di", change.id)).reason, "self_approval");
  const { plan, presentation } = good(await world.control.plan(world.as("ed"), change.id));
  assert.deepEqual([plan.intent.author, plan.intent.proposer], ["human:di", "agent:bot"]);
  const words = presentation.sections.flatMap(({ items }) => items.filter(({ kind }) => kind === "words"));
  assert.deepEqual(
    words.map((item) => item.kind === "words" && [item.by, item.revising]),
    [["human:di", "agent:bot"]],
  );
  assert.equal((await world.view(change.id)).proposer, "agent:bot");
  assert.equal((await world.approve(change.id, "ed")).status, "verified");
  assert.deepEqual(world.outside.writes, ["apply shop#src/cart=better"]);
});

test("[A7] somebody who voted and left before the start has not voted", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose({ ...changeOf(set("shop#src/auth", "new", { surfaces: ["auth"] })), start: "on-request" });
  const signed = await world.approve(change.id, "ed", "bo");
  assert.equal(signed.status, "authorised");
  const replaced = await world.replace("directory", withPerson("bo", { active: false }, WORLD_DIRECTORY));
  assert.equal(replaced.status, "verified");
  const now = await world.view(change.id);
  assert.equal(now.status, "awaiting");
  assert.deepEqual(
    now.seats?.map(({ id, missing }) => [id, missing]),
    [
      ["owner", 0],
      ["security", 1],
    ],
  );
  const voided = (await world.events(change.id)).find((event) => event.type === "votes_voided");
  assert.deepEqual(voided?.type === "votes_voided" && [voided.persons, voided.code], [["bo"], "inactive_person"]);
  assert.equal(refusal(await world.control.run(world.as("agent:bot"), change.id)).reason, "not_authorised");
  assert.deepEqual(world.outside.writes, []);
});

test("[A7] [CO-3] the start counts the votes itself, before anybody has counted them again", async () => {
  const world = await ControlWorld.open();
  const change = await world.propose({ ...ordinary(), start: "on-request" });
  const { grant } = await world.approve(change.id, "ed");
  const quiet = await world.restart({ worker: false });
  await quiet.put("directory", withPerson("ed", { active: false }, WORLD_DIRECTORY));
  const started = await quiet.runner.desk.start(change.id, grant as never, quiet.runner.trust.runner);
  assert.equal(!started.ok && started.error.code, "quorum_lost");
  assert.equal((await quiet.view(change.id)).status, "authorised");
});
