/** The world over SQLite in a folder of its own. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { openSqlite, type OpenStore } from "../../src/store/index.ts";
import { ControlWorld, worldIdentity, type WorldOptions } from "../../src/testing/control-world.ts";

export function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), "pawl-control-"));
  t.after(() => rmSync(path, { recursive: true, force: true }));
  return path;
}

export async function sqliteIn(path: string): Promise<OpenStore> {
  const store = await openSqlite({ path: join(path, "pawl.db"), ...worldIdentity });
  assert.ok(store.ok);
  return store.value;
}

/** A world on memory or SQLite, closed when the test ends. */
export async function worldOn(t: TestContext, kind: "memory" | "sqlite", options: WorldOptions = {}): Promise<ControlWorld> {
  const world = await ControlWorld.open(kind === "memory" ? options : { ...options, store: await sqliteIn(folder(t)) });
  t.after(() => world.close());
  return world;
}
