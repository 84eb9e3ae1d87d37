/** Changes of code: a repository with owners, and a check of its own. */
import type { EventView } from "../control/types.ts";
import { commitOutOfBand, SAMPLE_FILES } from "../sample-repository.ts";
import { short, type Step, type Story } from "./story.ts";

export async function harmless(story: Story): Promise<void> {
  story.title("Harmless work goes through at once");
  const change = await story.propose("Explain refunds in the guide", [
    edit("docs/guide.md", `${SAMPLE_FILES["docs/guide.md"] ?? ""}4. Changed your mind? You have 30 days.\n`),
  ]);
  const done = await story.end(change);
  story.expect(done, "verified");
  story.say("done", "applied and verified; nobody had to look");
}

export async function signIn(story: Story): Promise<void> {
  story.title("A change to sign-in waits for its owner and for security, and for nobody else");
  const after = (SAMPLE_FILES["src/auth/session.js"] ?? "").replace("3600", "1800");
  const change = await story.propose("Sign people out after half an hour", [edit("src/auth/session.js", after)]);
  for (const seat of change.seats ?? []) story.say("seat", `${seat.id}: ${seat.who.join(" or ")}`);
  await story.expectRefusal("agent", "the agent", change, "machine_credential");
  await story.expectRefusal("ada", "Ada, for whom the agent works", change, "self_approval");
  await story.sign("grace", "Grace", change);
  const signed = await story.sign("barbara", "Barbara", change);
  story.expect(await story.end(signed), "verified");
  story.say("done", "applied exactly as signed, and verified");
}

export async function moved(story: Story): Promise<void> {
  story.title("An approval does not outlive what was approved");
  const change = await story.propose("Round totals to cents", [edit("src/cart.js", CART_ROUNDED)], "on-request");
  const signed = await story.sign("linus", "Linus", change);
  await commitOutOfBand(story.world.repository, "hot fix past Pawl", { "src/cart.js": CART_HOT_FIX });
  story.say("meanwhile", "somebody pushes to main past Pawl, then the change is started");
  const stale = await story.start("linus", signed);
  story.expect(stale, "stale");
  story.say("approved", `on state ${short(stale.drift?.expected)}`);
  story.say("found", `the state to be ${short(stale.drift?.observed)}`);
  story.say("refused", "nothing was written; the vote is void unless a new plan is identical");
}

export async function undone(story: Story): Promise<void> {
  story.title("A change that turns out wrong is undone");
  const change = await story.propose("Simplify the check", [edit("check.js", 'console.error("no total any more");\nprocess.exit(1);\n')]);
  const signed = await story.sign("linus", "Linus", change);
  const done = await story.end(signed);
  story.expect(done, "undone");
  const { events } = await story.get<{ events: readonly EventView[] }>(`/v1/changes/${done.id}/events`);
  story.say("applied", "then the shop's own check failed on the result");
  story.say(
    "undone",
    `by the planned revert: ${events
      .map((e) => e.type)
      .slice(-4)
      .join(" → ")}`,
  );
}

/** What an agent's edit of one file looks like. */
export function edit(file: string, after: string): Step {
  const patch = wholeFilePatch(file, SAMPLE_FILES[file] ?? "", after);
  return { connector: "git", input: { repository: "shop", branch: "main", message: `Edit ${file}`, patch } };
}

const CART_ROUNDED =
  "export function total(items) {\n  const sum = items.reduce((all, item) => all + item.price * item.count, 0);\n  return Math.round(sum * 100) / 100;\n}\n";
const CART_HOT_FIX =
  "export function total(items) {\n  return items.reduce((sum, item) => sum + item.price * Math.max(0, item.count), 0);\n}\n";

/** A patch that replaces a whole file: what an agent's edit of a small file looks like. */
function wholeFilePatch(file: string, before: string, after: string): string {
  const lines = (text: string): string[] => text.replace(/\n$/, "").split("\n");
  const [a, b] = [lines(before), lines(after)];
  return [
    `diff --git a/${file} b/${file}`,
    `--- a/${file}`,
    `+++ b/${file}`,
    `@@ -1,${a.length} +1,${b.length} @@`,
    ...a.map((l) => `-${l}`),
    ...b.map((l) => `+${l}`),
    "",
  ].join("\n");
}
