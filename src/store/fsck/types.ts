/** What the checks share. */
import type { Json } from "../../core/base/index.ts";
import { keyOf } from "../sql/tables.ts";
import type { Cell, Row, Snapshot, TableName } from "../model.ts";

/** The state that a stream's events add up to; undefined where that cannot be said. */
export type Refold = (stream: string, events: readonly Json[]) => Json | undefined;

export interface FsckFault {
  /** `entries/5`, `streams/change/chg_…`, `checkpoints/12`. */
  readonly where: string;
  readonly message: string;
  /** The first ledger entry that is not what was signed. */
  readonly index?: number;
  /** Where only a range is known: its last entry. */
  readonly lastIndex?: number;
}

export interface Check {
  readonly snapshot: Snapshot;
  readonly fault: (fault: FsckFault) => void;
}

const PAGE = 1000;
/** Payloads can be large. */
const PAYLOAD_PAGE = 4;

/** All rows of a table in key order, some at a time. */
export async function* pagesOf<T = Row>(snapshot: Snapshot, table: TableName): AsyncGenerator<readonly T[]> {
  const limit = table === "payloads" ? PAYLOAD_PAGE : PAGE;
  let after: readonly Cell[] | undefined;
  for (;;) {
    const rows: readonly Row[] = await snapshot.scan(table, after, limit);
    if (rows.length > 0) yield rows as readonly unknown[] as readonly T[];
    const last = rows.at(-1);
    if (rows.length < limit || !last) return;
    after = keyOf(table, last);
  }
}
