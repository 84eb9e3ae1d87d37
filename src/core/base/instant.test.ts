import assert from "node:assert/strict";
import test from "node:test";
import { parseInstant } from "./index.ts";

test("[LC-50] a moment is read with its offset, and nothing else is one", () => {
  for (const text of [
    "2026-12-24T22:00:00+01:00",
    "2026-12-24T21:00:00Z",
    "2026-12-24T21:00Z",
    "2026-12-24T16:00:00-05:00",
    "2028-02-29T00:00:00Z",
  ])
    assert.equal(parseInstant(text), Date.parse(text), text);
  for (const text of [
    "2026-12-24T22:00:00",
    "2026-12-24",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-12-24T24:00:00Z",
    "2026-12-24T22:60:00Z",
    "2026-12-24T22:00:60Z",
    "2026-12-24T22:00:00.5Z",
    "2026-12-24T22:00:00z",
    "2026-12-24 22:00:00Z",
    "2026-12-24T22:00:00+24:00",
    "1969-12-31T22:00:00Z",
    "tomorrow",
    " 2026-12-24T21:00:00Z",
    "２026-12-24T21:00:00Z",
  ])
    assert.equal(parseInstant(text), undefined, text);
});
