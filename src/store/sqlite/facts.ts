/** What a batch needs to know, read from a SQLite connection. */
import type { Claim } from "../../control/ports.ts";
import { rightEdge } from "../../core/ledger/index.ts";
import { claimId, type Facts, type Head, type Need, type StreamRow, type TileRow } from "../model.ts";
import { CLAIM, HEAD, LEAVES, OUTBOX_KEY, STREAM, TILE, headOf, leafRange, leavesOf } from "../sql/reads.ts";
import { selectFrom } from "../sql/statements.ts";
import { messageOf, rowsOf, type Connection } from "./program.ts";

export function factsOr(connection: Connection, need: Need): Facts | string {
  try {
    return readFacts(connection, need);
  } catch (error) {
    return `the database cannot be read: ${messageOf(error)}`;
  }
}

/** The head first: should another process commit meanwhile, the head that it moves makes this batch a conflict. */
function readFacts(connection: Connection, need: Need): Facts {
  const head = need.known ?? headOf(rowsOf(connection, HEAD, []));
  const streams = new Map<string, StreamRow>();
  for (const row of readStreams(connection, need.streams)) streams.set(row.stream, row);
  const claims = new Map<string, Claim>();
  for (const { kind, key } of need.claims) {
    const [row] = rowsOf(connection, CLAIM, [kind, key]) as unknown as Claim[];
    if (row) claims.set(claimId(row), { ...row });
  }
  const outbox = new Set(need.outbox.filter((key) => rowsOf(connection, OUTBOX_KEY, [key]).length > 0));
  return { head, edge: need.known ? [] : readEdge(connection, head), streams, claims, outbox };
}

/** All in one question: asking costs more than finding. */
const STREAMS = `${selectFrom("streams")} WHERE stream IN (SELECT value FROM json_each(?))`;

function readStreams(connection: Connection, names: readonly string[]): StreamRow[] {
  const [only] = names;
  if (only === undefined) return [];
  return (names.length === 1
    ? rowsOf(connection, STREAM, [only])
    : rowsOf(connection, STREAMS, [JSON.stringify(names)])) as unknown as StreamRow[];
}

function readEdge(connection: Connection, { size }: Head): TileRow[] {
  return rightEdge(size).flatMap(({ level, index }) => {
    if (level > 0) return rowsOf(connection, TILE, [level, index]) as unknown as TileRow[];
    return [{ level, idx: index, hashes: leavesOf(rowsOf(connection, LEAVES, leafRange(index))) }];
  });
}
