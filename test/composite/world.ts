/** Changes with steps of several kinds: a commit in a real repository, values in the outside world, and Pawl's own directory. */
import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { canonical, fail, type JsonObject, type Result } from "../../src/core/base/index.ts";
import type { PerformFault } from "../../src/control/ports.ts";
import { withPerson } from "../../src/testing/people.ts";
import { changeOf, ControlWorld, set, WORLD_DIRECTORY, type ChangeBody } from "../../src/testing/control-world.ts";
import { Outside } from "../../src/testing/scripted-connector.ts";
import { patchOf, World } from "../connectors/git/world.ts";
import { openWorld, rowsOf, type World as SqlWorld } from "../connectors/sql/world.ts";

export const BEFORE = "export const limit = 5;\n";
export const AFTER = "export const limit = 3;\n";
export const FLAG = "flags/checkout";

export interface Composite {
  readonly git: World;
  readonly world: ControlWorld;
  readonly sql: SqlWorld;
  /** What the repository holds on its branch. */
  readonly file: () => string;
  readonly stock: () => Promise<string>;
}

/** Each owner of each thing, and the administrators for what is Pawl's own. */
const POLICY = `
pawl: policy/v1
name: composite
defaults:
  seats: [{ id: owner, who: [{ owners: true }] }]
  unowned: [{ group: admins }]
rules:
  - id: owners
    outcome: review
    when: 'true'
    reason: owners sign
    seats: [{ id: owner, who: [{ owners: true }] }]
`;

const SCHEMA = "CREATE TABLE stock (id INTEGER PRIMARY KEY, amount INTEGER NOT NULL); INSERT INTO stock VALUES (1, 10), (2, 20), (3, 30)";

/** The same for each step by itself. */
export const EACH_STEP = POLICY.replace("outcome: review", "for: each step\n    outcome: review");

export async function composite(t: TestContext, policy = POLICY): Promise<Composite> {
  const git = new World(t);
  git.commit("main", { "src/cart.ts": BEFORE, ".github/CODEOWNERS": "* @acme/identity\n" });
  const outside = new Outside();
  const sql = await openWorld(t, "sqlite", SCHEMA);
  const world = await ControlWorld.open({ outside, policy, connectors: [git.connector(), outside.connector(), sql.connector] });
  const stock = async (): Promise<string> => canonical(await rowsOf(sql, "stock"));
  return { git, world, sql, file: () => `${git.show("main:src/cart.ts")}\n`, stock };
}

export const commit = (after = AFTER): JsonObject => ({
  connector: "git",
  input: { repository: "shop", branch: "main", message: "Limit", patch: patchOf("src/cart.ts", BEFORE, after) },
});
export const flag = (value = "on", target = FLAG): JsonObject => set(target, value);
/** Hal leaves: administrators sign it. */
export const leaves: JsonObject = {
  connector: "pawl",
  input: { kind: "directory", text: canonical(withPerson("hal", { active: false }, WORLD_DIRECTORY)) },
};

/** Two of three rows. */
export const restock = (amount = 0, where = "id < 3"): JsonObject => ({
  connector: "sql",
  input: { database: "shop", statements: `UPDATE stock SET amount = ${amount} WHERE ${where}` },
});

export const onRequest = (...steps: readonly JsonObject[]): ChangeBody => ({ ...changeOf(...steps), start: "on-request" });

export const refusesTo =
  (operation: string, target: string, effect: PerformFault["effect"] = "none") =>
  async (now: string, on: string): Promise<Result<never, PerformFault> | undefined> =>
    now === operation && on === target ? fail({ code: "target_refused", message: "the target said no", effect }) : undefined;

/** Of each step what became of it. */
export async function outcomes(world: ControlWorld, id: string): Promise<readonly string[]> {
  const { run } = await world.view(id);
  assert.ok(run !== undefined, "it has run");
  return run.steps.map(({ connector, outcome }) => `${connector} ${outcome}`);
}
