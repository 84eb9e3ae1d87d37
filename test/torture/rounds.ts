import { rmSync } from "node:fs";
import type { TestContext } from "node:test";
import { torture, type Settings } from "./torture.ts";

/** Whoever looks for a failure gives the seed that was printed: it names what the clients did. */
const seed = Number(process.env["PAWL_SEED"] ?? Date.now() % 2 ** 32);

export async function rounds(t: TestContext, database: Settings["database"], count: number): Promise<void> {
  if (process.platform !== "linux") return t.skip("needs /proc");
  t.diagnostic(`seed ${seed}`);
  console.log(`${database}: seed ${seed}`);
  const { folder } = await torture({ seed, rounds: count, database, fsckEvery: count, progress: () => {} });
  rmSync(folder, { recursive: true, force: true });
}
