/** The kill test, short; `npm run torture` does it for as long as one likes. The seed is printed: it names what the clients did. */
import { rmSync } from "node:fs";
import test, { type TestContext } from "node:test";
import { torture, type Settings } from "./torture.ts";

/** Whoever looks for a failure gives the seed that was printed. */
const seed = Number(process.env["PAWL_SEED"] ?? Date.now() % 2 ** 32);

async function rounds(t: TestContext, database: Settings["database"], count: number): Promise<void> {
  if (process.platform !== "linux") return t.skip("needs /proc");
  t.diagnostic(`seed ${seed}`);
  console.log(`${database}: seed ${seed}`);
  const { folder } = await torture({ seed, rounds: count, database, fsckEvery: count, progress: () => {} });
  rmSync(folder, { recursive: true, force: true });
}

test("sqlite: [D30, D34, E44] killed 25 times under load: nothing acknowledged is lost, and nothing runs twice", (t) =>
  rounds(t, "sqlite", 25));

test("postgres: [D30, D34, E44, ST-22] Pawl, PostgreSQL or both are killed 8 times: the same, and nobody hears of a fault in Pawl", (t) =>
  rounds(t, "postgres", 8));
