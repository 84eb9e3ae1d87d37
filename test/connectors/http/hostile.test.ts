/** Whatever the arguments are, the request is the one that was declared. */
import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { LIMITS, world } from "./world.ts";

const FREE = (text: string): string =>
  text
    .replace(
      'ticket: { type: string, pattern: "[A-Z]{2,10}-[0-9]{1,6}" }\n          status:',
      "ticket: { type: string, max_length: 60 }\n          status:",
    )
    .replace("type: string, one_of: [open, doing, done]", "type: string, max_length: 60")
    .replaceAll("compare: etag", "compare: etag")
    .replace("absent: []", "")
    .replace(
      /tests:\n          - name: a ticket moves[\s\S]*?expect: \{ undo: impossible \}/,
      "tests: [{ name: x, arguments: { ticket: a, status: b }, expect: { probe: /api/tickets/a } }]",
    )
    .replace("path: /api/tickets/{ticket}\n          select:", "path: /api/tickets/{ticket}\n          absent: [404]\n          select:");

/** Texts that have broken out of requests before, and any others. */
const texts = fc.oneof(
  fc.constantFrom(
    "../../admin",
    "..",
    ".",
    "a/b",
    "a?b=c",
    "a#b",
    "a%2fb",
    "%2e%2e",
    "a\\..\\b",
    "@evil.example",
    "//evil.example/",
    "a b",
    'a"b',
    "{{status}}",
    "{before.status}",
    "ä",
    "日本",
    "a;b",
    "a&b=c",
    "a\tb",
    "x\r\nHost: evil",
  ),
  fc.string({ unit: "grapheme", minLength: 1, maxLength: 40 }),
  fc.string({ unit: "binary", minLength: 1, maxLength: 20 }),
);

test("[OP-15, F48, F50] whatever the arguments are, method, path, headers and body are exactly those that were declared", async (t) => {
  const { connector, api, text } = await world(t, FREE);
  assert.ok(text.includes("absent: [404]"));
  const declared = connector();
  let reached = 0;
  await fc.assert(
    fc.asyncProperty(texts, texts, async (ticket, status) => {
      const input = { system: "tickets", operation: "transition", arguments: { ticket, status } };
      const admitted = await declared.admit(input);
      if (!admitted.ok) return;
      api.heard.length = 0;
      const made = await declared.analyse(admitted.value.input, LIMITS);
      assert.ok(made.ok, JSON.stringify([input, made]));
      const applied = await declared.apply(made.value.payload, made.value.analysis.step.stateDigest, LIMITS);
      assert.ok(applied.ok, JSON.stringify([input, applied]));
      reached += 1;
      const path = `/api/tickets/${encodeURIComponent(ticket).replaceAll(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`)}`;
      const [write] = api.writes;
      assert.deepEqual([api.writes.length, write?.method, write?.url], [1, "PUT", `${path}/status`]);
      assert.equal(write?.body, JSON.stringify({ status }));
      assert.deepEqual(
        write?.rawHeaders
          .filter((_, i) => i % 2 === 0)
          .map((name) => name.toLowerCase())
          .toSorted(),
        [
          "accept",
          "accept-encoding",
          "authorization",
          "connection",
          "content-length",
          "content-type",
          "host",
          "if-none-match",
          "user-agent",
        ],
      );
      assert.ok(api.heard.every(({ method, url }) => method !== "GET" || url === path));
      assert.equal(made.value.analysis.step.effects[0]?.resource, `http:tickets#ticket/${path.slice("/api/tickets/".length)}`);
      api.tickets.delete(ticket);
    }),
    { seed: 20_261_120, numRuns: 150 },
  );
  assert.ok(reached > 50, `only ${reached} got as far as a request`);
});
