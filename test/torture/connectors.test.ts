/** The kill test of what executes, short; `npm run torture -- --connector all` does it for as long as one likes. */
import { rmSync } from "node:fs";
import { test, type TestContext } from "node:test";
import { isThere, KINDS, type Kind, type Where } from "./connectors-deployment.ts";
import { summaryOf } from "./connectors-main.ts";
import { tortureConnectors } from "./connectors.ts";

/** Whoever looks for a failure gives the seed that was printed: it says what is struck when. */
const seed = Number(process.env["PAWL_SEED"] ?? Date.now() % 2 ** 32);

/** From one of the seed's choice on: two are worked elsewhere and three here, so that some runs meet all of them. */
const inTurn = KINDS.map((_, n) => KINDS[(n + seed) % KINDS.length] ?? "git").filter(isThere);

async function shortly(t: TestContext, where: Where, kinds: readonly Kind[]): Promise<void> {
  if (process.platform !== "linux") return t.skip("needs /proc");
  console.log(`connectors, ${where}: seed ${seed}, ${kinds.join(", ")}`);
  if (inTurn.length < KINDS.length) t.diagnostic("terraform is not installed: left out");
  const summary = await tortureConnectors({
    seed,
    rounds: 6,
    kinds,
    where,
    fsckEvery: 100,
    seconds: 12,
    progress: (line) => t.diagnostic(line),
  });
  t.diagnostic(summaryOf(summary));
  rmSync(summary.folder, { recursive: true, force: true });
}

test("[D30] killed at any moment of a run of each connector: what its target holds is what the ledger says, and nothing is done twice", (t) =>
  shortly(t, "here", inTurn.slice(2, 5)));

test("[D30, D37] the same with a runner elsewhere, which is killed or cut off: nothing is undone without an undo grant", (t) =>
  shortly(t, "remote", inTurn.slice(0, 2)));
