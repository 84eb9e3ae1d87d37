/** Where requests may go: not where an address, a name or an answer would lead them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { reachOf } from "../../../src/connectors/http/addresses.ts";
import { checkHttp, type Address, type HttpOptions } from "../../../src/connectors/http/index.ts";
import { send } from "../../../src/connectors/http/transport.ts";
import { Api } from "./api.ts";
import { LIMITS, MOVE, optionsFor, world } from "./world.ts";

const at = (address: string): Address => ({ address, family: address.includes(":") ? 6 : 4 });

test("[OP-40, G64] where an address leads: link-local, metadata, mapped and special ones are never connected to", () => {
  const table = {
    public: ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111"],
    private: ["10.0.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd12::1"],
    loopback: ["127.0.0.1", "127.255.0.1", "::1", "0:0:0:0:0:0:0:1"],
    never: [
      "169.254.169.254",
      "169.254.0.1",
      "100.100.100.200",
      "168.63.129.16",
      "0.0.0.0",
      "0.1.2.3",
      "224.0.0.1",
      "255.255.255.255",
      "198.18.0.1",
      "192.0.2.1",
      "::",
      "fe80::1",
      "ff02::1",
      "fd00:ec2::254",
      "::ffff:127.0.0.1",
      "::ffff:1.1.1.1",
      "0:0:0:0:0:ffff:7f00:1",
      "::127.0.0.1",
      "64:ff9b::7f00:1",
      "2002:7f00:1::",
      "2001:0:1::1",
      "2001:db8::1",
      "fe80::1%lo",
    ],
  } as const;
  for (const [reach, addresses] of Object.entries(table))
    for (const address of addresses) assert.equal(reachOf(at(address)), reach, address);
  assert.equal(reachOf({ address: "2130706433", family: 4 }), "never");
});

async function outcome(options: Partial<HttpOptions>, origin: string): Promise<string> {
  const call = { origin, method: "GET", target: "/", headers: {}, signal: AbortSignal.timeout(5_000) };
  const ended = await send({ ...optionsFor(origin), allowPrivate: [], ...options }, call);
  return ended.kind === "answer" ? String(ended.status) : `${ended.kind} ${ended.error.code}`;
}

test("[OP-40, G64] a name that leads anywhere private is blocked unless its origin is allowed, and never to link-local or mapped ones", async () => {
  const origin = "https://api.example.com";
  const named = (addresses: readonly string[], allowPrivate: readonly string[] = []) =>
    outcome({ resolve: async () => addresses.map(at), allowPrivate }, origin);
  for (const address of ["127.0.0.1", "10.0.0.8", "::1", "fd12::1"])
    assert.equal(await named([address]), "unsent http_address_blocked", address);
  for (const address of ["169.254.169.254", "::ffff:10.0.0.8", "fe80::1", "0.0.0.0"])
    assert.equal(await named([address], [origin]), "unsent http_address_blocked", address);
  assert.equal(await named(["1.1.1.1", "10.0.0.8"]), "unsent http_address_blocked", "one of several is enough");
  assert.equal(await named([]), "unsent http_unresolved");
});

test("[OP-41, G64] a name is resolved once, and the connection goes to the address that was judged", async (t) => {
  const api = await Api.open(t);
  const port = new URL(api.origin).port;
  const origin = `http://localhost:${port}`;
  let asked = 0;
  // The second answer, of whoever rebinds the name, would be judged differently.
  const resolve = async () => [at((asked += 1) === 1 ? "127.0.0.1" : "169.254.169.254")];
  assert.equal(await outcome({ resolve, allowPrivate: [origin] }, origin), "404");
  assert.deepEqual([asked, api.heard.length, api.heard[0]?.headers["host"]], [1, 1, `localhost:${port}`]);
});

test("[OP-42] without TLS only this machine is spoken to, and only where it is allowed", async () => {
  assert.equal(await outcome({}, "http://127.0.0.1:1"), "unsent http_address_blocked");
  assert.equal(await outcome({ allowPrivate: ["http://127.0.0.1:1"] }, "http://127.0.0.1:1"), "unsent http_connection");
  const resolve = async () => [at("10.0.0.8")];
  assert.equal(await outcome({ resolve, allowPrivate: ["http://localhost:1"] }, "http://localhost:1"), "unsent http_address_blocked");
});

test("[OP-43, G64] a redirect is not followed, and nothing that it carried goes elsewhere", async (t) => {
  const { connector, api } = await world(t);
  const made = await connector().analyse(MOVE, LIMITS);
  assert.ok(made.ok);
  api.misbehave = "redirects";
  const applied = await connector().apply(made.value.payload, made.value.analysis.step.stateDigest, LIMITS);
  assert.ok(!applied.ok && applied.error.message.includes("307"));
  assert.equal(api.heard.filter(({ url }) => url.includes("elsewhere")).length, 0);
});

test("[OP-44] proxies of the environment are not asked", async (t) => {
  const api = await Api.open(t);
  const before = { ...process.env };
  t.after(() => Object.assign(process.env, before));
  for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) process.env[name] = "http://127.0.0.1:1";
  assert.equal(await outcome({ allowPrivate: [api.origin] }, api.origin), "404");
  for (const name of ["HTTP_PROXY", "http_proxy", "ALL_PROXY"]) delete process.env[name];
});

test("[OP-45] credentials are declared whole: origins exactly, a header, and one place for the value", () => {
  const faults = checkHttp({
    allowPrivate: ["http://10.0.0.1", "https://ok.example"],
    credentials: [
      { name: "Bad Name", origins: ["https://a.example/path", "http://b.example", "https://User@c.example"], header: "Host" },
      { name: "good", origins: ["https://a.example"], header: "X-Api-Key", scheme: "two words", valueEnv: "A", valueFile: "/b" },
    ],
  });
  assert.deepEqual(
    faults.map(({ where }) => where),
    [
      "http.allow_private[0]",
      "credentials[0].name",
      "credentials[0].origins[0]",
      "credentials[0].origins[1]",
      "credentials[0].origins[2]",
      "credentials[0].header",
      "credentials[0]",
      "credentials[1].scheme",
      "credentials[1]",
    ],
  );
});
