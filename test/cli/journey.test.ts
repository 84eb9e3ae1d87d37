/** Every command against a real Pawl with a real repository. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import test from "node:test";
import type { ChangeView, EventView, ListView, PlanView } from "../../src/control/types.ts";
import { BROKEN, CART, FROM_STDIN, GUIDE, SIGN_IN, type Ran, world } from "./world.ts";

// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- it says what the caller expects to find
const document = <T>(ran: Ran): T => JSON.parse(ran.out) as T;
const ID = /^chg_[0-9a-z]+$/;

test("a change is proposed, read, signed, run and proven", async (t) => {
  const pawl = await world(t);
  await writeFile(join(pawl.dir, "cart.patch"), CART);
  const flags = ["--title", "Round totals", "--summary", "To cents.", "--repo", "shop", "--branch", "main", "--patch", "cart.patch"];
  const proposed = await pawl.as("agent", "propose", ...flags, "--claim", "tests pass", "--idempotency-key", "k1");
  assert.equal(proposed.code, 0, proposed.err);
  const id = proposed.out.trim();
  assert.match(id, ID);
  assert.match(proposed.err, new RegExp(`pawl show ${id}`));
  assert.equal((await pawl.as("agent", "propose", ...flags, "--claim", "tests pass", "--idempotency-key", "k1")).out.trim(), id);
  const other = await pawl.as("agent", "propose", ...flags, "--claim", "tests fail", "--idempotency-key", "k1");
  assert.deepEqual([other.code, /another request/.test(other.err)], [1, true], other.err);

  const shown = await pawl.as("linus", "show", id);
  assert.equal(shown.code, 0, shown.err);
  for (const part of [
    "What will change?",
    "git:shop#src/cart.js",
    "+  return Math.round(sum * 100) / 100;",
    "tests pass",
    "@shop/maintainers",
  ]) {
    assert.ok(shown.out.includes(part), `${part} is not in\n${shown.out}`);
  }
  const { digests, change } = document<PlanView>(await pawl.as("linus", "show", id, "--json"));
  assert.deepEqual([change.status, change.review_digest], ["awaiting", digests.review]);
  assert.ok(shown.err.includes(`pawl approve ${id} --digest ${digests.review}`));

  const signed = await pawl.as("linus", "approve", id, "--digest", digests.review, "--yes");
  assert.equal(signed.code, 0, signed.err);
  assert.match(signed.err, /~ update {2}git:shop#src\/cart\.js/);
  assert.match(signed.out, /signed by Linus \(cli\)/);
  const watched = await pawl.as("agent", "watch", id);
  assert.equal(watched.code, 0, watched.err);
  assert.match(watched.out, /verified +Done: applied exactly as approved, and verified\.\n$/);
  assert.match(execFileSync("git", ["-C", pawl.repository, "show", "main:src/cart.js"], { encoding: "utf8" }), /Math\.round/);

  const proven = await pawl.as("linus", "verify", id, "--whole");
  assert.equal(proven.code, 0, proven.out);
  const names = proven.out.split("\n").flatMap((line) => /^✓ (\S+)/.exec(line)?.[1] ?? []);
  assert.deepEqual(names, [
    "checkpoint",
    "inclusion",
    "chain",
    "lifecycle",
    "whole",
    "review",
    "votes",
    "plan",
    "grant",
    "payload",
    "execution",
  ]);
  assert.doesNotMatch(proven.out, /^[✗?]/m);

  const timeline = await pawl.as("agent", "show", id, "--events");
  assert.match(timeline.out, /voted .*person linus.*decision approve/);
  const { events } = document<{ events: readonly EventView[] }>(await pawl.as("agent", "show", id, "--events", "--json"));
  assert.deepEqual(
    events.map(({ type }) => type),
    ["proposed", "planned", "routed", "voted", "authorised", "run_started", "effect_started", "effect_done", "applied", "verified"],
  );
});

test("[A1] [A3] the agent and the person that it works for cannot sign; the refusal says so and ends with 1", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(SIGN_IN);
  const agent = await pawl.as("agent", "approve", id, "--yes");
  assert.deepEqual([agent.code, agent.out], [1, ""]);
  const ada = await pawl.as("ada", "approve", id, "--yes", "--json");
  assert.deepEqual([ada.code, document<{ error: { code: string } }>(ada).error.code], [1, "self_approval"]);
});

test("[A4] two seats need two people", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(SIGN_IN);
  assert.equal((await pawl.as("grace", "approve", id, "--yes")).code, 0);
  const again = await pawl.as("grace", "approve", id, "--yes", "--seat", "security");
  assert.equal(again.code, 1, again.out);
  const taken = await pawl.as("grace", "withdraw", id, "--vote");
  assert.match(taken.out, /owner: .*1 of 1 missing/);
});

test("approve asks a person at a terminal, and signs nothing on any answer but yes", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(CART);
  const nobody = await pawl.as("linus", "approve", id);
  assert.deepEqual([nobody.code, nobody.out], [2, ""]);
  assert.match(nobody.err, /nobody is there to answer/);
  for (const says of ["n", "", "yep", "no"]) {
    const ran = await pawl.with({ says }, "approve", id, "--as", "linus");
    assert.deepEqual([ran.code, ran.out], [1, ""], ran.err);
    assert.match(ran.err, /Sign this\? \[y\/N\] .*nothing was signed/s);
  }
  const waiting = document<PlanView>(await pawl.as("linus", "show", id, "--json"));
  assert.equal(waiting.change.status, "awaiting");
  const signed = await pawl.with({ says: "y" }, "approve", id, "--as", "linus");
  assert.equal(signed.code, 0, signed.err);
});

test("[B17] [B11] a digest that was read earlier signs nothing once the change has moved, and what moved is named", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(CART);
  const read = document<PlanView>(await pawl.as("linus", "show", id, "--json")).digests.review;
  const revised = await pawl.with(
    { stdin: CART.replace("* 100) / 100", "* 10) / 10") },
    "revise",
    id,
    "--as",
    "agent",
    "--title",
    "A change",
    ...FROM_STDIN,
    "--wait",
  );
  assert.equal(revised.code, 0, revised.err);
  const ran = await pawl.as("linus", "approve", id, "--digest", read, "--yes");
  assert.deepEqual([ran.code, ran.out], [1, ""]);
  assert.match(ran.err, /nothing was signed.*\n.*\n {2}changed {2}the plan\n/);
  assert.match(ran.err, new RegExp(`remedy: read it again: pawl show ${id}`));
  const strange = await pawl.as("linus", "approve", id, "--digest", `sha256:${"0".repeat(64)}`, "--yes");
  assert.match(strange.err, /never under review here/);
});

test("documentation passes by itself, and --wait tells each step", async (t) => {
  const pawl = await world(t);
  const ran = await pawl.with({ stdin: GUIDE }, "propose", "--as", "agent", "--title", "Refunds", ...FROM_STDIN, "--wait");
  assert.equal(ran.code, 0, ran.err);
  const [id = "", ...steps] = ran.out.trimEnd().split("\n");
  assert.match(id, ID);
  assert.match(steps.at(-1) ?? "", /^\d\d:\d\d:\d\dZ {2}verified/);
});

test("a change that its check refuses is undone: watch ends with 1, and verify still proves the story", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(BROKEN);
  assert.equal((await pawl.as("linus", "approve", id, "--yes", "--quiet")).out, `${id}\n`);
  const watched = await pawl.as("linus", "watch", id);
  assert.equal(watched.code, 1);
  assert.match(
    watched.out,
    /undone +Applied, found wrong, and undone\.\nbecause +verification_failed: the check node check.js ended with 1\n$/,
  );
  const shown = await pawl.as("agent", "show", id, "--json");
  assert.equal(document<PlanView>(shown).change.status, "undone");
  assert.equal((await pawl.as("linus", "verify", id)).code, 0);
});

test("--hold waits for `pawl run`, which follows it to its end", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(CART, "--hold");
  assert.equal((await pawl.as("linus", "approve", id, "--yes")).code, 0);
  const held = await pawl.as("linus", "watch", id);
  assert.deepEqual([held.code, /authorised +.*pawl run/.test(held.out)], [0, true], held.out);
  const ran = await pawl.as("linus", "run", id, "--json");
  assert.deepEqual([ran.code, document<ChangeView>(ran).status], [0, "verified"]);
  const late = await pawl.as("linus", "approve", id, "--yes");
  assert.deepEqual([late.code, /^pawl: change chg_\w+ is verified: there is nothing to sign$/m.test(late.err)], [1, true], late.err);
});

test("send-back, revise, replan, reject, withdraw: each answers with how the change stands", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(SIGN_IN);
  const back = await pawl.as(
    "grace",
    "send-back",
    id,
    "--reason",
    "too short a time",
    "--code",
    "too_short",
    "--resource",
    "git:shop#src/auth/session.js",
  );
  assert.match(back.out, /sent_back\n/);
  assert.match(back.out, /mend +too short a time \(git:shop#src\/auth\/session\.js\)\n +rule .*code too_short/);
  const followed = await pawl.as("agent", "watch", id);
  assert.equal(followed.code, 1);
  const flags = ["--title", "A longer time", ...FROM_STDIN, "--wait", "--quiet"];
  const revised = await pawl.with({ stdin: SIGN_IN.replace("1800", "2700") }, "revise", id, "--as", "agent", ...flags);
  assert.equal(revised.code, 0, revised.err);
  const replanned = await pawl.as("agent", "replan", id);
  assert.equal(replanned.code, 0, replanned.err);
  assert.equal((await pawl.as("agent", "watch", id)).code, 0);
  const rejected = await pawl.as("barbara", "reject", id, "--comment", "not now");
  assert.deepEqual([rejected.code, /because +rejected: not now/.test(rejected.out)], [0, true], rejected.out);
  assert.equal((await pawl.as("agent", "withdraw", id)).code, 1);
  const second = await pawl.proposed(CART);
  const withdrawn = await pawl.as("agent", "withdraw", second, "--json");
  assert.equal(document<ChangeView>(withdrawn).status, "withdrawn");
});

test("list filters, pages, fits its width and never wraps", async (t) => {
  const pawl = await world(t);
  assert.equal((await pawl.as("ada", "list")).out, "no changes\n");
  const first = await pawl.proposed(CART, "--title", `Round totals ${"and totals ".repeat(15)}`.trim());
  const second = await pawl.proposed(SIGN_IN);
  assert.equal((await pawl.as("agent", "withdraw", first)).code, 0);
  const ids = async (...flags: string[]): Promise<string[]> => (await pawl.as("ada", "list", "--quiet", ...flags)).out.trim().split("\n");
  assert.deepEqual(await ids(), [second, first]);
  assert.deepEqual(await ids("--status", "withdrawn"), [first]);
  assert.deepEqual(await ids("--status", "withdrawn", "--status", "awaiting"), [second, first]);
  assert.deepEqual(await ids("--proposer", "agent:deployer"), [second, first]);
  assert.deepEqual(await ids("--mine"), [""]);
  assert.match(
    (await pawl.as("ada", "list", "--status", "open")).err,
    /^ {2}status\/0 {2}must be one of proposed, planned, .*, superseded$/m,
  );
  const page = document<ListView>(await pawl.as("ada", "list", "--limit", "1", "--json"));
  assert.deepEqual(await ids("--limit", "1", "--cursor", page.cursor ?? ""), [first]);
  for (const width of [80, 120]) {
    const { out } = await pawl.with({ width }, "list", "--as", "ada");
    assert.ok(
      out.split("\n").every((line) => line.length <= width),
      out,
    );
    assert.equal(/OUTCOME/.test(out), width === 120);
  }
  const wrong = await pawl.as("ada", "list", "--status", "wating");
  assert.deepEqual([wrong.code, /status/.test(wrong.err)], [1, true], wrong.err);
});

test("policy and people are changed by changes, through the same commands", async (t) => {
  const pawl = await world(t);
  const { text } = document<{ text: string }>(await pawl.as("barbara", "policy", "show", "--json"));
  await writeFile(join(pawl.dir, "next.yaml"), text.replace("name: default", "name: next"));
  const proposed = await pawl.as("ada", "policy", "propose", "next.yaml", "--title", "A new name", "--wait", "--quiet");
  assert.equal(proposed.code, 0, proposed.err);
  const id = proposed.out.trim();
  assert.match((await pawl.as("barbara", "show", id)).out, /ESCALATE/);
  assert.equal((await pawl.as("ada", "approve", id, "--yes")).code, 1);
  assert.equal((await pawl.as("barbara", "approve", id, "--yes")).code, 0);
  assert.equal((await pawl.as("barbara", "watch", id)).code, 0);
  assert.match((await pawl.as("barbara", "policy", "show")).out, /^name: next$/m);

  const bad = await pawl.with({ stdin: "rules: []\n" }, "policy", "propose", "-", "--as", "ada");
  assert.deepEqual([bad.code, /the policy has \d+ fault/.test(bad.err)], [1, true], bad.err);

  const people = await pawl.as("ada", "people", "show");
  assert.match(people.out, /^human:grace +Grace +active/m);
  const directory = document<{ persons: { id: string; active: boolean }[] }>(await pawl.as("ada", "people", "show", "--json"));
  for (const person of directory.persons) if (person.id === "linus") person.active = false;
  const leave = await pawl.with({ stdin: JSON.stringify(directory) }, "people", "propose", "-", "--as", "ada", "--wait", "--quiet");
  assert.equal(leave.code, 0, leave.err);
  assert.match((await pawl.as("barbara", "show", leave.out.trim())).out, /│ \+ +"active": false,$/m);
  assert.equal((await pawl.as("barbara", "approve", leave.out.trim(), "--yes")).code, 0);
  assert.equal((await pawl.as("barbara", "watch", leave.out.trim())).code, 0);
  const gone = await pawl.as("linus", "list");
  assert.deepEqual([gone.code, /not valid here/.test(gone.err)], [2, true], gone.err);
});

test("policy explain says which rule fired and why, by the policy in force and by a draft", async (t) => {
  const pawl = await world(t);
  const id = await pawl.proposed(SIGN_IN);
  const now = await pawl.as("grace", "policy", "explain", id);
  assert.match(now.out, /^outcome: escalate$/m);
  assert.match(now.out, /this decides who gets in \[security\]/);
  const { text } = document<{ text: string }>(await pawl.as("grace", "policy", "show", "--json"));
  await writeFile(join(pawl.dir, "draft.yaml"), text.replace("reason: this decides who gets in", "reason: a draft says so"));
  const draft = await pawl.as("grace", "policy", "explain", id, "--policy", "draft.yaml");
  assert.match(draft.out, /a draft says so \[security\]/, draft.err);
});

test("tokens are made, kept, listed and revoked", async (t) => {
  const pawl = await world(t);
  assert.match((await pawl.as("grace", "people", "me")).out, /^human:grace {2}Grace\n/);
  const made = await pawl.as("ada", "token", "create", "--for", "human:grace", "--label", "laptop");
  assert.match(made.out, /^pawl_tok_\S+\n$/);
  const used = await pawl.with({ env: { PAWL_TOKEN: made.out.trim() } }, "people", "me", "--json");
  assert.equal(document<{ principal: string }>(used).principal, "human:grace");
  const kept = await pawl.as("ada", "token", "create", "--for", "human:grace", "--save", "grace-2", "--json");
  const { file, view } = document<{ file: string; view: { id: string } }>(kept);
  assert.equal((await stat(file)).mode & 0o777, 0o600);
  assert.doesNotMatch(kept.out, new RegExp(await readFile(file, "utf8")));
  const twice = await pawl.as("ada", "token", "create", "--for", "human:grace", "--save", "grace-2");
  assert.deepEqual([twice.code, /there is a token named grace-2 already/.test(twice.err)], [2, true]);
  const listed = await pawl.as("ada", "token", "list");
  assert.match(listed.out, /valid +human:grace .* laptop/);
  assert.equal((await pawl.as("grace-2", "people", "me")).code, 0);
  assert.equal((await pawl.as("ada", "token", "revoke", view.id)).code, 0);
  assert.equal((await pawl.as("grace-2", "people", "me")).code, 2);
  assert.equal((await pawl.as("agent", "token", "create", "--for", "agent:deployer")).code, 1);
});

test("[F50] [F48] a hostile patch is shown with every character visible, and a hostile title is refused", async (t) => {
  const pawl = await world(t);
  const patch = GUIDE.replace("You have 30 days.", "You have \u202e03\u202c days\u001b]0;owned\u0007\u200b.");
  const id = await pawl.proposed(patch, "--summary", "fine \u2066really\u2069");
  for (const argv of [["show", id], ["show", id, "--events"], ["list"], ["approve", id, "--yes"], ["policy", "explain", id]]) {
    const { out, err } = await pawl.as("linus", ...argv);
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(out + err, /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u200b\u202a-\u202e\u2066-\u2069]/, argv.join(" "));
  }
  assert.match(
    (await pawl.with({ width: 160 }, "show", id, "--as", "linus")).out,
    /⟨U\+202E⟩03⟨U\+202C⟩ days⟨U\+001B⟩\]0;owned⟨U\+0007⟩⟨U\+200B⟩/,
  );
  const title = await pawl.with({ stdin: GUIDE }, "propose", "--as", "agent", "--title", "a\u001b[2Jb", ...FROM_STDIN);
  assert.deepEqual([title.code, /control character/.test(title.err)], [1, true], title.err);
});

test("any proposal can come from a file, and its faults come all at once", async (t) => {
  const pawl = await world(t);
  const good = {
    title: "From a file",
    steps: [{ connector: "git", input: { repository: "shop", branch: "main", patch: CART, message: "m" } }],
  };
  await writeFile(join(pawl.dir, "p.json"), JSON.stringify(good));
  assert.equal((await pawl.as("agent", "propose", "--file", "p.json", "--wait")).code, 0);
  const bad = { ...good, steps: [{ connector: "git", input: { repository: "nope", branch: "../x", patch: CART, message: "m" } }] };
  const ran = await pawl.with({ stdin: JSON.stringify(bad) }, "propose", "--file", "-", "--as", "agent");
  assert.equal(ran.code, 1);
  assert.match(ran.err, /no repository "nope" is declared/);
  assert.match(ran.err, /the branch name "\.\.\/x"/);
});

test("what a change may touch is bounded by --scope flags; outside it goes back", async (t) => {
  const pawl = await world(t);
  const scope = [
    "--scope-environment",
    "production",
    "--scope-operation",
    "update",
    "--scope-resource",
    "git:shop#docs/**",
    "--scope-limit",
    "effects=1",
  ];
  const ran = await pawl.with({ stdin: CART }, "propose", "--as", "agent", "--title", "t", ...FROM_STDIN, "--wait", "--json", ...scope);
  assert.equal(ran.code, 1);
  const { status, instructions } = document<ChangeView>(ran);
  assert.deepEqual([status, instructions?.some(({ resource }) => resource === "git:shop#src/cart.js")], ["sent_back", true]);
  const shown = await pawl.as("agent", "show", document<ChangeView>(ran).id);
  assert.match(shown.out, /mend +/);
});

test("a change that is not there, and one that may not be run, are refused in one shape", async (t) => {
  const pawl = await world(t);
  const none = await pawl.as("ada", "show", "chg_000000001");
  assert.deepEqual([none.code, none.out], [1, ""]);
  assert.match(none.err, /^pawl: no change chg_000000001 is visible to you\n {2}remedy: `pawl list`/);
  const id = await pawl.proposed(CART);
  assert.equal((await pawl.as("ada", "run", id)).code, 1);
  const reconcile = await pawl.as("ada", "reconcile", id, "--outcome", "verified", "--evidence", "I looked", "--yes");
  assert.deepEqual([reconcile.code, /has no run to reconcile/.test(reconcile.err)], [1, true], reconcile.err);
});
