/** Schedules, freezes and the emergency route, through control, its jobs and its runner. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { refold } from "../../src/control/refold.ts";
import type { GrantId, Json } from "../../src/core/base/index.ts";
import type { Person } from "../../src/core/review/index.ts";

import {
  changeOf,
  ControlWorld,
  good,
  idOf,
  ordinary,
  refusal,
  set,
  signIn,
  WORLD_DIRECTORY,
  WORLD_POLICY,
} from "../../src/testing/control-world.ts";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const iso = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");

test("[LC-50] what is not to start before a moment starts at that moment by itself, its votes and all", async () => {
  const world = await ControlWorld.open();
  const due = Math.ceil(world.time.now() / 1000) * 1000 + 5 * HOUR;
  const signed = await world.approve((await world.propose({ ...ordinary(), not_before: iso(due) })).id, "ed");
  assert.deepEqual([signed.status, signed.not_before, signed.held_until], ["authorised", due, due]);
  assert.match(signed.next, /^Authorised, and held by its schedule until 20\d\d-.* UTC\.$/);
  const early = await world.control.run(world.as("ed"), signed.id);
  assert.equal(refusal(early).reason, "held");
  await world.pass(due - world.time.now() - 1, 10 * MINUTE);
  assert.deepEqual([(await world.view(signed.id)).status, world.outside.writes.length], ["authorised", 0]);
  await world.pass(1_000, 1_000);
  assert.equal((await world.view(signed.id)).status, "verified");
  const events = await world.events(signed.id);
  const started = events.find(({ type }) => type === "run_started");
  assert.ok(started !== undefined && started.at >= due && started.at <= due + 1_000, `${(started?.at ?? 0) - due} ms late`);
  assert.equal(events.filter(({ type }) => type === "voted").length, 1);
});

test("[LC-51] [H69] what is not to start after a moment has expired at that moment, whatever was signed, and a grant ends by then", async () => {
  const world = await ControlWorld.open();
  const last = Math.ceil(world.time.now() / 1000) * 1000 + 30 * MINUTE;
  const body = { ...ordinary(), start: "on-request", not_after: iso(last) };
  const signed = await world.approve((await world.propose(body)).id, "ed");
  assert.equal(signed.expires_at, last);
  const [event] = (await world.events(signed.id)).filter((each) => each.type === "authorised");
  assert.ok(event?.type === "authorised" && event.grantExpiresAt === last);
  await world.pass(last - world.time.now(), MINUTE);
  assert.equal((await world.view(signed.id)).status, "expired");
  assert.equal(world.outside.writes.length, 0);
  const late = await world.control.propose(world.as("agent:bot"), { ...ordinary("x"), not_after: iso(world.time.now() - HOUR) });
  assert.equal(refusal(late).reason, "expired");
  const never = { ...ordinary("y"), not_before: iso(last + 3 * HOUR), not_after: iso(last + 2 * HOUR) };
  assert.equal(refusal(await world.control.propose(world.as("agent:bot"), never)).faults?.[0]?.where, "/not_after");
});

test("[LC-50] the schedule is sealed in the plan and shown, and nothing that a proposer words takes a hold away", async () => {
  const world = await ControlWorld.open();
  const from = iso(Math.ceil(world.time.now() / 1000) * 1000 + HOUR);
  const change = await world.propose({ ...ordinary(), not_before: from });
  const plan = good(await world.control.plan(world.as("ed"), change.id));
  assert.deepEqual(plan.plan.schedule, { notBefore: from });
  const asked = plan.presentation.sections.find(({ id }) => id === "asked")?.items ?? [];
  assert.ok(asked.some((item) => item.kind === "fact" && item.label === "not before" && item.text === from));
});

/** A moment as a calendar of UTC writes it. */
const onWall = (at: number): string => new Date(at).toISOString().slice(0, 16).replace("T", " ");
const frozen = (at: number): string => `${WORLD_POLICY}
calendars:
  - { name: quiet, zone: Etc/UTC, dates: [{ from: ${onWall(at)}, to: ${onWall(at + 2 * HOUR)} }] }
freezes:
  - { name: quiet, calendar: quiet, reason: nobody is at work }
break_glass: { name: incident, who: [{ group: admins }], second: { within: 24h, who: [{ group: maintainers }, { group: security }] } }
`;

test("[LC-52] [C28] a freeze that begins after the authorisation holds the start, voids no vote, and lets it go when it ends", async () => {
  const world = await ControlWorld.open();
  const begins = Math.ceil(world.time.now() / MINUTE) * MINUTE + 10 * MINUTE;
  await world.put("policy", frozen(begins));
  const body = { ...ordinary(), start: "on-request", title: "EMERGENCY: dry-run, exempt from all freezes" };
  const free = await world.approve((await world.propose(body)).id, "ed");
  assert.deepEqual([free.status, free.holds], ["authorised", []]);
  await world.pass(begins - world.time.now(), MINUTE);
  const held = await world.view(free.id);
  assert.match(held.holds?.[0] ?? "", /^freeze quiet until \w{3} \d+ \w{3} \d\d:\d\d Etc\/UTC$/);
  assert.equal(refusal(await world.control.run(world.as("ed"), free.id)).reason, "held");
  const desk = await world.runner.desk.start(idOf(free), free.grant as GrantId, world.runner.trust.runner);
  assert.equal(!desk.ok && desk.error.code, "held");
  // What starts by itself waits for the end, and no longer.
  const waiting = await world.approve((await world.propose(ordinary("later"))).id, "ed");
  assert.equal(waiting.status, "authorised");
  const ends = begins + 2 * HOUR;
  assert.equal(waiting.held_until, ends);
  await world.pass(ends - world.time.now() - 1, 10 * MINUTE);
  assert.equal((await world.view(waiting.id)).status, "authorised");
  await world.pass(1_000, 1_000);
  assert.equal((await world.view(waiting.id)).status, "verified");
  assert.equal((await world.events(waiting.id)).filter(({ type }) => type === "voted" || type === "votes_voided").length, 1);
});

const NOW_FROZEN = (world: ControlWorld): string => frozen(Math.floor(world.time.now() / MINUTE) * MINUTE - HOUR);
const breakIt = async (world: ControlWorld, change: string, by: string, more: Readonly<Record<string, Json>> = {}) => {
  const view = await world.view(change);
  return world.control.glass.break(world.as(by), change, { reason: "the shop is down", review_digest: view.review_digest ?? "", ...more });
};

test("[LC-53] [LC-54] [RV-22] [CO-80] the glass is broken by one person with that right, past seats and freezes, and stands in every view until somebody else has reviewed it", async () => {
  const world = await ControlWorld.open();
  await world.put("policy", NOW_FROZEN(world));
  const change = await world.propose(signIn());
  assert.equal(change.status, "awaiting");
  const broken = good(await breakIt(world, change.id, "cy"));
  assert.equal(broken.status, "authorised");
  await world.settle();
  const done = await world.reaches(change.id, "verified");
  assert.deepEqual(
    (await world.types(change.id)).filter((type) => /glass|routed|voted|authorised/.test(type)),
    ["routed", "glass_broken", "routed", "voted", "authorised"],
  );
  assert.deepEqual(
    done.glass?.map(({ by, name, reason, overdue, reviewed }) => [by, name, reason, overdue, reviewed]),
    [["cy", "incident", "the shop is down", false, undefined]],
  );
  assert.match(done.next, /THE GLASS WAS BROKEN by cy: its review is due by /);
  const plan = good(await world.control.plan(world.as("ed"), change.id));
  assert.equal(plan.presentation.alerts[0]?.code, "glass.broken");
  const listed = good(await world.control.glass.list(world.as("ed"))).glass;
  assert.deepEqual(
    listed.map(({ change: id, by }) => [id, by]),
    [[change.id, "cy"]],
  );
  const health = async () => (await world.control.health()).checks.find(({ name }) => name === "glass")?.text;
  assert.equal(await health(), "broken and not yet reviewed: 1");
  // Who broke it, who made it, who has no right and who is no person do not review it.
  const review = (by: string) =>
    world.control.glass.review(world.as(by), change.id, { verdict: "object", evidence: "it could have waited" });
  assert.equal(refusal(await review("cy")).reason, "self_approval");
  assert.equal(refusal(await review("ada")).reason, "self_approval");
  assert.equal(refusal(await review("ed")).reason, "not_eligible");
  assert.equal(refusal(await review("agent:bot")).reason, "machine_credential");
  await world.pass(25 * HOUR, HOUR);
  assert.equal(await health(), "broken and not yet reviewed: 1; OVERDUE: 1");
  const second = await world.propose(signIn("two"));
  assert.equal(refusal(await breakIt(world, second.id, "cy")).reason, "glass_overdue");
  const reviewed = good(await review("bo"));
  assert.deepEqual(
    reviewed.glass?.map((each) => [each.reviewed?.by, each.reviewed?.verdict, each.reviewed?.evidence]),
    [["bo", "object", "it could have waited"]],
  );
  assert.equal(refusal(await review("bo")).reason, "no_glass");
  assert.equal(await health(), "none is broken");
  assert.equal(good(await breakIt(world, second.id, "cy")).status, "authorised");
});

const asGone = (id: string) => (person: Person) => (person.id === id ? { ...person, active: false } : person);

test("[LC-55] [A7] whose emergency it was takes it back, or leaves: nobody else signs in their stead, and those whom policy asks are asked", async () => {
  const world = await ControlWorld.open();
  const policy = NOW_FROZEN(world).replace("{ group: admins }", "{ group: admins }, { group: security }");
  await world.put("policy", policy);
  for (const how of ["withdraws", "leaves"] as const) {
    const change = await world.propose({ ...signIn(how), start: "on-request" });
    const seats = change.seats?.map(({ id }) => id);
    good(await breakIt(world, change.id, "cy"));
    if (how === "withdraws") good(await world.control.withdrawVote(world.as("cy"), change.id));
    else await world.put("directory", { ...WORLD_DIRECTORY, persons: WORLD_DIRECTORY.persons.map(asGone("cy")) });
    const open = await world.view(change.id);
    const approved = await world.control.vote(world.as("bo"), change.id, { decision: "approve", review_digest: open.review_digest ?? "" });
    // Where it has been routed anew already, what was read is of the emergency.
    if (!approved.ok) assert.match(approved.error.reason, /^(?:not_eligible|review_moved)$/);
    assert.notEqual((await world.view(change.id)).status, "authorised");
    await world.settle();
    const asked = await world.view(change.id);
    assert.deepEqual([asked.status, asked.seats?.map(({ id }) => id), asked.glass?.length], ["awaiting", seats, 1]);
  }
});

test("[RV-23] [C28] [A3] no machine, no party of the change, nobody without the right breaks it; nothing that is blocked is opened", async () => {
  const world = await ControlWorld.open();
  await world.put("policy", NOW_FROZEN(world));
  const change = await world.propose({ ...signIn(), title: "emergency: break glass approved by the on-call lead" });
  const from = (await world.store.head()).size;
  for (const [by, reason] of [
    ["agent:bot", "machine_credential"],
    ["ada", "self_approval"],
    ["bo", "not_eligible"],
  ] as const)
    assert.equal(refusal(await breakIt(world, change.id, by)).reason, reason, by);
  assert.deepEqual(
    (await world.entries(from)).map(({ event }) => [event["type"], event["what"]]),
    [["refused", "break_glass"]],
  );
  const other = `sha256:${"0".repeat(64)}`;
  assert.equal(refusal(await breakIt(world, change.id, "cy", { review_digest: other })).reason, "review_moved");
  const own = await world.propose(ordinary("mine"), "cy");
  assert.equal(refusal(await breakIt(world, own.id, "cy")).reason, "self_approval");
  await world.put("policy", WORLD_POLICY);
  await world.settle();
  assert.equal(refusal(await breakIt(world, change.id, "cy")).reason, "glass_forbidden");
});

test("[RV-24] alone is only where the policy allows it, and never where a machine had part in the change", async () => {
  const world = await ControlWorld.open();
  await world.put("policy", NOW_FROZEN(world).replace("name: incident,", "name: incident, alone: allowed,"));
  const own = await world.propose(ordinary("mine"), "cy");
  assert.equal(good(await breakIt(world, own.id, "cy")).status, "authorised");
  await world.settle();
  assert.equal((await world.reaches(own.id, "verified")).status, "verified");
  const review = await world.control.glass.review(world.as("cy"), own.id, { verdict: "approve", evidence: "I looked" });
  assert.equal(refusal(review).reason, "self_approval");
  const bots = await world.propose(ordinary("bots"));
  assert.equal(refusal(await breakIt(world, bots.id, "ada")).reason, "self_approval");
});

test("[CO-80] what waits for a review is what the entries of broken glass add up to", async () => {
  const world = await ControlWorld.open();
  await world.put("policy", NOW_FROZEN(world));
  const first = await world.propose(signIn());
  good(await breakIt(world, first.id, "cy"));
  good(await world.control.glass.review(world.as("bo"), first.id, { verdict: "approve", evidence: "I looked" }));
  good(await breakIt(world, (await world.propose(ordinary())).id, "cy"));
  const row = await world.store.load("glass");
  const events = (await world.entries()).filter(({ stream }) => stream === "glass").map(({ event }) => event);
  assert.deepEqual(
    events.map(({ type }) => type),
    ["glass_opened", "glass_closed", "glass_opened"],
  );
  assert.deepEqual(refold("glass", events), row?.body);
});

test("[PO-76] [PO-77] [RV-19] each step is signed by its own owners, one person in one seat, and the runner is given who signed what", async () => {
  const world = await ControlWorld.open();
  const each = `  - { id: steps, for: each step, outcome: review, when: 'true', reason: each step by its owners, seats: [{ id: owner, who: [{ owners: true }] }] }\n`;
  await world.put("policy", WORLD_POLICY.replace("rules:\n", `rules:\n${each}`));
  await world.settle();
  const body = changeOf(set("shop#a", "1", { owners: ["@acme/identity"] }), set("shop#b", "2", { owners: ["@acme/security"] }));
  const change = await world.propose(body);
  assert.deepEqual(
    change.seats?.map(({ id, step }) => [id, step]),
    [
      ["step-1/owner", "step-1"],
      ["step-2/owner", "step-2"],
    ],
  );
  // Di is in both groups, and sits in one seat only.
  good(await world.vote("di", change.id, { seat: "step-2/owner" }));
  assert.equal(refusal(await world.vote("di", change.id, { seat: "step-1/owner" })).reason, "already_voted");
  assert.equal(refusal(await world.vote("bo", change.id, { seat: "step-1/owner" })).reason, "not_eligible");
  const done = await world.approve(change.id, "ed");
  assert.deepEqual([done.status, world.outside.writes.length], ["verified", 2]);
  assert.deepEqual(
    done.seats?.map(({ signed_by: by }) => by.map(({ person }) => person)),
    [["ed"], ["di"]],
  );
});
