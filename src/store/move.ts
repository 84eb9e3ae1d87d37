/** Copies a whole database into an empty one of the same log, and proves there that nothing was lost on the way. */
import { ok, type Result } from "../core/base/index.ts";
import { fsck, type Inspected } from "./fsck/fsck.ts";
import { pagesOf } from "./fsck/types.ts";
import { openRefusal, type OpenRefusal } from "./head.ts";
import type { Filling, Head, Snapshot, TableName } from "./model.ts";
import { typed } from "./sql/reads.ts";
import type { OpenStore } from "./store.ts";
import { TABLE_NAMES } from "./sql/tables.ts";

export interface Moved {
  readonly size: number;
  /** As the checkpoint writes it; the same on both sides. */
  readonly root: string;
  readonly rows: Readonly<Record<TableName, number>>;
}

/**
 * All or nothing, in one transaction of the target. Nothing else may write to the source meanwhile: what it wrote would stay
 * behind.
 */
export async function move(from: Inspected, to: Pick<OpenStore, "log" | "fill">): Promise<Result<Moved, OpenRefusal>> {
  const source = await from.snapshot();
  try {
    return await to.fill((target) => copyInto(source, target, to.log));
  } finally {
    await source.close();
  }
}

async function copyInto(source: Snapshot, target: Filling, log: Inspected["log"]): Promise<Result<Moved, OpenRefusal>> {
  const fault = await targetFault(target, typed<Head>(await source.scan("head", undefined, 1))[0]);
  if (fault) return fault;
  await target.clear();
  const rows = {} as Record<TableName, number>;
  for (const table of TABLE_NAMES) rows[table] = await copyTable(source, target, table);
  const report = await fsck({ log, snapshot: async () => target });
  if (report.ok && report.root !== undefined) return ok({ size: report.size, root: report.root, rows });
  const [first] = report.faults;
  return openRefusal(
    "store_corrupt",
    `nothing was moved, for ${first?.where} is not sound: ${first?.message}`,
    "run `pawl ledger fsck` on the source",
  );
}

async function targetFault(target: Filling, source: Head | undefined): Promise<ReturnType<typeof openRefusal> | undefined> {
  for (const table of TABLE_NAMES) {
    const rows = await target.scan(table, undefined, 2);
    const fresh = table === "head" || table === "checkpoints" ? 1 : 0;
    if (rows.length > fresh) return openRefusal("not_empty", `the target has ${table} already`, "move into an empty database");
  }
  const [head] = typed<Head>(await target.scan("head", undefined, 1));
  if (source && source.origin !== head?.origin) {
    return openRefusal(
      "wrong_origin",
      `the source holds the log ${source.origin}, the target ${head?.origin}`,
      "open both with the same origin",
    );
  }
  return undefined;
}

async function copyTable(source: Snapshot, target: Filling, table: TableName): Promise<number> {
  let count = 0;
  for await (const rows of pagesOf(source, table)) {
    await target.insert(table, rows);
    count += rows.length;
  }
  return count;
}
