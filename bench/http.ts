import assert from "node:assert/strict";
import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { DatabaseSync } from "node:sqlite";
import { fileURLToPath } from "node:url";
import type { Json } from "../src/core/base/index.ts";
import { benchWorld, proposal, serve, type BenchWorld } from "./http-world.ts";
import type { Load } from "./http-client.ts";
import { serveCeiling } from "./http-ceiling.ts";
import { contest, isQuick, type Probe, type Row } from "./measure.ts";

const NUMBERED = proposal("########");
/** What the ceiling answers is the same text. */
const DECIDED = '"status":"authorised"';
const MANY = 32;

/** From a proposal to its decision, over HTTP, against the same HTTP server that decides nothing and commits as many bytes. */
export async function* benchHttp(): AsyncGenerator<Row> {
  const world = await benchWorld();
  const client = fork(fileURLToPath(new URL("./http-client.ts", import.meta.url)), []);
  const { row, answer } = await oneChange(world);
  const real = await serve(world.control);
  const ceiling = await serveCeiling(world.folder, row, answer);
  const ours = (clients: number, keepAlive = true) => asker(client, { ...proposing(real.port, world.bearer), clients, keepAlive });
  const bare = (clients: number) => asker(client, { ...asking(ceiling.port), clients, keepAlive: true });
  try {
    const against = `Fastify and one durable commit of ${row} bytes`;
    await warmUp(ours(MANY));
    const decided = "proposal to decision over HTTP";
    yield await contest({ name: `${decided}, 1 client`, unit: "/s", against, aim: { atLeast: 0.65 }, value: ours(1), ceiling: bare(1) });
    yield await contest({
      name: `${decided}, ${MANY} clients`,
      unit: "/s",
      against,
      aim: { atLeast: 0.4 },
      value: ours(MANY),
      ceiling: bare(MANY),
    });
    for (const clients of [1, MANY]) {
      const name = `the same without keep-alive, ${clients} ${clients === 1 ? "client" : "clients"}`;
      yield await contest({
        name,
        unit: "/s",
        against: "the same with keep-alive",
        aim: { atLeast: 0.5 },
        value: ours(clients, false),
        ceiling: ours(clients),
      });
    }
  } finally {
    client.kill();
    await real.close();
    await ceiling.close();
    await world.close();
  }
}

/** A server that has run for a while is measured: the engine makes code fast that was used some thousand times. */
async function warmUp(probe: Probe): Promise<void> {
  const wanted = isQuick() ? 1 : 5_000;
  const until = performance.now() + 30_000;
  for (let done = 0; done < wanted && performance.now() < until;) done += (await probe(500)) / 2;
}

const lines = (...all: readonly string[]): string => all.map((line) => `${line}\r\n`).join("");
const asking = (port: number) => ({
  port,
  head: lines("POST /ceiling HTTP/1.1", `host: 127.0.0.1:${port}`, "content-type: application/json"),
  body: NUMBERED,
  expect: DECIDED,
});
const proposing = (port: number, bearer: string) => ({
  port,
  head: lines("POST /v1/changes HTTP/1.1", `host: 127.0.0.1:${port}`, `authorization: Bearer ${bearer}`, "content-type: application/json"),
  body: NUMBERED,
  expect: DECIDED,
});

const asker =
  (client: ChildProcess, load: Omit<Load, "millis">) =>
  async (millis: number): Promise<number> => {
    const asked: Load = { ...load, millis };
    client.send(asked);
    const [{ rate, error }] = (await once(client, "message")) as [{ rate?: number; error?: string }];
    assert.ok(rate !== undefined, error ?? "the client said nothing");
    return rate;
  };

/** How many bytes a change's commit adds to the tables, and what is answered. */
async function oneChange({ control, bearer, path }: BenchWorld): Promise<{ readonly row: number; readonly answer: string }> {
  const caller = await control.authenticate(bearer, "api");
  assert.ok(caller.ok);
  const before = stored(path);
  const proposed = await control.propose(caller.value, JSON.parse(proposal("00000000")) as Json, undefined, 1_000);
  assert.ok(proposed.ok && proposed.value.status === "authorised", JSON.stringify(proposed));
  return { row: stored(path) - before, answer: JSON.stringify(proposed.value) };
}

/** Bytes of all cells of all tables. */
function stored(path: string): number {
  const db = new DatabaseSync(path, { readOnly: true });
  const tables = db.prepare("SELECT name FROM sqlite_schema WHERE type = 'table'").all() as { readonly name: string }[];
  const sizes = tables.map(({ name }) => {
    const columns = db.prepare(`SELECT name FROM pragma_table_info('${name}')`).all() as { readonly name: string }[];
    const cells = columns.map((column) => `coalesce(sum(length(CAST("${column.name}" AS BLOB))), 0)`).join(" + ");
    return (db.prepare(`SELECT ${cells} AS size FROM "${name}"`).get() as { readonly size: number }).size;
  });
  db.close();
  return sizes.reduce((sum, size) => sum + size, 0);
}
