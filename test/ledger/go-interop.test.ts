/** What Pawl writes, checked by Go's own packages: the ones that guard Go's module database. */
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, describe, test } from "node:test";
import {
  consistencyProof,
  entryBundle,
  inclusionProof,
  leafHash,
  rootFromTiles,
  signCheckpoint,
  tilePath,
  vkey,
} from "../../src/core/ledger/index.ts";
import { MemoryLog, testEntries, testSigner } from "../../src/testing/ledger.ts";
import { goMissing, goVerify } from "./go.ts";

const ORIGIN = "log.example/pawl";
const signer = testSigner(ORIGIN, 1);
const VKEY = vkey(signer.name, signer.publicKey);
const SIZES = [1, 255, 256, 257, 1000];

const scratch = mkdtempSync(join(tmpdir(), "pawl-go-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

function put(directory: string, path: string, content: string | Uint8Array): void {
  const file = join(directory, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

/** Writes a log as a static site: checkpoint, tiles, bundles. */
function publish(size: number): { directory: string; log: MemoryLog } {
  const directory = mkdtempSync(join(scratch, `log-${size}-`));
  const log = new MemoryLog();
  for (const at of [Math.floor(size / 3), size]) log.append(testEntries(at).slice(log.size));
  put(directory, "checkpoint", signCheckpoint({ origin: ORIGIN, size, root: log.root }, [signer]));
  for (const [key, bytes] of log.tiles) {
    const [level = 0, index = 0] = key.split("/").map(Number);
    put(directory, tilePath({ level, index, width: bytes.length / 32 }), bytes);
  }
  for (let first = 0; first < size; first += 256) {
    const entries = log.entries.slice(first, first + 256);
    put(directory, tilePath({ level: "entries", index: first / 256, width: entries.length }), entryBundle(entries));
  }
  return { directory, log };
}

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64");

/** Our own proofs, in the form in which Go writes hashes into JSON. */
function proofsOf(log: MemoryLog): string {
  const { size, readTile } = log;
  const rootOf = (at: number): Uint8Array => {
    const root = rootFromTiles(at, readTile);
    assert.ok(root.ok);
    return root.value;
  };
  const inclusion = log.entries.map((entry, index) => ({
    index,
    leaf: base64(leafHash(entry)),
    proof: inclusionProof(index, size, readTile).map(base64),
  }));
  const consistency = Array.from({ length: size }, (_, i) => i + 1).map((at) => ({
    size: at,
    root: base64(rootOf(at)),
    proof: consistencyProof(at, size, readTile).map(base64),
  }));
  return JSON.stringify({ inclusion, consistency });
}

describe("Go's sumdb/note and sumdb/tlog", { skip: goMissing }, () => {
  for (const size of SIZES) {
    test(`[LG-26] a log of ${size}: checkpoint, tiles, every entry, prefixes, and every proof that we make`, async () => {
      const { directory, log } = publish(size);
      const proofs = join(directory, "proofs.json");
      writeFileSync(proofs, proofsOf(log));
      const { status, output } = await goVerify("-proofs", proofs, directory, VKEY);
      assert.equal(status, 0, output);
      assert.equal(output, `${ORIGIN}: ${size} entries verified, ${size} inclusion and ${size} consistency proofs of others\n`);
    });
  }

  test("[LG-26] an earlier checkpoint begins the log, a checkpoint of another history does not", async () => {
    const { directory, log } = publish(257);
    const old = join(directory, "old");
    const earlier = (root: Uint8Array): void => writeFileSync(old, signCheckpoint({ origin: ORIGIN, size: 100, root }, [signer]));
    earlier(new MemoryLog().append(log.entries.slice(0, 100)).root);
    assert.equal((await goVerify("-old", old, directory, VKEY)).status, 0);
    earlier(new MemoryLog().append(log.entries.slice(1, 101)).root);
    assert.match((await goVerify("-old", old, directory, VKEY)).output, /size 100/);
  });

  test("[LG-26] over HTTP, as a running server has it", async () => {
    const { directory } = publish(300);
    const server = createServer((request, response) => {
      try {
        response.end(readFileSync(join(directory, new URL(request.url ?? "", "http://localhost").pathname)));
      } catch {
        response.writeHead(404).end();
      }
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const { output } = await goVerify(`http://127.0.0.1:${port}`, VKEY);
    server.close();
    assert.match(output, /300 entries verified/);
  });

  test("[LG-26] [E39] Go refuses what was altered: the checks above can fail", async () => {
    const { directory } = publish(257);
    const attacks = ["checkpoint", "tile/0/000", "tile/0/001.p/1", "tile/1/000.p/1", "tile/entries/000"];
    for (const path of attacks) {
      const bytes = readFileSync(join(directory, path));
      put(directory, path, bytes.with(20, (bytes[20] ?? 0) ^ 1));
      assert.equal((await goVerify(directory, VKEY)).status, 1, path);
      put(directory, path, bytes);
    }
    assert.equal((await goVerify(directory, VKEY)).status, 0);
  });
});
