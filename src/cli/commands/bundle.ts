import type { Command } from "commander";
import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { canonical, utf8 } from "../../core/base/index.ts";
import { readBundle } from "../../core/evidence/index.ts";
import { pathOf } from "../changes.ts";
import type { Context } from "../context.ts";
import { refusal, taken, usage } from "../errors.ts";
import { changeId } from "../inputs.ts";
import { plural } from "../words.ts";

export function define(command: Command, context: Context): void {
  command
    .argument("<change>", "its id", changeId)
    .requiredOption("-o, --out <file>", "a new file for the bundle")
    .action((id: string, { out }: { readonly out: string }) => bundle(context, id, out));
}

async function bundle(context: Context, id: string, out: string): Promise<void> {
  const { terminal, io } = context;
  const bytes = utf8(canonical(await context.known.get<unknown>(pathOf(id, "/bundle"))));
  const { entries, payloads, checkpoint, change } = taken(readBundle(bytes), 1);
  if (change !== id) throw refusal("bundle_foreign", `the server sent the bundle of ${change}`);
  await writeFile(resolve(io.cwd, out), bytes, { flag: "wx" }).catch((error: NodeJS.ErrnoException) => {
    throw usage(error.code === "EEXIST" ? "the file exists already" : `the file cannot be written: ${error.code ?? error.message}`, {
      where: out,
      remedy: "name another one",
    });
  });
  const gone = payloads.filter(({ as }) => as === "erased" || as === "left_out").length;
  const size = Number(checkpoint.split("\n", 2)[1]);
  terminal.answer({ change: id, file: out, bytes: bytes.length, entries: entries.length, documents: payloads.length, gone, size }, () => [
    `${out}: ${plural(entries.length, "entry", "entries")} and ${plural(payloads.length - gone, "document")}, proven against a log of ${plural(size, "entry", "entries")}`,
    ...(gone === 0 ? [] : [`${plural(gone, "document")} erased or too large: named in it by digest`]),
    `check it anywhere:  pawl verify ${out} --trust trust.json`,
  ]);
}
