/** The ledger in other systems' forms: resumable, the same each time, and with nothing in it that is nobody's business. */
import assert from "node:assert/strict";
import { before, test } from "node:test";
import type { JsonObject } from "../../src/core/base/index.ts";
import { entryOfLine, EXPORT_FORMATS, type ExportFormat } from "../../src/core/evidence/index.ts";
import { leafHash } from "../../src/core/ledger/index.ts";
import { docs, good, refusal, type ControlWorld } from "../../src/testing/control-world.ts";
import { travelled } from "./world.ts";

let world: ControlWorld;
before(async () => {
  ({ world } = await travelled());
  await world.propose(docs());
  await world.settle();
});

const page = async (format: ExportFormat, since: number, limit: number) =>
  good(await world.control.exportPage(world.as("ed"), { format, since, limit }));

async function all(format: ExportFormat, limit: number): Promise<readonly JsonObject[]> {
  const events: JsonObject[] = [];
  for (let since = 0; ;) {
    const next = await page(format, since, limit);
    events.push(...next.events);
    since = Number(next.cursor);
    if (!next.more) return events;
  }
}

test("[EV-15] [EV-16] pages of any size make the same export, and a cursor goes on where it was", async () => {
  const { size } = await world.store.head();
  for (const format of EXPORT_FORMATS) {
    const once = await all(format, 1_000);
    assert.equal(once.length, size);
    for (const limit of [1, 3, 7]) assert.deepEqual(await all(format, limit), once, format);
  }
  const end = await page("jsonl", size, 10);
  assert.deepEqual([end.events, end.cursor, end.more], [[], String(size), false]);
  await world.propose(docs("more"));
  const later = await page("jsonl", Number(end.cursor), 1_000);
  assert.equal(later.events[0]?.["index"], size);
  const beyond = refusal(await world.control.exportPage(world.as("ed"), { format: "jsonl", since: 1e9, limit: 10 }));
  assert.equal(beyond.reason, "bad_cursor");
});

test("[EV-16] a line of JSON has the entry's own text, which hashes to its leaf", async () => {
  const rows = await world.store.entries(0, 1_000);
  for (const [n, line] of (await all("jsonl", 100)).entries()) {
    const text = new TextDecoder().decode(rows[n]?.bytes);
    assert.equal(entryOfLine(JSON.stringify(line)), text);
    assert.equal(line["leaf_hash"], Buffer.from(leafHash(rows[n]?.bytes ?? new Uint8Array())).toString("hex"));
    assert.equal(line["id"], `pawl.test/world#${n}`);
  }
  assert.equal(entryOfLine('{"event":{},"n":0,"stream":"audit","v":1}'), undefined);
});

test("[EV-16] CloudEvents have the attributes that 1.0 requires, and are unique by source and id", async () => {
  const events = (await all("cloudevents", 100)) as readonly Readonly<Record<string, string>>[];
  for (const event of events) {
    assert.deepEqual(Object.keys(event).toSorted(), [
      "data",
      "datacontenttype",
      "id",
      "sequence",
      "source",
      "specversion",
      "subject",
      "time",
      "type",
    ]);
    assert.equal(event["specversion"], "1.0");
    assert.match(event["type"] ?? "", /^pawl\.[a-z]+\.[a-z_]+\.v1$/);
    assert.ok(URL.canParse(event["source"] ?? ""));
    assert.equal(new Date(event["time"] ?? "").toISOString(), event["time"]);
    // Attribute names are lower-case letters and digits (CloudEvents 1.0, section 3.1).
    for (const name of Object.keys(event)) assert.match(name, /^[a-z0-9]+$/);
  }
  assert.equal(new Set(events.map(({ source, id }) => `${source} ${id}`)).size, events.length);
});

/** Required by each class, and one of each group (OCSF 1.6.0: base event, API Activity, Entity Management, metadata, api, endpoint, actor). */
const BASE = ["activity_id", "category_uid", "class_uid", "metadata", "severity_id", "time", "type_uid"];
const REQUIRED: Readonly<Record<number, readonly string[]>> = {
  6003: [...BASE, "actor", "api", "src_endpoint"],
  3004: [...BASE, "entity"],
};

test("[EV-16] OCSF events have every required attribute of their class, with values that it knows", async () => {
  const classes = new Set<number>();
  for (const event of await all("ocsf", 100)) {
    const {
      class_uid: uid,
      activity_id: activity,
      category_uid: category,
      severity_id: severity,
      metadata,
      api,
      actor,
      entity,
      src_endpoint: from,
    } = event as unknown as Record<string, number> & {
      metadata: JsonObject;
      api?: JsonObject;
      actor: JsonObject;
      entity?: JsonObject;
      src_endpoint?: JsonObject;
    };
    classes.add(uid ?? 0);
    for (const name of REQUIRED[uid ?? 0] ?? ["no such class"]) assert.ok(name in event, `${name} of ${uid}`);
    assert.equal(event["type_uid"], (uid ?? 0) * 100 + (activity ?? 0));
    assert.equal(Math.floor((uid ?? 0) / 1000), category);
    assert.ok([0, 1, 2, 3, 4, 99].includes(activity ?? -1) && [1, 2, 3, 4].includes(severity ?? -1));
    assert.equal(metadata["version"], "1.6.0");
    assert.ok(typeof (metadata["product"] as JsonObject)["vendor_name"] === "string");
    assert.ok("user" in actor || "app_name" in actor);
    if (uid === 6003) assert.ok(typeof api?.["operation"] === "string" && typeof from?.["svc_name"] === "string");
    else assert.ok(typeof entity?.["uid"] === "string" && typeof entity["type"] === "string");
    assert.ok(Number.isSafeInteger(event["time"]));
  }
  assert.deepEqual(
    [...classes].toSorted((a, b) => a - b),
    [3004, 6003],
  );
});

test("[EV-17] nothing of a token but its id, for whom and by whom", async () => {
  const invited = {
    type: "runner_invited",
    runner: "rnr_export0001",
    by: "human:cy",
    at: world.time.now(),
    hash: `sha256:${"4".repeat(64)}`,
  };
  assert.ok((await world.store.append({ writes: [{ stream: "runner/rnr_export0001", expected: "any", events: [invited] }] })).ok);
  const rows = await world.store.entries(0, 1_000);
  const hashes = rows.flatMap(({ bytes }) => /"hash":"(sha256:[0-9a-f]+)"/.exec(new TextDecoder().decode(bytes))?.[1] ?? []);
  assert.ok(hashes.length > 0);
  for (const format of ["cloudevents", "ocsf"] as const) {
    const text = JSON.stringify(await all(format, 100));
    for (const hash of hashes) assert.equal(text.includes(hash), false);
    assert.match(text, /token_created/);
    assert.match(text, /runner_invited/);
  }
});
