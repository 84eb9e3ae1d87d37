import assert from "node:assert/strict";
import { test } from "node:test";
import { ask, refusedWith, open } from "./harness.ts";
import { converse, exchange, headerOf, listening, statusOf } from "./sockets.ts";
import { fakeWorld } from "./world.ts";

const JSON_BODY = { "content-type": "application/json" };

test("[AP-6] only one well-formed bearer token in the Authorization header is a credential", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const url = "/v1/whoami";
  const { human } = world.bearers;
  for (const authorization of [
    `Basic ${human}`,
    human,
    "Bearer",
    "Bearer ",
    `Bearer ${human} more`,
    `Bearer\t${human}`,
    `Bearer ${human}é`,
    `Bearer ${"x".repeat(600)}`,
  ]) {
    refusedWith(await ask(app, { url, headers: { authorization } }), 401, "unauthenticated", "malformed_credential");
  }
  refusedWith(
    await ask(app, { url, headers: { authorization: [`Bearer ${human}`, `Bearer ${human}`] } }),
    401,
    "unauthenticated",
    "malformed_credential",
  );
  refusedWith(await ask(app, { url, bearer: `${human}x` }), 401, "unauthenticated", "bad_token");
  refusedWith(await ask(app, { url: `${url}?access_token=${human}` }), 401, "unauthenticated", "no_credential");
  refusedWith(await ask(app, { url: `${url}?token=${human}`, bearer: human }), 422, "invalid", "query");
  for (const scheme of ["Bearer", "bearer", "BEARER"])
    assert.equal((await ask(app, { url, headers: { authorization: `${scheme} ${human}` } })).statusCode, 200);
});

test("[AP-6] the channel is api or cli, and is told to control", async (t) => {
  const world = fakeWorld();
  const channels: string[] = [];
  const control = {
    ...world.control,
    authenticate: (bearer: string, channel: "api" | "cli" | "console") => (
      channels.push(channel),
      world.control.authenticate(bearer, channel)
    ),
  };
  const app = open(t, { ...world, control });
  const asking = (channel?: string) =>
    ask(app, { url: "/v1/whoami", bearer: world.bearers.human, headers: channel === undefined ? {} : { "pawl-channel": channel } });
  for (const channel of [undefined, "api", "cli"]) assert.equal((await asking(channel)).statusCode, 200);
  assert.deepEqual(channels, ["api", "api", "cli"]);
  for (const channel of ["console", "slack", "CLI", ""]) refusedWith(await asking(channel), 422, "invalid", "unknown_channel");
  assert.equal(channels.length, 3);
});

test("[AP-9] a Host header that is not this server's name is refused on every route, whatever else is right", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, { publicOrigin: "https://pawl.example.com", hosts: ["pawl.internal:8080"] });
  const asking = (host: string) => ask(app, { url: "/v1/whoami", bearer: world.bearers.human, headers: { host } });
  const known = [
    "localhost:7295",
    "LOCALHOST:7295",
    "127.0.0.1:7295",
    "[::1]:7295",
    "pawl.example.com",
    "pawl.example.com:443",
    "pawl.internal:8080",
  ];
  for (const host of known) assert.equal((await asking(host)).statusCode, 200, host);
  const foreign = [
    "evil.example",
    "localhost",
    "localhost:80",
    "localhost:7295.evil.example",
    "localhost.:7295",
    "127.0.0.2:7295",
    "0.0.0.0:7295",
    "[::]:7295",
    "127.1:7295",
    "2130706433:7295",
    "pawl.example.com:80",
    "pawl.example.com.evil.example",
    "user@localhost:7295",
    "localhost:7295, evil.example",
    " ",
  ];
  for (const host of foreign) refusedWith(await asking(host), 403, "forbidden", "host_not_allowed");
  for (const url of ["/", "/checkpoint", "/v1/health", "/nowhere"])
    refusedWith(await ask(app, { url, headers: { host: "evil.example" } }), 403, "forbidden", "host_not_allowed");
});

test("[AP-9] over a socket: two Host headers, none, and an absolute request target do not pass as this server's", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const port = await listening(app);
  const own = `Host: 127.0.0.1:${port}`;
  assert.equal(statusOf(await exchange(port, ["GET /v1/health HTTP/1.1", own])), 200);
  assert.equal(statusOf(await exchange(port, ["GET /v1/health HTTP/1.1", own, "Host: evil.example"])), 403);
  assert.equal(statusOf(await exchange(port, ["GET /v1/health HTTP/1.1", "Host: evil.example", own])), 403);
  assert.equal(statusOf(await exchange(port, ["GET /v1/health HTTP/1.1"])), 400);
  assert.equal(statusOf(await exchange(port, ["GET /v1/health HTTP/1.0"])), 400);
  assert.equal(statusOf(await exchange(port, ["GET http://evil.example/v1/health HTTP/1.1", own])), 400);
  assert.equal(statusOf(await exchange(port, ["GET /v1/health HTTP/1.1", `Host: 127.0.0.1:${port + 1}`])), 403);
});

test("[AP-10] a page of another origin can change nothing, also with a valid credential", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, { publicOrigin: "https://pawl.example.com" });
  const id = world.fake.place("awaiting");
  const withdrawing = (headers: Record<string, string>) =>
    ask(app, { method: "POST", url: `/v1/changes/${id}/withdraw`, bearer: world.bearers.agent, headers });
  for (const origin of [
    "https://evil.example",
    "null",
    "http://pawl.example.com",
    "https://pawl.example.com.evil.example",
    "http://localhost:7296",
    "https://localhost:7295",
  ]) {
    refusedWith(await withdrawing({ origin }), 403, "forbidden", "foreign_origin");
  }
  for (const site of ["cross-site", "same-site"])
    refusedWith(await withdrawing({ "sec-fetch-site": site }), 403, "forbidden", "foreign_origin");
  assert.equal(world.fake.changes.get(id)?.view.status, "awaiting");
  assert.equal((await withdrawing({ origin: "https://pawl.example.com", "sec-fetch-site": "same-origin" })).statusCode, 200);
});

test("[AP-10] no reply lets another origin read it", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  for (const url of ["/", "/v1/whoami", "/checkpoint"]) {
    const { headers } = await ask(app, { url, bearer: world.bearers.human, headers: { origin: "https://evil.example" } });
    assert.deepEqual(
      Object.keys(headers).filter((name) => name.startsWith("access-control")),
      [],
    );
  }
  refusedWith(
    await ask(app, { method: "OPTIONS", url: "/v1/changes", headers: { "access-control-request-method": "POST" } }),
    405,
    "method_not_allowed",
  );
});

test("[AP-11] a body is not looked at before its sender is known", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const broken = { method: "POST", body: "{not json", headers: JSON_BODY };
  refusedWith(await ask(app, { ...broken, url: "/v1/changes" }), 401, "unauthenticated");
  refusedWith(await ask(app, { ...broken, url: "/v1/changes", bearer: "wrong" }), 401, "unauthenticated");
  refusedWith(
    await ask(app, { ...broken, url: "/v1/changes/x/votes", bearer: world.bearers.agent }),
    403,
    "forbidden",
    "machine_credential",
  );
  refusedWith(await ask(app, { ...broken, url: "/v1/nowhere" }), 404, "not_found", "unknown_path");
  refusedWith(await ask(app, { ...broken, url: "/v1/changes", bearer: world.bearers.agent }), 400, "invalid", "json_syntax");
});

test("[AP-11] over a socket: who is not known is answered before a byte of the body was sent, and is cut off", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const port = await listening(app);
  const head = (...more: string[]) =>
    ["POST /v1/changes HTTP/1.1", `Host: 127.0.0.1:${port}`, "Content-Type: application/json", ...more].join("\r\n") + "\r\n\r\n";
  for (const length of ["Content-Length: 1000", "Transfer-Encoding: chunked"]) {
    const reply = await converse(port, head(length)).ended;
    assert.equal(statusOf(reply), 401);
    assert.equal(headerOf(reply, "connection"), "close");
  }
});

test("[AP-11] nobody is invited to send a body before they are admitted", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, { bodyLimitBytes: 10_000 });
  const port = await listening(app);
  const head = (bearer: string, length: number) =>
    `POST /v1/changes HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nAuthorization: Bearer ${bearer}\r\nContent-Type: application/json\r\nContent-Length: ${length}\r\nExpect: 100-continue\r\n\r\n`;
  assert.equal(statusOf(await converse(port, head("wrong", 100)).ended), 401);
  assert.equal(statusOf(await converse(port, head(world.bearers.agent, 10_001)).ended), 413);
  const body = JSON.stringify(world.proposal("One"));
  const welcome = converse(port, head(world.bearers.agent, Buffer.byteLength(body)));
  assert.equal(statusOf(await welcome.until(/\r\n\r\n/)), 100);
  welcome.socket.write(body);
  assert.match(await welcome.until(/HTTP\/1\.1 201/), /HTTP\/1\.1 201 Created/);
  welcome.socket.destroy();
});

test("[AP-12] [F54] a body that says it is too large is refused at once, unread, whoever sends it", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, { bodyLimitBytes: 10_000 });
  const port = await listening(app);
  const head = (...more: string[]) =>
    ["POST /v1/changes HTTP/1.1", `Host: 127.0.0.1:${port}`, "Content-Type: application/json", ...more].join("\r\n") + "\r\n\r\n";
  for (const credential of [`Authorization: Bearer ${world.bearers.agent}`, "Authorization: Bearer wrong", "Accept: */*"]) {
    for (const length of [10_001, 4 * 1024 ** 3, Number.MAX_SAFE_INTEGER]) {
      const reply = await converse(port, head(credential, `Content-Length: ${length}`)).ended;
      assert.equal(statusOf(reply), 413, `${credential} ${length}`);
      assert.equal(headerOf(reply, "connection"), "close");
    }
  }
});

test("[AP-12] [F54] a body without a length is cut off where it passes the limit", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, { bodyLimitBytes: 10_000 });
  const port = await listening(app);
  const head = [
    "POST /v1/changes HTTP/1.1",
    `Host: 127.0.0.1:${port}`,
    "Content-Type: application/json",
    `Authorization: Bearer ${world.bearers.agent}`,
    "Transfer-Encoding: chunked",
  ];
  const chunk = `3e8\r\n${" ".repeat(1000)}\r\n`;
  const talk = converse(port, `${head.join("\r\n")}\r\n\r\n${chunk.repeat(10)}`);
  talk.socket.write(chunk);
  const reply = await talk.ended;
  assert.equal(statusOf(reply), 413);
  assert.match(reply, /"reason":"body_too_large"/);
});

test("[AP-12] a body of exactly the limit is read", async (t) => {
  const world = fakeWorld();
  const app = open(t, world, { bodyLimitBytes: 10_000 });
  const small = JSON.stringify(world.proposal("One"));
  const exactly = await ask(app, { method: "POST", url: "/v1/changes", bearer: world.bearers.agent, body: small.padEnd(10_000) });
  assert.equal(exactly.statusCode, 201);
  refusedWith(
    await ask(app, { method: "POST", url: "/v1/changes", bearer: world.bearers.agent, body: small.padEnd(10_001) }),
    413,
    "too_large",
    "body_too_large",
  );
});

test("[AP-13] a body is JSON, said to be JSON, and not compressed", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const body = JSON.stringify(world.proposal("One"));
  const sending = (headers: Record<string, string>) =>
    ask(app, { method: "POST", url: "/v1/changes", bearer: world.bearers.agent, body, headers });
  for (const type of [
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/json5",
    "text/json",
    "application/json; charset=latin1",
    "application/jsonx",
    "*/*",
    "x",
  ]) {
    refusedWith(await sending({ "content-type": type }), 415, "unsupported_media_type");
  }
  refusedWith(await sending({ "content-encoding": "gzip" }), 415, "unsupported_media_type", "encoded_body");
  refusedWith(await sending({ "transfer-encoding": "gzip, chunked" }), 415, "unsupported_media_type", "encoded_body");
  for (const type of ["application/json", "Application/JSON", "application/json; charset=utf-8", 'application/json;charset="UTF-8"']) {
    assert.equal((await sending({ "content-type": type })).statusCode, 201, type);
  }
});

test("[F48] [AP-14] a body that two readers could understand differently is 400 with its position, on every route that reads one", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const cases: readonly (readonly [string, string])[] = [
    ['{"title":"a","title":"b"}', "json_duplicate_key"],
    ['{"__proto__":{"admin":true}}', "json_forbidden_key"],
    ['{"n":9007199254740993}', "json_inexact_number"],
    ['{"n":1e400}', "json_inexact_number"],
    [String.raw`{"s":"\ud800"}`, "json_lone_surrogate"],
    ['{"s":"e\u0301"}', "json_not_nfc"],
    [`${"[".repeat(200)}${"]".repeat(200)}`, "json_too_deep"],
    ['{"a":1,}', "json_syntax"],
    ["\u{feff}{}", "json_bom"],
    ["", "json_syntax"],
    ["NaN", "json_syntax"],
  ];
  for (const url of ["/v1/changes", "/v1/changes/x/votes", "/v1/policy/check"]) {
    for (const [body, reason] of cases) {
      const problem = refusedWith(await ask(app, { method: "POST", url, bearer: world.bearers.human, body }), 400, "invalid", reason);
      assert.match(problem.where ?? "", /^line \d+, column \d+/, body);
    }
  }
  assert.equal(Object.getOwnPropertyDescriptor(Object.prototype, "admin"), undefined);
});

test("[AP-15] a body where none belongs, and none where one belongs, is 400", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const { agent, human } = world.bearers;
  const id = world.fake.place("awaiting");
  refusedWith(await ask(app, { method: "POST", url: "/v1/changes", bearer: agent }), 400, "invalid", "no_body");
  refusedWith(
    await ask(app, { method: "POST", url: `/v1/changes/${id}/withdraw`, bearer: agent, body: { why: "x" } }),
    400,
    "invalid",
    "unexpected_body",
  );
  refusedWith(await ask(app, { method: "GET", url: `/v1/changes/${id}`, bearer: agent, body: {} }), 400, "invalid", "unexpected_body");
  refusedWith(
    await ask(app, { method: "DELETE", url: `/v1/changes/${id}/votes`, bearer: human, body: { person: "ada" } }),
    400,
    "invalid",
    "unexpected_body",
  );
  assert.equal((await ask(app, { method: "POST", url: `/v1/changes/${id}/withdraw`, bearer: agent, body: {} })).statusCode, 200);
});

test("[AP-4] an unknown path is 404, and a known path with another method 405 with what it allows", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  for (const url of [
    "/v1",
    "/v1/",
    "/v1/nothing",
    "/v1/changes/",
    "/v1/changes/a/b",
    "//v1/changes",
    "/V1/changes",
    "/.env",
    "/tile",
    "/tile/",
    "/favicon.ico",
  ]) {
    refusedWith(await ask(app, { url, bearer: world.bearers.human }), 404, "not_found");
  }
  const cases = [
    ["PUT", "/v1/changes", "GET, POST"],
    ["PATCH", "/v1/changes/x", "GET"],
    ["GET", "/v1/changes/x/votes", "DELETE, POST"],
    ["HEAD", "/v1/changes/x", "GET"],
    ["POST", "/checkpoint", "GET, HEAD"],
    ["DELETE", "/tile/0/000", "GET, HEAD"],
    ["OPTIONS", "/v1/changes", "GET, POST"],
  ] as const;
  for (const [method, url, allow] of cases) {
    const response = await ask(app, { method, url, bearer: world.bearers.human });
    if (method === "HEAD") assert.equal(response.statusCode, 405);
    else refusedWith(response, 405, "method_not_allowed");
    assert.equal(response.headers["allow"], allow, `${method} ${url}`);
  }
});

test("[AP-24] every reply, refusals too, carries the headers that keep a browser from making more of it", async (t) => {
  const world = fakeWorld();
  const app = open(t, world);
  const urls = ["/v1/whoami", "/v1/changes", "/v1/nothing", "/v1/changes/none", "/checkpoint", "/v1/health", "/", "/v1/changes/%zz"];
  for (const url of urls) {
    const { headers } = await ask(app, { url, bearer: world.bearers.human });
    assert.equal(headers["x-content-type-options"], "nosniff", url);
    assert.match(String(headers["content-security-policy"]), /^default-src 'none';.*frame-ancestors 'none'/, url);
    assert.equal(headers["referrer-policy"], "no-referrer", url);
    assert.equal(headers["x-frame-options"], "DENY", url);
    assert.equal(headers["cross-origin-resource-policy"], "same-origin", url);
    assert.ok(headers["cache-control"] !== undefined, url);
  }
  for (const url of urls.slice(0, 4))
    assert.equal((await ask(app, { url, bearer: world.bearers.human })).headers["cache-control"], "no-store", url);
});
