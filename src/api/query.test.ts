import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { listQuery, planQuery } from "./contract/requests.ts";
import { bodyReader, queryReader } from "./query.ts";

const SEED = 20_261_120;
const readList = queryReader(listQuery);

test("[AP-16] what is left out has its default, and what is given is of its type", () => {
  assert.deepEqual(readList(""), { ok: true, value: { limit: 50 } });
  assert.deepEqual(readList("status=awaiting,stale&mine=0&limit=7&proposer=human%3Aada"), {
    ok: true,
    value: { status: ["awaiting", "stale"], mine: false, limit: 7, proposer: "human:ada" },
  });
  assert.deepEqual(queryReader(planQuery)("color=true"), { ok: true, value: { color: true, width: 100 } });
});

test("[AP-16] whatever a query says, it is read or refused, with known names alone", () => {
  const known = new Set(["status", "proposer", "mine", "limit", "cursor"]);
  const piece = fc.tuple(
    fc.oneof(fc.constantFrom(...known, "__proto__", "limit "), fc.string()),
    fc.oneof(fc.string(), fc.integer().map(String)),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 6 }), (pieces) => {
      const read = readList(new URLSearchParams(pieces.map(([name, value]): [string, string] => [name, value])).toString());
      if (read.ok) for (const name of Object.keys(read.value)) assert.ok(known.has(name));
      else assert.ok((read.error.faults ?? []).length > 0);
    }),
    { seed: SEED },
  );
});

test("[AP-15] a body's faults are told all at once, each with its place", () => {
  const read = bodyReader(planQuery)({ format: "xml", width: 3, other: 1 });
  assert.ok(!read.ok);
  assert.deepEqual(read.error.faults?.map(({ where = "" }) => where).toSorted(), ["/", "/format", "/width"]);
});
