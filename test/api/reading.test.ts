import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { fromUtf8, sha256, toHex } from "../../src/core/base/index.ts";
import {
  leafHash,
  openCheckpoint,
  parseEntryBundle,
  parseVkeys,
  tilePath,
  verifyConsistency,
  verifyInclusion,
  rootFromTiles,
} from "../../src/core/ledger/index.ts";
import { ask, open, refusedWith } from "./harness.ts";
import { ADA, BOB, fakeWorld, type FakeWorld } from "./world.ts";

const fromHexText = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, "hex"));

test("[AP-2] each read answers with what control has", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const id = world.fake.place("awaiting");
  const get = async <T>(url: string): Promise<T> => {
    const response = await ask(app, { url, bearer: world.bearers.human });
    assert.equal(response.statusCode, 200, response.body);
    return response.json<T>();
  };
  assert.equal((await get<{ id: string }>(`/v1/changes/${id}`)).id, id);
  assert.equal((await get<{ plan: { schema: string } }>(`/v1/changes/${id}/plan`)).plan.schema, "pawl/change-plan/v1");
  assert.deepEqual(
    (await get<{ events: { type: string }[] }>(`/v1/changes/${id}/events?from=1&limit=1`)).events.map(({ type }) => type),
    ["moved"],
  );
  assert.equal((await get<{ principal: string }>("/v1/whoami")).principal, BOB);
  assert.equal((await get<{ name: string }>("/v1/policy")).name, "fake");
  assert.deepEqual(await get("/v1/directory"), { persons: [], machines: [], groups: [] });
  assert.deepEqual(await get("/v1/tokens"), { tokens: [] });
});

test("[AP-2] policy is checked, tested and explained without being put in force", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const post = (url: string, body: unknown) => ask(app, { method: "POST", url, bearer: world.bearers.human, body });
  assert.equal((await post("/v1/policy/check", { text: "good" })).json<{ faults: unknown[] }>().faults.length, 0);
  assert.equal((await post("/v1/policy/check", { text: "bad" })).json<{ faults: { caret: string }[] }>().faults[0]?.caret, "bad\n^");
  assert.equal((await post("/v1/policy/test", { text: "good" })).json<{ results: unknown[] }>().results.length, 1);
  assert.equal((await post("/v1/policy/explain", { change: world.fake.place("awaiting") })).json<{ outcome: string }>().outcome, "review");
  for (const body of [{}, { text: 1 }, { text: "a", more: 1 }, [], null, '"a"'])
    refusedWith(await post("/v1/policy/check", body), 422, "invalid");
  const problem = refusedWith(await post("/v1/policy/explain", { text: 1, more: 2 }), 422, "invalid");
  assert.deepEqual(problem.faults?.map(({ where = "" }) => where).toSorted(), ["/", "/", "/text"]);
});

test("[AP-16] a query is read strictly, and all its faults are told at once", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const faultsOf = async (query: string) => {
    const problem = refusedWith(await ask(app, { url: `/v1/changes?${query}`, bearer: world.bearers.human }), 422, "invalid", "query");
    return (problem.faults ?? []).map(({ where = "" }) => where).toSorted();
  };
  assert.deepEqual(await faultsOf("limit=0&status=nothing&mine=maybe&zzz=1"), ["limit", "mine", "status/0", "zzz"]);
  assert.deepEqual(await faultsOf("limit=1&limit=2"), ["limit"]);
  for (const limit of ["", "1e2", "0x10", "-1", "201", "1.5", "%20", "9".repeat(30), "NaN"])
    assert.deepEqual(await faultsOf(`limit=${limit}`), ["limit"], limit);
  for (const name of ["__proto__", "constructor", "toString", "hasOwnProperty"]) assert.deepEqual(await faultsOf(`${name}=1`), [name]);
  refusedWith(await ask(app, { url: "/v1/whoami?verbose=1", bearer: world.bearers.human }), 422, "invalid", "query");
  refusedWith(await ask(app, { url: "/v1/ledger/proof/inclusion" }), 422, "invalid", "query");
});

test("[AP-16] lists are filtered, bounded and continued by cursor", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const placed = Array.from({ length: 5 }, (_, i) => world.fake.place(i < 3 ? "awaiting" : "verified", { proposer: i === 0 ? BOB : ADA }));
  const list = async (query: string) =>
    (await ask(app, { url: `/v1/changes?${query}`, bearer: world.bearers.human })).json<{ changes: { id: string }[]; cursor?: string }>();
  const ids = async (query: string) => (await list(query)).changes.map(({ id }) => id);
  assert.deepEqual(await ids(""), placed);
  assert.deepEqual(await ids("status=verified"), placed.slice(3));
  assert.deepEqual(await ids("status=awaiting,verified"), placed);
  assert.deepEqual(await ids("mine=true"), placed.slice(0, 1));
  assert.deepEqual(await ids("proposer=human%3Aada&status=awaiting"), placed.slice(1, 3));
  const first = await list("limit=2");
  assert.deepEqual(
    first.changes.map(({ id }) => id),
    placed.slice(0, 2),
  );
  assert.deepEqual(await ids(`limit=2&cursor=${first.cursor}`), placed.slice(2, 4));
});

test("[D34, AP-17] the same key with the same body answers with the same change, with another it is 409", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const propose = (key: string | undefined, title: string, bearer: string = world.bearers.agent) =>
    ask(app, {
      method: "POST",
      url: "/v1/changes",
      bearer,
      body: world.proposal(title),
      headers: key === undefined ? {} : { "idempotency-key": key },
    });
  const first = await propose("k1", "One");
  assert.equal(first.statusCode, 201);
  const { id } = first.json<{ id: string }>();
  assert.equal(first.headers["location"], `/v1/changes/${id}`);
  const again = await propose("k1", "One");
  assert.deepEqual([again.statusCode, again.json<{ id: string }>().id], [201, id]);
  refusedWith(await propose("k1", "Another"), 409, "idempotency_mismatch");
  assert.notEqual((await propose("k2", "One")).json<{ id: string }>().id, id);
  assert.notEqual((await propose("k1", "One", world.bearers.human)).json<{ id: string }>().id, id, "a key is its caller's own");
  assert.notEqual((await propose(undefined, "One")).json<{ id: string }>().id, id);
  for (const key of ["", "a b", "é", "x".repeat(129)]) refusedWith(await propose(key, "One"), 422, "invalid", "idempotency_key");
});

test("[AP-17] every fault of a proposal is told, each with its place", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const problem = refusedWith(
    await ask(app, { method: "POST", url: "/v1/changes", bearer: world.bearers.agent, body: { title: 1, steps: [], extra: true } }),
    422,
    "invalid",
  );
  assert.deepEqual(problem.faults?.map(({ where = "" }) => where).toSorted(), ["/extra", "/steps", "/title"]);
});

test("[AP-30] the plan is text for whoever asks for text, and JSON for everybody else", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const url = `/v1/changes/${world.fake.place("awaiting")}/plan`;
  const typeOf = async (query: string, accept?: string) => {
    const response = await ask(app, {
      url: `${url}${query}`,
      bearer: world.bearers.human,
      headers: accept === undefined ? {} : { accept },
    });
    assert.equal(response.headers["vary"], "accept");
    return String(response.headers["content-type"]).split(";", 1)[0];
  };
  for (const accept of [undefined, "*/*", "application/json", "text/html,*/*;q=0.8", "application/json, text/plain, */*"])
    assert.equal(await typeOf("", accept), "application/json");
  for (const accept of ["text/plain", "text/plain;q=0.9, */*;q=0.1", "Text/Plain"]) assert.equal(await typeOf("", accept), "text/plain");
  assert.equal(await typeOf("?format=text", "application/json"), "text/plain");
  assert.equal(await typeOf("?format=json", "text/plain"), "application/json");
});

test("[AP-30] the text has the width and the colours that were asked for, and nothing in it is live", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const id = world.fake.place("awaiting");
  const change = world.fake.changes.get(id);
  assert.ok(change !== undefined);
  change.view = { ...change.view, title: "Calm\u001b[2J\u202e down\r" };
  const textOf = async (query: string) =>
    (await ask(app, { url: `/v1/changes/${id}/plan?format=text${query}`, bearer: world.bearers.human })).body;
  const plain = await textOf("&width=60");
  assert.match(plain, /Calm/);
  // oxlint-disable-next-line no-control-regex -- what must not be there
  assert.doesNotMatch(plain, /[\u0000-\u0009\u000b-\u001f\u007f\u202e]/);
  assert.ok(plain.split("\n").every((line) => line.length <= 80));
  assert.ok((await textOf("&color=1")).includes("\u001b["));
  refusedWith(await ask(app, { url: `/v1/changes/${id}/plan?format=text&width=5`, bearer: world.bearers.human }), 422, "invalid", "query");
});

const bytesAt = async (app: ReturnType<typeof open>, path: string) => {
  const response = await ask(app, { url: `/${path}` });
  return { status: response.statusCode, bytes: new Uint8Array(response.rawPayload), headers: response.headers };
};

function grown(size: number): FakeWorld {
  const world = fakeWorld();
  for (let i = world.fake.log.size; i < size; i++) world.fake.append("audit", 0, { type: "test", n: i });
  return world;
}

test("[AP-27] the checkpoint is a signed note that the published key opens, and is not kept for long", async (t) => {
  const world = grown(5);
  const app = open(t, world);
  const { bytes, headers } = await bytesAt(app, "checkpoint");
  assert.equal(headers["content-type"], "text/plain; charset=utf-8");
  assert.equal(headers["cache-control"], "public, max-age=1");
  const head = (await ask(app, { url: "/v1/ledger/head" })).json<{ size: number; root: string; vkeys: string[]; checkpoint: string }>();
  const keys = parseVkeys(head.vkeys);
  assert.ok(keys.ok);
  const opened = openCheckpoint(bytes, keys.value, "pawl.test/log");
  assert.ok(opened.ok && opened.value.size === 5);
  assert.deepEqual([head.size, head.root, head.checkpoint], [5, toHex(opened.value.root), fromUtf8(bytes)]);
});

test("[AP-27] from the tiles alone a client computes the root, and the entries hash to them", async (t) => {
  const size = 70_000;
  const world = fakeWorld();
  world.fake.log.append(Array.from({ length: size }, (_, i) => new TextEncoder().encode(`{"n":${i}}`)));
  const app = open(t, world);
  const tiles = new Map<string, Uint8Array>();
  for (const [level, index, width] of [
    [0, 273, 112],
    [1, 0, 256],
    [1, 1, 17],
    [2, 0, 1],
  ] as const) {
    const { status, bytes, headers } = await bytesAt(app, tilePath({ level, index, width }));
    assert.deepEqual([status, bytes.length, headers["content-type"]], [200, width * 32, "application/octet-stream"]);
    assert.equal(headers["cache-control"], "public, max-age=31536000, immutable");
    tiles.set(`${level}/${index}`, bytes);
  }
  const root = rootFromTiles(size, (level, index) => tiles.get(`${level}/${index}`) ?? new Uint8Array());
  assert.ok(root.ok);
  assert.equal(toHex(root.value), toHex(world.fake.log.root));
  const bundle = parseEntryBundle((await bytesAt(app, "tile/entries/273.p/112")).bytes, 112);
  assert.ok(bundle.ok);
  assert.deepEqual(Buffer.concat(bundle.value.map(leafHash)), Buffer.from(tiles.get("0/273") ?? []));
  const full = parseEntryBundle((await bytesAt(app, "tile/entries/272")).bytes, 256);
  assert.ok(full.ok && full.value.length === 256);
});

test("[AP-27] a tile that is not there yet, or is not named as the format names it, is 404", async (t) => {
  const app = open(t, grown(300));
  for (const path of ["tile/0/000", "tile/0/000.p/255", "tile/0/001.p/44", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/001.p/44"])
    assert.equal((await bytesAt(app, path)).status, 200, path);
  const absent = [
    "tile/0/001",
    "tile/0/001.p/45",
    "tile/0/002.p/1",
    "tile/1/000.p/2",
    "tile/2/000.p/1",
    "tile/entries/001",
    "tile/entries/001.p/45",
    "tile/entries/x999/999",
  ];
  const misnamed = [
    "tile/0/0",
    "tile/0/0000",
    "tile/0/x000/000",
    "tile/0/000.p/0",
    "tile/0/000.p/256",
    "tile/0/000.p/01",
    "tile/00/000",
    "tile/64/000",
    "tile/-1/000",
    "tile/8/0/000",
    "tile/data/000",
    "tile/0/%30%30%30",
    "tile/0/000/",
    "tile/0/000?x=1",
  ];
  for (const path of [...absent, ...misnamed]) refusedWith(await ask(app, { url: `/${path}` }), 404, "not_found");
});

test("[AP-27] the proofs that are served verify, and entries come with the hash that is proven", async (t) => {
  const world = grown(300);
  const app = open(t, world);
  const { entries, size } = (await ask(app, { url: "/v1/ledger/entries?from=250&limit=3" })).json<{
    entries: { index: number; entry: string; leaf_hash: string }[];
    size: number;
  }>();
  assert.deepEqual([entries.map(({ index }) => index), size], [[250, 251, 252], 300]);
  const [entry] = entries;
  assert.ok(entry !== undefined);
  assert.equal(entry.leaf_hash, toHex(sha256(Buffer.concat([Buffer.of(0), Buffer.from(entry.entry)]))));
  const inclusion = (await ask(app, { url: "/v1/ledger/proof/inclusion?index=250" })).json<{ leaf_hash: string; proof: string[] }>();
  assert.ok(
    verifyInclusion({
      leafHash: fromHexText(inclusion.leaf_hash),
      index: 250,
      size: 300,
      root: world.fake.log.root,
      proof: inclusion.proof.map(fromHexText),
    }).ok,
  );
  const consistency = (await ask(app, { url: "/v1/ledger/proof/consistency?from=100&to=300" })).json<{ proof: string[] }>();
  const old = fakeWorld();
  old.fake.log.append(world.fake.log.entries.slice(0, 100));
  assert.ok(
    verifyConsistency({
      from: 100,
      to: 300,
      fromRoot: old.fake.log.root,
      toRoot: world.fake.log.root,
      proof: consistency.proof.map(fromHexText),
    }).ok,
  );
  refusedWith(await ask(app, { url: "/v1/ledger/proof/inclusion?index=300" }), 422, "invalid", "outside_log");
  refusedWith(await ask(app, { url: "/v1/ledger/proof/consistency?from=2&to=1" }), 422, "invalid", "outside_log");
});

test("[AP-28] the page needs no script and no other request, and its policy allows neither", async (t) => {
  const world = grown(1234);
  const app = open(t, world, { version: "9.9.9", publicOrigin: "https://pawl.example.com" });
  const { body, headers } = await ask(app, { url: "/" });
  const style = /<style>([\s\S]*)<\/style>/.exec(body)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  assert.equal(
    headers["content-security-policy"],
    `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
  );
  assert.doesNotMatch(body, /<script|\son\w+=|style="|https?:\/\/(?!www\.w3\.org|pawl\.example\.com)/i);
  for (const fact of [
    "9.9.9",
    "1,234 entries",
    "https://pawl.example.com",
    "/v1/openapi.json",
    "/checkpoint",
    "/v1/changes",
    "docs/api.md",
    world.control.ledger.vkeys()[0] ?? "",
  ])
    assert.ok(body.includes(fact), fact);
});

test("[AP-28] nothing that was configured becomes markup", async (t) => {
  const app = open(t, fakeWorld(), { version: '1<script>alert("x")</script>&' });
  const { body } = await ask(app, { url: "/" });
  assert.ok(body.includes("1&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;"));
});

test("[AP-31] HEAD answers as GET does without the body, on the reads that anybody may make", async (t) => {
  const world = grown(300);
  const app = open(t, world);
  for (const url of ["/", "/checkpoint", "/tile/0/000", "/v1/health", "/v1/ledger/head", "/v1/openapi.json"]) {
    const [get, head] = [await ask(app, { url }), await ask(app, { method: "HEAD", url })];
    assert.deepEqual([head.statusCode, head.body, head.headers["content-type"]], [200, "", get.headers["content-type"]], url);
  }
});
