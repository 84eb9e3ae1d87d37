/** One commit on PostgreSQL. The head's row is the lock: whoever holds it is alone, on all nodes, until its transaction ends. */
import { setTimeout as wait } from "node:timers/promises";
import type { ClientBase, Pool, PoolClient, QueryResult } from "pg";
import type { Claim } from "../../control/ports.ts";
import { claimId, type Facts, type Need, type Outcome, type Row, type StreamRow, type TileRow, type WriteSet } from "../model.ts";
import { all, isConflict, isRefused, isRolledBack, messageOf, type Queryable } from "./connect.ts";
import { HEAD, WAS_COMMITTED, headOf, typed } from "../sql/reads.ts";
import { numbered, selectFrom, stepsOf, type Step } from "../sql/statements.ts";

export const CHANNEL = "pawl_ledger";

/** The safety of what follows rests on the lock and on constraints, so that READ COMMITTED is enough. */
const BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED";
const LOCK = `${HEAD} WHERE id = 1 FOR UPDATE`;
/** The lowest level's tile is made of the hashes beside the entries. */
const EDGE = `SELECT tiles.level, tiles.idx, tiles.hashes FROM head CROSS JOIN generate_series(1, 6) AS l (level)
  JOIN tiles ON tiles.level = l.level AND tiles.idx = head.size >> (8 * (l.level + 1)) WHERE head.id = 1
  UNION ALL SELECT 0, head.size >> 8, string_agg(entries.leaf, '' ORDER BY entries.idx) FROM head
  JOIN entries ON entries.idx >= head.size >> 8 << 8 WHERE head.id = 1 GROUP BY head.size`;
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

  /**
   * In one go. When the server refuses one of the queries it refuses what follows too, and answers COMMIT with ROLLBACK: then
   * nothing was written, whether its answer arrives or not. Any other error leaves open what became of COMMIT.
   */
  async commit(queries: readonly Query[]): Promise<{ readonly refused?: unknown; readonly end: unknown }> {
    this.#state = "broken";
    const writing: Promise<QueryResult>[] = queries.map((query) => this.client.query(query));
    const committing: Promise<QueryResult> = this.client.query("COMMIT");
    const [written, [commit]] = await Promise.all([Promise.allSettled(writing), Promise.allSettled([committing])]);
    const refused = written.map(reasonOf).find(isRefused);
    if (commit.status === "rejected") return { refused, end: commit.reason };
    this.#state = "committed";
    return { refused: refused ?? (commit.value.command === "COMMIT" ? undefined : new Error("the server rolled back")), end: "committed" };
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
const reasonOf = (result: PromiseSettledResult<unknown>): unknown => (result.status === "rejected" ? result.reason : undefined);

async function attempt(pool: Pool, use: Use, need: Need, decide: (facts: Facts) => WriteSet | undefined): Promise<Outcome> {
  let facts: Facts;
  try {
    facts = await readFacts(use.client, need);
  } catch (error) {
    return { kind: "failed", message: messageOf(error) };
  }
  const set = decide(facts);
  if (!set) return { kind: "nothing" };
  const { refused, end } = await use.commit(programOf(set));
  if (refused !== undefined) return isConflict(refused) ? { kind: "conflict" } : { kind: "failed", message: messageOf(refused) };
  if (end === "committed") return { kind: "committed" };
  if (isRolledBack(end)) return { kind: "conflict" };
  // Its place in the pool is needed for looking.
  await use.end();
  return lookBack(pool, set, messageOf(end));
}

/** All at once over the pipeline: the server takes the questions in order, so that those behind the lock see what is locked. */
async function readFacts(client: PoolClient, need: Need): Promise<Facts> {
  const ask = async (wanted: boolean, sql: string, ...params: unknown[]): Promise<Row[]> =>
    wanted ? (await client.query<Row>({ name: nameOf(sql), text: sql, values: params })).rows : [];
  const [, locked, streams, claims, outbox] = await settled([
    client.query(BEGIN).then(() => []),
    ask(true, LOCK),
    ask(need.streams.length > 0, STREAMS, need.streams),
    ask(
      need.claims.length > 0,
      CLAIMS,
      need.claims.map(({ kind }) => kind),
      need.claims.map(({ key }) => key),
    ),
    ask(need.outbox.length > 0, OUTBOX, need.outbox),
  ]);
  const head = headOf(locked ?? []);
  return {
    head,
    // Another node was here: its edge has to be read.
    edge: typed<TileRow>(await ask(head.batch !== need.known?.batch, EDGE)),
    streams: new Map(typed<StreamRow>(streams ?? []).map((row) => [row.stream, row])),
    claims: new Map(typed<Claim>(claims ?? []).map((claim) => [claimId(claim), claim])),
    outbox: new Set(typed<{ key: string }>(outbox ?? []).map(({ key }) => key)),
  };
}

interface Query {
  readonly name: string;
  readonly text: string;
  readonly values: unknown[];
}

/** Everything in one statement, which fails when a row that had to be there was not; large cells go before it. */
function programOf(set: WriteSet): Query[] {
  const steps = stepsOf(set);
  const apart = steps.filter(({ apiece }) => apiece).flatMap(apieceOf);
  const together = steps.filter(({ apiece }) => !apiece);
  const text = togetherOf(together);
  const expected = together.flatMap(({ expect }) => (expect === undefined ? [] : [expect]));
  return [...apart, { name: nameOf(text), text, values: [...together.flatMap(columnsOf), ...expected] }];
}

const togetherTexts = new Map<string, string>();

function togetherOf(steps: readonly Step[]): string {
  const shape = steps.map(({ statement }) => nameOf(statement.many)).join();
  const known = togetherTexts.get(shape);
  if (known !== undefined) return known;
  let params = 0;
  const parts = steps.map(({ statement, rows, expect }, i) => {
    const text = statement.many.replaceAll(/\$(\d+)/g, (_, n: string) => `$${params + Number(n)}`);
    params += rows[0]?.length ?? 0;
    return `s${i} AS (${text}${expect === undefined ? "" : " RETURNING 1"})`;
  });
  const checks = steps.flatMap(({ expect }, i) => (expect === undefined ? [] : [`(SELECT count(*) FROM s${i}) = $${++params}`]));
  const sound = checks.join(" AND ");
  const made = `WITH ${parts.join(", ")} SELECT pg_notify('${CHANNEL}', ''), 1 / CASE WHEN ${sound} THEN 1 ELSE 0 END`;
  togetherTexts.set(shape, made);
  return made;
}

const columnsOf = ({ rows }: Step): unknown[] => (rows[0] ?? []).map((_cell, i) => rows.map((row) => row[i]));

function apieceOf({ statement, rows }: Step): Query[] {
  const text = numbered(statement.one);
  return rows.map((row) => ({ name: nameOf(text), text, values: [...row] }));
}

export async function runStep(client: ClientBase, step: Step): Promise<void> {
  const { many } = step.statement;
  const queries = step.apiece ? apieceOf(step) : [{ name: nameOf(many), text: many, values: columnsOf(step) }];
  await settled(queries.map((query) => client.query(query)));
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
