/** PostgreSQL behind a line that is cut at the worst moment. */
import assert from "node:assert/strict";
import { connect, createServer } from "node:net";
import type { AddressInfo, Socket } from "node:net";
import test from "node:test";
import { openPostgres } from "../../src/store/index.ts";
import { freshDatabase } from "../../src/testing/postgres.ts";
import { ORIGIN, accepted, counted, gathered, refused, signer } from "./world.ts";
import type { Hooks } from "./databases.ts";

/** What the line does when the word COMMIT comes along it. */
type Cut = "never" | "before" | "after" | "after, and nobody gets through any more";

interface Line {
  readonly url: string;
  cut: Cut;
  /** New connections are closed at once. */
  dead: boolean;
}

/** A proxy; the cut happens once. */
async function line(t: Hooks, url: string): Promise<Line> {
  const target = new URL(url);
  const { hostname, port } = target;
  const sockets = new Set<Socket>();
  const state = { cut: "never" as Cut, dead: false };
  const server = createServer((client) => {
    if (state.dead) {
      client.destroy();
      return;
    }
    const upstream = connect(Number(port), hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on("error", () => {}));
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => client.destroy());
    upstream.on("data", (bytes) => client.write(bytes));
    client.on("data", (bytes) => pass(state, client, upstream, bytes));
  });
  await new Promise<void>((done) => server.listen(0, "127.0.0.1", done));
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  target.port = String((server.address() as AddressInfo).port);
  return Object.assign(state, { url: target.href });
}

function pass(state: Pick<Line, "cut" | "dead">, client: Socket, upstream: Socket, bytes: Buffer | string): void {
  const { cut } = state;
  if (cut === "never" || !bytes.includes("COMMIT\0")) {
    upstream.write(bytes);
    return;
  }
  state.cut = "never";
  state.dead = cut === "after, and nobody gets through any more";
  if (cut === "before") {
    client.destroy();
    return;
  }
  // The server gets the word, and its answer is lost.
  upstream.removeAllListeners("data").once("data", () => client.destroy());
  upstream.write(bytes);
}

async function world(t: Hooks) {
  const url = await freshDatabase(t);
  const cuttable = await line(t, url);
  const open = async (at: string) => {
    const opened = await openPostgres({ url: at, origin: ORIGIN, signer, poolSize: 2, pollMillis: 10 });
    assert.ok(opened.ok, opened.ok ? "" : opened.error.message);
    t.after(() => opened.value.close());
    return opened.value;
  };
  return { cuttable, store: await open(cuttable.url), direct: await open(url) };
}

test("[ST-10] a commit whose answer was lost is looked up and acknowledged", async (t) => {
  const { cuttable, store, direct } = await world(t);
  cuttable.cut = "after";
  const receipt = await accepted(store, { writes: [counted("change/a", 0)], claims: [{ kind: "consume", key: "g", value: "1" }] });
  assert.deepEqual(receipt.indexes, [0]);
  assert.equal((await direct.head()).checkpoint, receipt.checkpoint);
  cuttable.cut = "after";
  await accepted(store, { writes: [], outbox: [{ key: "alone", kind: "tell", body: {}, dueAt: 0 as never }] });
});

test("[ST-10] a commit that never reached the server is refused, and nothing of it is there", async (t) => {
  const { cuttable, store, direct } = await world(t);
  cuttable.cut = "before";
  const refusal = await refused(store, { writes: [counted("change/a", 0)] });
  assert.deepEqual([refusal.code, refusal.details], ["store_unavailable", { outcome: "none" }]);
  assert.equal((await direct.head()).size, 0);
  await accepted(store, { writes: [counted("change/a", 0)] });
});

test("[ST-10] a commit that nobody can look up is unknown, not refused", async (t) => {
  const { cuttable, store, direct } = await world(t);
  cuttable.cut = "after, and nobody gets through any more";
  const refusal = await refused(store, { writes: [counted("change/a", 0)] });
  assert.deepEqual([refusal.code, refusal.details], ["store_unavailable", { outcome: "unknown" }]);
  assert.equal((await direct.load("change/a"))?.version, 1);
});

test("[ST-10] a server that is away refuses with nothing written, and is used again when it is back", async (t) => {
  const { cuttable, store, direct } = await world(t);
  cuttable.dead = true;
  assert.equal((await refused(store, { writes: [gathered("audit")] })).details?.["outcome"], "none");
  assert.equal((await refused(store, { writes: [gathered("audit")] })).details?.["outcome"], "none");
  cuttable.dead = false;
  assert.deepEqual((await accepted(store, { writes: [gathered("audit")] })).indexes, [0]);
  assert.equal((await direct.head()).size, 1);
});
