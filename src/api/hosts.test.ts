import assert from "node:assert/strict";
import { test } from "node:test";
import { namesOf, refusedByOrigin } from "./hosts.ts";
import { API_DEFAULTS } from "./settings.ts";

const hosts = (more: Partial<typeof API_DEFAULTS>, port: number): string[] =>
  [...namesOf({ ...API_DEFAULTS, ...more }, port).hosts].toSorted();

test("[AP-9] the names are this machine's own with the port, the address listened on, and what was configured", () => {
  assert.deepEqual(hosts({}, 7295), ["127.0.0.1:7295", "[::1]:7295", "localhost:7295"]);
  assert.deepEqual(hosts({ host: "192.0.2.7" }, 80), [
    "127.0.0.1",
    "127.0.0.1:80",
    "192.0.2.7",
    "192.0.2.7:80",
    "[::1]",
    "[::1]:80",
    "localhost",
    "localhost:80",
  ]);
  assert.ok(hosts({ host: "2001:db8::1" }, 7295).includes("[2001:db8::1]:7295"));
  assert.ok(hosts({ hosts: ["Pawl.Internal:9000"] }, 7295).includes("pawl.internal:9000"));
  assert.deepEqual(hosts({ publicOrigin: "https://pawl.example.com" }, 7295).slice(-2), ["pawl.example.com", "pawl.example.com:443"]);
  assert.deepEqual(hosts({ publicOrigin: "http://pawl.example.com:8080" }, 7295).slice(-1), ["pawl.example.com:8080"]);
});

test("[AP-9] a wildcard address is nobody's name", () => {
  for (const host of ["0.0.0.0", "::", "[::]", ""]) assert.deepEqual(hosts({ host }, 7295), hosts({}, 7295), host);
});

test("[AP-10] reads are not asked where they come from; everything else is", () => {
  const names = namesOf({ ...API_DEFAULTS, publicOrigin: "https://pawl.example.com" }, 7295);
  const asked = (method: string, origin: string) =>
    refusedByOrigin(names, { method, headers: { host: ["localhost:7295"], origin: [origin] } })?.reason;
  for (const method of ["GET", "HEAD"]) assert.equal(asked(method, "https://evil.example"), undefined);
  for (const method of ["POST", "DELETE", "PUT", "OPTIONS"]) assert.equal(asked(method, "https://evil.example"), "foreign_origin");
  for (const origin of ["https://pawl.example.com", "http://localhost:7295", "http://127.0.0.1:7295"])
    assert.equal(asked("POST", origin), undefined);
});
