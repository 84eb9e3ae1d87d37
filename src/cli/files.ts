/** Files that an auditor was handed: bundles, reports, and the entries of a log; bounded, and read as they are. */
import { createReadStream, statSync } from "node:fs";
import { open } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { entryOfLine } from "../core/evidence/index.ts";
import { Client } from "./client.ts";
import type { Context } from "./context.ts";
import { usage } from "./errors.ts";
import { allEntries, type HeadView } from "./log.ts";

export function isFile(context: Context, name: string): boolean {
  return statSync(resolve(context.io.cwd, name), { throwIfNoEntry: false })?.isFile() === true;
}

export async function readWhole(context: Context, name: string, most: number): Promise<Uint8Array> {
  await using file = await open(resolve(context.io.cwd, name), "r");
  const { size } = await file.stat();
  if (size > most) throw usage(`the file has ${size} bytes; ${most} is the bound`, { where: name, remedy: "check the path" });
  return await file.readFile();
}

export interface NumberedEntry {
  readonly index: number;
  readonly entry: string;
}

/** Every entry of a log from the first one on: a file of `ledger export` or `export`, or a Pawl that is asked. */
export async function* entriesFrom(context: Context, source: string): AsyncGenerator<NumberedEntry, void> {
  if (/^https?:\/\//.test(source)) {
    const client = new Client({ url: source, from: "given with --entries", signal: context.io.signal });
    const { size } = await client.get<HeadView>("/v1/ledger/head");
    yield* allEntries(client, size);
    return;
  }
  if (!isFile(context, source))
    throw usage("there is no such file of entries", { where: source, remedy: "make one: pawl ledger export FOLDER" });
  const lines = createInterface({ input: createReadStream(resolve(context.io.cwd, source)), crlfDelay: Infinity });
  let index = 0;
  for await (const line of lines) if (line !== "") yield { index: index++, entry: entryOfLine(line) ?? line };
}
