/** What a server holds for changes that wait for people, beside the bytes that are stored of them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { contest, isQuick, type Row } from "./measure.ts";

/** What the measuring process tells, in bytes. */
export interface Measured {
  /** Of JavaScript, after everything was collected: with the changes, less what was there without any. */
  readonly heap: number;
  /** The same of the whole process. */
  readonly resident: number;
  /** States of the changes as they stand in the database. */
  readonly states: number;
}

export async function* benchMemory(): AsyncGenerator<Row> {
  const changes = isQuick() ? 50 : 10_000;
  const measured = await measure(changes);
  const megabytes = (bytes: number) => () => bytes / 1e6;
  const per = `for ${changes.toLocaleString("en")} open changes`;
  const against = "bytes of their stored states";
  const shared = { unit: "MB", against, ceiling: megabytes(measured.states), rounds: 1 };
  // One process was measured once: what its collector left over is no matter of turns.
  yield await contest({ name: `heap ${per}`, aim: { atMost: 0.1 }, value: megabytes(Math.max(0, measured.heap)), ...shared });
  yield await contest({ name: `resident memory ${per}`, value: megabytes(Math.max(0, measured.resident)), ...shared });
}

async function measure(changes: number): Promise<Measured> {
  const script = fileURLToPath(new URL("./memory-world.ts", import.meta.url));
  const child = spawn(process.execPath, ["--expose-gc", script, String(changes)], { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout.setEncoding("utf8").on("data", (chunk: string) => (said += chunk));
  const [code] = (await once(child, "close")) as [number | null];
  assert.equal(code, 0, "the process that is measured ended early");
  return JSON.parse(said) as Measured;
}
