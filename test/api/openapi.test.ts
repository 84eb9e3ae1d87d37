import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Ajv2020 } from "ajv/dist/2020.js";
import { contractOf, routeIds } from "../../src/api/contract/index.ts";
import { ask, GOLDEN, open, root, serverFor } from "./harness.ts";
import { fakeWorld } from "./world.ts";

interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly operationId: string }>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

async function served(): Promise<string> {
  const app = serverFor(fakeWorld());
  try {
    const response = await app.inject({ url: "/v1/openapi.json", headers: { host: "localhost:7295" } });
    return `${JSON.stringify(JSON.parse(response.body), undefined, 2)}\n`;
  } finally {
    await app.close();
  }
}

test("[AP-1] the document that is served is the golden one", async () => {
  const now = await served();
  if (process.env["PAWL_UPDATE_GOLDEN"] === "1") writeFileSync(GOLDEN, now);
  assert.deepEqual(
    JSON.parse(now),
    JSON.parse(readFileSync(GOLDEN, "utf8")),
    "the contract changed: if that is meant, run again with PAWL_UPDATE_GOLDEN=1 and say so in CHANGELOG.md",
  );
});

test("[AP-1] the document names every route once, and nothing else", async () => {
  const document = JSON.parse(await served()) as Document;
  const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { operationId }]) => `${operationId} ${method} ${path}`),
  );
  const expected = routeIds.map(
    (id) => `${id} ${contractOf(id).method.toLowerCase()} ${contractOf(id).path.replace(":id", "{id}").replace("*", "{path}")}`,
  );
  assert.deepEqual(operations.toSorted(), expected.toSorted());
  assert.equal(document.openapi, "3.1.0");
});

test("[AP-1] every reference of the document leads somewhere, and every schema in it is one", async () => {
  const text = await served();
  const document = JSON.parse(text) as Document;
  for (const [, name = ""] of text.matchAll(/"\$ref": "([^"]+)"/g)) {
    const component = /^#\/components\/schemas\/(\w+)$/.exec(name)?.[1] ?? "";
    assert.ok(component in document.components.schemas, `${name} leads nowhere`);
  }
  const ajv = new Ajv2020({ strict: false });
  ajv.addSchema({ $id: "urn:pawl:openapi", components: document.components });
  for (const name of Object.keys(document.components.schemas)) ajv.compile({ $ref: `urn:pawl:openapi#/components/schemas/${name}` });
});

test("[AP-1] the document is public, since it says nothing that the sources do not", async (t) => {
  const app = open(t, fakeWorld());
  const response = await ask(app, { url: "/v1/openapi.json" });
  assert.equal(response.statusCode, 200);
});

/** The rows of the table under a heading of docs/api.md. */
function tableUnder(heading: string): string[][] {
  const text = readFileSync(join(root, "docs", "api.md"), "utf8");
  const part = text.split(`## ${heading}\n`)[1]?.split("\n## ")[0] ?? "";
  const rows = part.split("\n").filter((line) => line.startsWith("| "));
  return rows.slice(1).map((row) =>
    row
      .split("|")
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

test("[AP-1] docs/api.md lists every route, with who may call it and what it leaves behind", () => {
  const expected = routeIds
    .map(contractOf)
    .map(({ method, path, callers, trace }) => [
      `\`${method} ${path}\``,
      callers.includes("anonymous") ? "anybody" : callers.join(", "),
      trace.kind === "writes" ? trace.entries.map((entry) => `\`${entry}\``).join(" or ") : trace.kind === "reads" ? "" : "exception",
    ]);
  const listed = tableUnder("Every route").map(([route, callers, , leaves]) => [route, callers, leaves]);
  assert.deepEqual(listed, expected);
});

test("[E47] [AP-8] each route that is not a GET makes an entry, or is on the published list of exceptions with why", () => {
  const exceptions = new Map(tableUnder("Exceptions").map(([route = "", why = ""]) => [route, why]));
  for (const id of routeIds) {
    const { method, path, trace } = contractOf(id);
    const listed = exceptions.get(`\`${method} ${path}\``);
    if (method === "GET") assert.equal(trace.kind, "reads", `${id} is a GET`);
    else if (trace.kind === "writes") assert.ok(trace.entries.length > 0 && listed === undefined, `${id} makes an entry`);
    else assert.ok(trace.kind === "exception" && listed === trace.why, `${id} is neither in the ledger nor on the list of docs/api.md`);
  }
  assert.equal(exceptions.size, routeIds.filter((id) => contractOf(id).trace.kind === "exception").length, "an exception that no route is");
});
