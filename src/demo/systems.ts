/** Changes of other systems: infrastructure, data, and several at once. */
import type { ChangeView } from "../control/types.ts";
import { commitOutOfBand } from "../sample-repository.ts";
import { edit } from "./code.ts";
import type { Story } from "./story.ts";
import { accountsIn, withoutGateway } from "./world.ts";

export async function destroyed(story: Story): Promise<void> {
  story.title("What destroys something in production needs two people");
  const { network } = story.world;
  if (network === undefined) {
    story.say("skipped", "Terraform is not installed here");
    return;
  }
  await withoutGateway(network);
  const change = await story.propose("Retire the old gateway", [
    { connector: "terraform", input: { workspace: "net", operation: "apply" } },
  ]);
  for (const seat of change.seats ?? []) story.say("seat", `${seat.id}: ${seat.who.join(" or ")}`);
  const first = await story.sign("linus", "Linus", change);
  story.say("waiting", `one signature is not enough: ${first.status}`);
  const signed = await story.sign("barbara", "Barbara", change);
  story.expect(await story.end(signed), "verified");
  story.say("done", "the very plan that was signed was applied, and another plan finds nothing left to do");
}

const SLEEPERS = "UPDATE accounts SET plan = 'closed' WHERE seen < 2023";
const MANY = "SELECT count(*) < 3 FROM accounts WHERE plan = 'closed'";

export async function rowsBack(story: Story): Promise<void> {
  story.title("A change of data shows its rows before, and gives them back");
  const before = accountsIn(story.world);
  const input = { database: "shop", statements: SLEEPERS, verify: [MANY] };
  const change = await story.propose("Close accounts that nobody uses", [{ connector: "sql", input }]);
  const undone = await story.end(await story.sign("linus", "Linus", change));
  story.expect(undone, "undone");
  story.say("applied", "then the check that came with it failed: more were closed than should be");
  story.say("undone", await steps(story, undone));
  if (accountsIn(story.world) !== before) throw new Error("invariant broken: the rows are not as they were");
  story.say("restored", "every row is as it was before");
}

export async function together(story: Story): Promise<void> {
  story.title("Several steps hold together, or none does");
  const before = accountsIn(story.world);
  const change = await story.propose(
    "Call the gold plan platinum, in the data and in the code",
    [
      { connector: "sql", input: { database: "shop", statements: "UPDATE accounts SET plan = 'platinum' WHERE plan = 'gold'" } },
      edit("README.md", "# Shop\n\nA small shop, with a platinum plan.\n\nRun it with `node src/cart.js`.\n"),
    ],
    "on-request",
  );
  for (const seat of change.seats ?? []) story.say("seat", `${seat.id}: ${seat.who.join(" or ")}`);
  await story.sign("linus", "Linus", change);
  const signed = await story.sign("barbara", "Barbara", change);
  await commitOutOfBand(story.world.repository, "another hot fix past Pawl", { "docs/guide.md": "# Guide\n\nSee the website.\n" });
  story.say("meanwhile", "somebody pushes to main past Pawl, then the change is started");
  const undone = await story.start("linus", signed);
  story.expect(undone, "undone");
  story.say("applied", "step-1, the data; step-2 met another state than was approved");
  story.say("undone", await steps(story, undone));
  if (accountsIn(story.world) !== before) throw new Error("invariant broken: the rows are not as they were");
  story.say("restored", "every row is as it was before, and the repository was not touched");
}

/** How each step ended, by the record. */
async function steps(story: Story, change: ChangeView): Promise<string> {
  const { run } = await story.get<ChangeView>(`/v1/changes/${change.id}`);
  return (run?.steps ?? []).map(({ id, outcome }) => `${id} ${outcome.replaceAll("_", " ")}`).join(", ");
}
