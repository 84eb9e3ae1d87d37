import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import type { Settings } from "../cli/settings.ts";
import { fsckStore, type FsckReport } from "../on-disk.ts";
import { harmless, moved, signIn, undone } from "./code.ts";
import { Story, type DemoIo } from "./story.ts";
import { destroyed, rowsBack, together } from "./systems.ts";
import { openWorld } from "./world.ts";

/** A whole world in a temporary folder: real repository, database and infrastructure, real server, real ledger. Nothing of it remains. */
export async function runDemo(io: DemoIo): Promise<void> {
  const dir = await mkdtemp(join(tmpdir(), "pawl-demo-"));
  try {
    const world = await openWorld(dir);
    const story = new Story(io, world);
    io.tell("Pawl in a minute: a shop, an agent that works for Ada, and three of her colleagues.");
    try {
      for (const chapter of [harmless, signIn, moved, undone, destroyed, rowsBack, together]) await chapter(story);
    } finally {
      await world.close();
    }
    await tampered(story);
    io.tell("");
    io.tell("That was the whole way: proposed, planned, judged, signed, executed on the approved state, verified or undone, and provable.");
    io.tell("Now with your own repository: npm start");
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

/** On the stopped database, as somebody with access to the disk could. */
async function tampered(story: Story): Promise<void> {
  story.title("Nobody rewrites the ledger unseen");
  const sound = await whole(story.world.settings);
  story.say("checked", `${sound.size} entries recomputed from their bytes: ${sound.ok ? "all as signed" : "NOT as signed"}`);
  const database = new DatabaseSync(join(story.world.settings.dataDir, "pawl.db"));
  const index = Math.floor(sound.size / 2);
  database.prepare("UPDATE entries SET bytes = CAST(replace(CAST(bytes AS TEXT), 'e', 'E') AS BLOB) WHERE idx = ?").run(index);
  database.close();
  story.say("tampered", `one row is changed with plain SQL: entry ${index}`);
  const found = await whole(story.world.settings);
  if (found.ok || found.firstBadIndex !== index) throw new Error(`invariant broken: the altered entry ${index} was not named`);
  story.say("found", `pawl ledger fsck: first bad index ${found.firstBadIndex}`);
}

async function whole(settings: Settings): Promise<FsckReport> {
  const report = await fsckStore(settings);
  if (!report.ok) throw new Error(`invariant broken: the demo's database cannot be opened: ${report.error.message}`);
  return report.value;
}
