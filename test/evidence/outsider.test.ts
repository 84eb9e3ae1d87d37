/** An outsider's machine: an empty folder, the keys, the file, and no Pawl that answers. */
import assert from "node:assert/strict";
import { execFile, execFileSync, spawnSync } from "node:child_process";
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test, type TestContext } from "node:test";
import type { EvidenceBundle } from "../../src/core/evidence/index.ts";
import { leafHash } from "../../src/core/ledger/index.ts";
import { CART, GUIDE, world, type PawlWorld } from "../cli/world.ts";
import { goMissing, goVerify } from "../ledger/go.ts";

/** The shop's own check fails on what this makes of the cart, so it is undone. */
const BROKEN = `diff --git a/src/cart.js b/src/cart.js
--- a/src/cart.js
+++ b/src/cart.js
@@ -1,4 +1,4 @@
 export function total(items) {
   const sum = items.reduce((before, item) => before + item.price * item.count, 0);
-  return Math.round(sum * 100) / 100;
+  return items.length - sum;
 }
`;

const PAWL = resolve(import.meta.dirname, "../../bin/pawl.js");

/** A folder with `bundle.json` and `trust.json` of a change that was carried out, and a copy of the whole log. */
async function handedOut(t: TestContext): Promise<{ readonly dir: string; readonly pawl: PawlWorld; readonly id: string }> {
  const pawl = await world(t);
  const id = await pawl.proposed(CART);
  assert.equal((await pawl.as("linus", "approve", id, "--yes")).code, 0);
  assert.equal((await pawl.as("linus", "watch", id)).code, 0);
  const made = await pawl.as("linus", "bundle", id, "-o", "bundle.json");
  assert.equal(made.code, 0, made.err);
  const dir = mkdtempSync(join(tmpdir(), "pawl-outsider-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  copyFileSync(join(pawl.dir, "bundle.json"), join(dir, "bundle.json"));
  copyFileSync(join(pawl.dir, "data", "trust.json"), join(dir, "trust.json"));
  return { dir, pawl, id };
}

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** With nothing of this process's environment but where programs are, and an address at which nobody answers. */
function outside(dir: string, ...argv: string[]): Promise<Ran> {
  const env = { PATH: process.env["PATH"], HOME: dir, PAWL_URL: "http://127.0.0.1:9", NO_COLOR: "1" };
  const { promise, resolve: done } = Promise.withResolvers<Ran>();
  execFile(process.execPath, [PAWL, ...argv], { cwd: dir, env, timeout: 60_000 }, (error, out, err) =>
    done({ code: error === null ? 0 : Number(error.code), out, err }),
  );
  return promise;
}

test("[EV-11] [EV-14] a bundle in an empty folder verifies in a process of its own, without a server; altered, it does not", async (t) => {
  const { dir, id, pawl } = await handedOut(t);
  await pawl.running.close();
  const good = await outside(dir, "verify", "bundle.json", "--trust", "trust.json");
  assert.equal(good.code, 0, good.out + good.err);
  assert.match(good.out, new RegExp(`^change ${id} of shop\\.example/log\n`));
  assert.match(
    good.out,
    /\n✓ end +verified is an end[^]*\neverything that was checked holds; 3 could not be checked {2}trusting trust\.json\n$/,
  );
  // The server's own runner signs what it tells, by a key that trust.json names.
  assert.match(good.out, /\n✓ evidence +\d statements about this run and these facts, signed by rnr_[0-9a-z]+\n/);
  const told = await outside(dir, "verify", "bundle.json", "--trust", "trust.json", "--json");
  const { holds, checks } = JSON.parse(told.out) as { holds: boolean; checks: { name: string; holds: boolean | null }[] };
  assert.deepEqual([holds, checks.filter((check) => check.holds === false).length, checks.length > 15], [true, 0, true]);

  const text = readFileSync(join(dir, "bundle.json"), "utf8");
  writeFileSync(join(dir, "altered.json"), text.replace('"decision\\":\\"approve', '"decision\\":\\"approvd'));
  const bad = await outside(dir, "verify", "altered.json", "--trust", "trust.json");
  assert.equal(bad.code, 1, bad.out + bad.err);
  assert.match(bad.out, /✗ seal [^]*✗ inclusion +entry \d+ is not in that log/);
  const nobody = await outside(dir, "verify", "bundle.json");
  assert.deepEqual([nobody.code, /no trusted keys are at hand/.test(nobody.err)], [2, true]);
  const missing = await outside(dir, "verify", "other.json", "--trust", "trust.json");
  assert.deepEqual([missing.code, /there is no such file/.test(missing.err)], [2, true]);
});

test("[EV-12] with every entry of the log nothing of the change can have been left out", async (t) => {
  const { dir, id, pawl } = await handedOut(t);
  const earlier = await pawl.proposed(GUIDE);
  assert.notEqual(earlier, id);
  assert.equal((await pawl.as("linus", "ledger", "export", "copy")).code, 0);
  const entries = join(pawl.dir, "copy", "entries.jsonl");
  const whole = await outside(dir, "verify", "bundle.json", "--trust", "trust.json", "--entries", entries);
  assert.equal(whole.code, 0, whole.out + whole.err);
  assert.match(whole.out, /✓ whole log +all entries read: none of this change was left out/);

  const lines = readFileSync(entries, "utf8").trimEnd().split("\n");
  const hidden = (name: string, text: readonly string[]): string => {
    writeFileSync(join(dir, name), `${text.join("\n")}\n`);
    return name;
  };
  const another = await outside(dir, "verify", "bundle.json", "--trust", "trust.json", "--entries", hidden("less.jsonl", lines.slice(1)));
  assert.deepEqual(
    [another.code, /✗ whole log +these are not the \d+ entries of the signed head/.test(another.out)],
    [1, true],
    another.out,
  );
  const more = `{"event":{"at":1,"by":"human:ada","type":"withdrawn"},"n":10,"stream":"change/${id}","v":1}`;
  const later = await outside(dir, "verify", "bundle.json", "--trust", "trust.json", "--entries", hidden("more.jsonl", [...lines, more]));
  assert.deepEqual([later.code, /✗ whole log +entry \d+ is of this change, later than the bundle/.test(later.out)], [1, true], later.out);
});

test("[EV-13] Go's own packages open the bundle's checkpoint and find its entries in that tree", { skip: goMissing }, async (t) => {
  const { dir, pawl } = await handedOut(t);
  const bundle = JSON.parse(readFileSync(join(dir, "bundle.json"), "utf8")) as EvidenceBundle;
  const { log_keys: keys } = JSON.parse(readFileSync(join(dir, "trust.json"), "utf8")) as { log_keys: string[] };
  const proofs = join(dir, "proofs.json");
  const base64 = (node: string): string => Buffer.from(node, "hex").toString("base64");
  const inclusion = [...bundle.entries, ...bundle.context].map(({ index, entry, proof }) => ({
    Index: index,
    Leaf: Buffer.from(leafHash(Buffer.from(entry))).toString("base64"),
    Proof: proof.map(base64),
  }));
  writeFileSync(proofs, JSON.stringify({ Inclusion: inclusion, Consistency: [] }));
  writeFileSync(join(dir, "checkpoint"), bundle.checkpoint);
  const verified = await goVerify("-old", join(dir, "checkpoint"), "-proofs", proofs, pawl.url, keys[0] ?? "");
  assert.equal(verified.status, 0, verified.output);
  const other = inclusion.map((each, n) => (n === 3 ? { ...each, Index: each.Index + 1 } : each));
  writeFileSync(proofs, JSON.stringify({ Inclusion: other, Consistency: [] }));
  assert.notEqual((await goVerify("-proofs", proofs, pawl.url, keys[0] ?? "")).status, 0);
});

const openssl = spawnSync("openssl", ["version"]).error === undefined ? false : "openssl is not installed";

test("[EV-13] openssl and sha256sum alone check the head's signature, the seal and a document", { skip: openssl }, async (t) => {
  const { dir } = await handedOut(t);
  const bundle = JSON.parse(readFileSync(join(dir, "bundle.json"), "utf8")) as EvidenceBundle;
  const trust = JSON.parse(readFileSync(join(dir, "trust.json"), "utf8")) as { log_keys: string[]; grant_keys: Record<string, string> };
  const file = (name: string, bytes: string | Buffer): string => {
    writeFileSync(join(dir, name), bytes);
    return name;
  };
  const key = (name: string, raw: Buffer): string =>
    file(
      name,
      `-----BEGIN PUBLIC KEY-----\n${Buffer.concat([Buffer.from("302a300506032b6570032100", "hex"), raw]).toString("base64")}\n-----END PUBLIC KEY-----\n`,
    );
  const holds = (pem: string, message: string, signature: Buffer): boolean =>
    spawnSync(
      "openssl",
      ["pkeyutl", "-verify", "-pubin", "-inkey", pem, "-rawin", "-in", file("message", message), "-sigfile", file("signature", signature)],
      { cwd: dir },
    ).status === 0;

  const [text = "", lines = ""] = bundle.checkpoint.split("\n\n");
  const logKey = key("log.pem", Buffer.from(trust.log_keys[0]?.split("+").slice(2).join("+") ?? "", "base64").subarray(1));
  const signature = Buffer.from(lines.split("\n")[0]?.split(" ")[2] ?? "", "base64").subarray(4);
  assert.equal(holds(logKey, `${text}\n`, signature), true);
  assert.equal(holds(logKey, `${text} \n`, signature), false);

  const { seal, ...body } = bundle;
  const sealKey = key("grants.pem", Buffer.from(trust.grant_keys[seal.keyid] ?? "", "base64"));
  // What is parsed and written again without spaces keeps the members' order, which is the canonical one.
  const canonical = JSON.stringify(body);
  const type = "application/vnd.pawl.evidence+json";
  assert.equal(
    holds(sealKey, `DSSEv1 ${type.length} ${type} ${Buffer.byteLength(canonical)} ${canonical}`, Buffer.from(seal.sig, "base64")),
    true,
  );

  const document = bundle.payloads.find(({ as }) => as === "text");
  assert.ok(document?.as === "text");
  const sum = execFileSync("sha256sum", [file("document", document.text)], { cwd: dir, encoding: "utf8" });
  assert.equal(`sha256:${sum.slice(0, 64)}`, document.digest);
});

test("[EV-19] [EV-20] a report names every change, exceptions first, and whoever has the entries recomputes it", async (t) => {
  const { dir, pawl, id } = await handedOut(t);
  const guide = await pawl.proposed(GUIDE);
  const broken = await pawl.proposed(BROKEN);
  assert.equal((await pawl.as("linus", "approve", broken, "--yes")).code, 0);
  await pawl.as("linus", "watch", broken);
  await pawl.as("agent", "watch", guide);
  const range = ["--from", "2020-01-01", "--to", "2100-01-01"];
  const text = await pawl.as("linus", "report", ...range);
  assert.equal(text.code, 0, text.err);
  const at = (part: string): number => text.out.indexOf(part);
  assert.ok(at(`- \`${guide}\` A change: accepted by a rule, without a person`) > 0, text.out);
  assert.ok(at(`- \`${broken}\` A change: undone after it was applied`) > 0, text.out);
  assert.ok(at("## All others") < at(`| \`${id}\``), text.out);
  assert.match(text.out, /drawn by the seed `[0-9a-f]{64}`/);

  const made = await pawl.as("linus", "report", ...range, "--format", "json", "-o", "report.json", "--sample", "2");
  assert.equal(made.code, 0, made.err);
  assert.equal((await pawl.as("linus", "ledger", "export", "copy")).code, 0);
  const jsonl = await pawl.as("linus", "export");
  writeFileSync(join(dir, "entries.jsonl"), jsonl.out);
  copyFileSync(join(pawl.dir, "report.json"), join(dir, "report.json"));
  for (const entries of [join(pawl.dir, "copy", "entries.jsonl"), "entries.jsonl", pawl.url]) {
    const good = await outside(dir, "verify", "report.json", "--trust", "trust.json", "--entries", entries);
    assert.equal(good.code, 0, good.out + good.err);
    assert.match(good.out, /✓ population +all 3 changes of entries 0 to \d+, recomputed/);
  }
  const whole = JSON.parse(readFileSync(join(dir, "report.json"), "utf8")) as {
    changes: { change: string; exceptions: string[]; outcome: string }[];
    sample: { changes: string[] };
  };
  const lies: Readonly<Record<string, (report: typeof whole) => void>> = {
    "a change is left out": (report) => void report.changes.pop(),
    "an exception is hidden": (report) => void (report.changes[0] as { exceptions: string[] }).exceptions.splice(0),
    "an outcome is told otherwise": (report) => void ((report.changes[0] as { outcome: string }).outcome = "verified "),
    "other changes are drawn": ({ sample }) => void (sample.changes = sample.changes.toReversed()),
    "the range is another": (report) => void Object.assign(report, { from: "2021-01-01T00:00:00.000Z", to: "2022-01-01T00:00:00.000Z" }),
  };
  for (const [what, lie] of Object.entries(lies)) {
    const report = structuredClone(whole);
    lie(report);
    writeFileSync(join(dir, "lie.json"), JSON.stringify(report));
    const bad = await outside(dir, "verify", "lie.json", "--trust", "trust.json", "--entries", "entries.jsonl");
    assert.deepEqual([bad.code, /✗ (population|entries)/.test(bad.out)], [1, true], `${what}: ${bad.out}${bad.err}`);
  }
});
