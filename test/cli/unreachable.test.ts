/** Servers that are not there, are not Pawl, or do not mean well. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import test, { type TestContext } from "node:test";
import { folder, pawl, type Ran } from "./world.ts";

async function listen(t: TestContext, handler: RequestListener): Promise<string> {
  const server = createServer(handler);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  t.after(() => server.closeAllConnections());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** A port on which nothing listens any more. */
async function closedPort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}

async function list(t: TestContext, url: string, ...more: string[]): Promise<Ran> {
  return pawl({ cwd: await folder(t), env: { PAWL_TOKEN: "pawl_tok_1" } }, "list", "--url", url, ...more);
}

test("nobody listens: exit 3, what was tried, where the address came from, and what to do", async (t) => {
  const cwd = await folder(t);
  const env = { PAWL_TOKEN: "pawl_tok_1" };
  const closed = await closedPort();
  const url = `http://127.0.0.1:${closed}`;
  const given = await pawl({ cwd, env }, "list", "--url", url);
  assert.equal(given.code, 3);
  assert.ok(
    given.err.startsWith(
      `pawl: cannot reach Pawl at ${url}: nothing listens there\n  where:  the address is given with --url\n  remedy: start it with `,
    ),
    given.err,
  );
  const told = await pawl({ cwd, env: { ...env, PAWL_URL: url } }, "list");
  assert.match(told.err, /the address is in PAWL_URL/);
  const settings = await pawl({ cwd, env: { ...env, PAWL_LISTEN: `127.0.0.1:${closed}` } }, "list");
  assert.match(settings.err, /where the settings let a server listen/);
});

test("an address that is none is wrong usage", async (t) => {
  for (const url of ["nonsense", "ftp://x", "http://me:secret@127.0.0.1:9"]) {
    const ran = await list(t, url);
    assert.equal(ran.code, 2);
    assert.doesNotMatch(ran.err, /secret/);
  }
});

test("something else answers: a page, broken JSON, nothing at all, an error without a problem document", async (t) => {
  for (const [handler, what] of [
    [(_, reply) => reply.setHeader("content-type", "text/html").end("<h1>hello</h1>"), /does not speak as Pawl does/],
    [(_, reply) => reply.setHeader("content-type", "application/json").end("{"), /is not JSON/],
    [(request) => request.socket.destroy(), /the connection was closed/],
    [(_, reply) => reply.writeHead(502).end("bad gateway"), /status 502 without a problem document/],
    [(_, reply) => reply.writeHead(500, { "content-type": "application/json" }).end('{"code":7}'), /without a problem document/],
  ] as readonly (readonly [RequestListener, RegExp])[]) {
    const ran = await list(t, await listen(t, handler));
    assert.equal(ran.code, 3, ran.err);
    assert.match(ran.err, what);
  }
});

test("a redirect is not followed: the token is for the server that was named", async (t) => {
  const seen: (string | undefined)[] = [];
  const thief = await listen(t, (request, reply) => {
    seen.push(request.headers.authorization);
    reply.end();
  });
  const ran = await list(t, await listen(t, (_, reply) => reply.writeHead(307, { location: `${thief}/v1/changes` }).end()));
  assert.equal(ran.code, 3);
  assert.deepEqual(seen, []);
});

test("a refusal is told with its place, its faults and its remedy; its exit code says which kind it is", async (t) => {
  const problem = {
    type: "urn:pawl:problem:x",
    title: "t",
    status: 422,
    detail: "the query is not valid",
    faults: [{ code: "x", message: "is not known", where: "limit", remedy: "send less" }],
  };
  for (const [code, status, exit] of [
    ["invalid", 422, 1],
    ["forbidden", 403, 1],
    ["not_found", 404, 1],
    ["review_moved", 409, 1],
    ["unauthenticated", 401, 2],
    ["rate_limited", 429, 3],
    ["internal", 500, 3],
    ["unavailable", 503, 3],
  ] as const) {
    const url = await listen(t, (_, reply) =>
      reply
        .writeHead(status, { "content-type": "application/problem+json", "retry-after": "7" })
        .end(JSON.stringify({ ...problem, code, reason: `why_${code}` })),
    );
    const ran = await list(t, url, "--json");
    const { error } = JSON.parse(ran.out) as { error: { code: string; remedy?: string; faults: readonly unknown[] } };
    assert.deepEqual([ran.code, error.code, error.faults.length], [exit, `why_${code}`, 1], code);
    if (code === "rate_limited") assert.equal(error.remedy, "try again in 7 s");
    const shown = await list(t, url);
    assert.match(shown.err, /^pawl: the query is not valid\n {2}limit {2}is not known\n {6}remedy: send less\n/);
  }
});

test("[F50] what a server says cannot move the cursor or hide anything", async (t) => {
  const evil = "a\u001b[2Jb\u202ec\rd";
  const url = await listen(t, (_, reply) =>
    reply.writeHead(422, { "content-type": "application/problem+json" }).end(
      JSON.stringify({
        code: "invalid",
        reason: "x",
        detail: evil,
        where: evil,
        remedy: evil,
        faults: [{ code: "x", message: evil, where: evil, remedy: evil }],
      }),
    ),
  );
  const ran = await list(t, url);
  // oxlint-disable-next-line no-control-regex
  assert.doesNotMatch(ran.err, /[\u0000-\u0009\u000b-\u001f\u202e]/);
  assert.match(ran.err, /a⟨U\+001B⟩\[2Jb⟨U\+202E⟩c⟨U\+000D⟩d/);
});

test("Ctrl-C while a server takes its time ends the command with 130", async (t) => {
  const interrupt = new AbortController();
  const url = await listen(t, () => interrupt.abort());
  const ran = await pawl({ cwd: await folder(t), env: { PAWL_TOKEN: "pawl_tok_1" }, signal: interrupt.signal }, "list", "--url", url);
  assert.deepEqual([ran.code, ran.out, ran.err], [130, "", "pawl: interrupted\n"]);
});

test("a token that would travel in the clear is warned of", async (t) => {
  const ran = await list(t, "http://0.0.0.0:1");
  assert.match(ran.err, /^warning: the token goes to 0\.0\.0\.0 unencrypted/);
});
