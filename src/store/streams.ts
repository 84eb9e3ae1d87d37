/** Stream rows: sealed when written, checked when read. Pure. */
import type { StoredStream } from "../control/ports.ts";
import { assert, digestOf, millis, type Json } from "../core/base/index.ts";
import type { StreamRow } from "./model.ts";

export const kindOf = (stream: string): string => stream.split("/", 1)[0] ?? stream;

export function sealStream(row: Omit<StreamRow, "seal">): StreamRow {
  return { ...row, seal: sealOf(row) };
}

function sealOf(row: Omit<StreamRow, "seal">): string {
  const { stream, kind, mode, version, body, status, proposer, created_at, updated_at } = row;
  return digestOf(JSON.stringify([stream, kind, mode, version, body, status, proposer, created_at, updated_at]));
}

/** Why a row cannot be trusted; undefined for a good one. */
export function streamFault(row: StreamRow): string | undefined {
  if (sealOf(row) !== row.seal) return "the stored row does not match its seal";
  if (row.body === null) return undefined;
  try {
    JSON.parse(row.body);
    return undefined;
  } catch {
    return "the stored state is not JSON";
  }
}

/** A row that cannot be trusted is handed out without its content, so that everything else goes on. */
export function storedStream(row: StreamRow): StoredStream {
  const { stream, version } = row;
  const fault = streamFault(row);
  if (fault) {
    const empty = { body: null, proposer: "", createdAt: millis(0), updatedAt: millis(0) };
    return { stream, version, ...empty, status: "quarantined", quarantined: fault };
  }
  const body: Json = row.body === null ? null : (JSON.parse(row.body) as Json);
  const { status, proposer } = row;
  return { stream, version, body, status, proposer, createdAt: millis(row.created_at), updatedAt: millis(row.updated_at) };
}

const CURSOR = /^(\d{1,16})~([\x21\x23-\x5b\x5d-\x7e]{1,200})$/;

export interface Position {
  readonly createdAt: number;
  readonly stream: string;
}

export const cursorAt = ({ created_at, stream }: StreamRow): string => Buffer.from(`${created_at}~${stream}`).toString("base64url");

export function parseCursor(cursor: string): Position | undefined {
  const match = CURSOR.exec(Buffer.from(cursor, "base64url").toString("latin1"));
  if (!match) return undefined;
  const [, createdAt, stream] = match;
  assert(createdAt !== undefined && stream !== undefined, "both groups of the cursor match");
  return { createdAt: Number(createdAt), stream };
}
