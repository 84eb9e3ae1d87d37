/** One commit on PostgreSQL. The head's row is the lock: whoever holds it is alone, on all nodes, until its transaction ends. */
import { setTimeout as wait } from "node:timers/promises";
import type { ClientBase, Pool, PoolClient } from "pg";
import type { Claim } from "../../control/ports.ts";
import { claimId, type Facts, type Need, type Outcome, type Row, type StreamRow, type TileRow, type WriteSet } from "../model.ts";
import { all, isConflict, isRolledBack, messageOf, type Queryable } from "./connect.ts";
import { HEAD, WAS_COMMITTED, headOf, typed } from "../sql/reads.ts";
import { HEAD_STEP, numbered, selectFrom, stepsOf, type Step } from "../sql/statements.ts";

export const CHANNEL = "pawl_ledger";

/** The safety of what follows rests on the lock and on constraints, so that READ COMMITTED is enough. */
const BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED";
const LOCK = `${HEAD} WHERE id = 1 FOR UPDATE`;
/** Nothing while the head is of the batch after which the asker knows it. The lowest level's tile is made of the hashes beside the entries. */
const EDGE = `SELECT tiles.level, tiles.idx, tiles.hashes FROM head CROSS JOIN generate_series(1, 6) AS l (level)
  JOIN tiles ON tiles.level = l.level AND tiles.idx = head.size >> (8 * (l.level + 1)) WHERE head.id = 1 AND head.batch <> $1
  UNION ALL SELECT 0, head.size >> 8, string_agg(entries.leaf, '' ORDER BY entries.idx) FROM head
  JOIN entries ON entries.idx >= head.size >> 8 << 8 WHERE head.id = 1 AND head.batch <> $1 GROUP BY head.size`;
const STREAMS = `${selectFrom("streams")} WHERE stream = ANY ($1::text[])`;
const CLAIMS = "SELECT kind, key, value FROM claims WHERE (kind, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))";
const OUTBOX = "SELECT key FROM outbox WHERE key = ANY ($1::text[])";

export async function transact(pool: Pool, need: Need, decide: (facts: Facts) => WriteSet | undefined): Promise<Outcome> {
  let client: PoolClient;
  try {
    client = await pool.connect();
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
  }
  const use = new Use(client);
  try {
    return await attempt(pool, use, need, decide);
  } finally {
    await use.end();
  }
}

/** A connection is given back when its transaction has surely ended; otherwise it is closed, which ends it. */
class Use {
  readonly client: PoolClient;
  #state: "open" | "committed" | "broken" | "ended" = "open";

  constructor(client: PoolClient) {
    this.client = client;
    client.on("error", ignore);
  }

  async commit(): Promise<void> {
    this.#state = "broken";
    await this.client.query("COMMIT");
    this.#state = "committed";
  }

  async end(): Promise<void> {
    const state = this.#state;
    if (state === "ended") return;
    this.#state = "ended";
    const clean = state === "committed" || (state === "open" && (await this.#rolledBack()));
    this.client.off("error", ignore);
    this.client.release(!clean);
  }

  async #rolledBack(): Promise<boolean> {
    try {
      await this.client.query("ROLLBACK");
      return true;
    } catch {
      return false;
    }
  }
}
const ignore = (): void => {};

async function attempt(pool: Pool, use: Use, need: Need, decide: (facts: Facts) => WriteSet | undefined): Promise<Outcome> {
  let facts: Facts;
  try {
    facts = await readFacts(use.client, need);
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
  }
  const set = decide(facts);
  if (!set) return { kind: "nothing" };
  try {
    const refused = await writeAll(use.client, set);
    if (refused) return refused;
  } catch (error) {
    return isConflict(error) ? { kind: "conflict" } : { kind: "failed", message: messageOf(error) };
  }
  try {
    await use.commit();
    return { kind: "committed" };
  } catch (error) {
    if (isRolledBack(error)) return { kind: "conflict" };
    // Its place in the pool is needed for looking.
    await use.end();
    return lookBack(pool, set, messageOf(error));
  }
}

/** All at once over the pipeline: the server takes the questions in order, so that those behind the lock see what is locked. */
async function readFacts(client: PoolClient, need: Need): Promise<Facts> {
  const ask = async (wanted: boolean, sql: string, ...params: unknown[]): Promise<Row[]> =>
    wanted ? (await client.query<Row>({ name: nameOf(sql), text: sql, values: params })).rows : [];
  const [, head, edge, streams, claims, outbox] = await settled([
    client.query(BEGIN).then(() => []),
    ask(true, LOCK),
    ask(true, EDGE, need.edgeOf ?? ""),
    ask(need.streams.length > 0, STREAMS, need.streams),
    ask(
      need.claims.length > 0,
      CLAIMS,
      need.claims.map(({ kind }) => kind),
      need.claims.map(({ key }) => key),
    ),
    ask(need.outbox.length > 0, OUTBOX, need.outbox),
  ]);
  return {
    head: headOf(head ?? []),
    edge: typed<TileRow>(edge ?? []),
    streams: new Map(typed<StreamRow>(streams ?? []).map((row) => [row.stream, row])),
    claims: new Map(typed<Claim>(claims ?? []).map((claim) => [claimId(claim), claim])),
    outbox: new Set(typed<{ key: string }>(outbox ?? []).map(({ key }) => key)),
  };
}

/** The outcome, when a row that had to be there was not. */
async function writeAll(client: PoolClient, set: WriteSet): Promise<Outcome | undefined> {
  const steps = stepsOf(set);
  const changes = await settled([
    ...steps.map((step) => runStep(client, step)),
    client.query("SELECT pg_notify($1, '')", [CHANNEL]).then(() => 0),
  ]);
  const refused = steps.findIndex(({ expect }, i) => expect !== undefined && expect !== changes[i]);
  if (refused < 0) return undefined;
  return { kind: refused === HEAD_STEP ? "moved" : "conflict" };
}

export async function runStep(client: ClientBase, { statement, rows, apiece }: Step): Promise<number> {
  if (apiece) {
    const text = numbered(statement.one);
    const results = await settled(rows.map((row) => client.query({ name: nameOf(text), text, values: [...row] })));
    return results.reduce((sum, { rowCount }) => sum + (rowCount ?? 0), 0);
  }
  const columns = (rows[0] ?? []).map((_cell, i) => rows.map((row) => row[i]));
  return (await client.query({ name: nameOf(statement.many), text: statement.many, values: columns })).rowCount ?? 0;
}

/** Waits for all, so that no answer of a failed transaction is left behind on the connection; the first error is the cause. */
async function settled<T>(promises: readonly Promise<T>[]): Promise<T[]> {
  const results = await Promise.allSettled(promises);
  return results.map((result) => {
    if (result.status === "rejected") throw result.reason;
    return result.value;
  });
}

const names = new Map<string, string>();
function nameOf(sql: string): string {
  const known = names.get(sql);
  if (known !== undefined) return known;
  const name = `pawl_${names.size}`;
  names.set(sql, name);
  return name;
}

const LOOKS = 6;
const FIRST_WAIT_MILLIS = 50;

/**
 * The connection was lost after COMMIT was sent. Whoever gets the head's lock knows that the other transaction has ended, one way
 * or the other, and can see which.
 */
async function lookBack(pool: Pool, set: WriteSet, cause: string): Promise<Outcome> {
  for (let look = 0; look < LOOKS; look++) {
    await wait(look === 0 ? 0 : FIRST_WAIT_MILLIS * 2 ** look);
    try {
      return (await wasCommitted(pool, set)) ? { kind: "committed" } : { kind: "failed", message: cause };
    } catch {
      continue;
    }
  }
  return { kind: "unknown", message: `${cause}; the database could not be asked whether it committed` };
}

async function wasCommitted(pool: Pool, { head, prior, checkpoint }: WriteSet): Promise<boolean> {
  const use = new Use(await pool.connect());
  try {
    await use.client.query(BEGIN);
    const now = headOf((await (use.client as Queryable).query(LOCK)).rows as Row[]);
    const found = await all(use.client, WAS_COMMITTED, [head.size, head.batch, head.batch]);
    // Without entries there is no checkpoint to find once another batch has moved the head on.
    if (found.length === 0 && !checkpoint && now.batch !== prior.batch) throw new Error("another batch followed");
    return found.length > 0;
  } finally {
    await use.end();
  }
}
