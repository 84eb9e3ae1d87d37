/** A running Pawl's ledger, read over HTTP and checked by a program that knows nothing of Pawl. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { loadSettings } from "../../src/cli/settings.ts";
import { startPawl } from "../../src/main.ts";
import { goMissing, goVerify } from "./go.ts";

interface Pawl {
  readonly folder: string;
  readonly vkey: string;
  readonly url: string;
  post(path: string, body: unknown): Promise<void>;
  size(): Promise<number>;
}

async function pawl(t: TestContext): Promise<Pawl> {
  const folder = mkdtempSync(join(tmpdir(), "pawl-go-http-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const config = { data_dir: "data", listen: { port: 0 }, rate: { per_credential_per_minute: 1_000_000 } };
  writeFileSync(join(folder, "pawl.yaml"), JSON.stringify(config));
  const loaded = loadSettings({ cwd: folder, env: {} });
  assert.ok(loaded.ok);
  const started = await startPawl(loaded.value.settings, { log: (line) => t.diagnostic(line) });
  assert.ok(started.ok);
  const running = started.value;
  const { url, firstStart } = running;
  t.after(() => running.close());
  const headers = { authorization: `Bearer ${firstStart?.person.token}`, "content-type": "application/json" };
  const trust = JSON.parse(readFileSync(join(folder, "data", "trust.json"), "utf8")) as { log_keys: string[] };
  return {
    folder,
    url,
    vkey: trust.log_keys[0] ?? "",
    async post(path, body) {
      const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      assert.equal(response.status, 201, await response.text());
    },
    size: async () => Number((await (await fetch(`${url}/checkpoint`)).text()).split("\n")[1]),
  };
}

/** Every token that is made leaves an entry. */
async function grow(running: Pawl, least: number): Promise<void> {
  for (let size = await running.size(); size < least; size = await running.size()) {
    const more = Array.from({ length: Math.min(32, least - size) }, (_, n) => ({ principal: "agent:sandbox", label: `token ${size + n}` }));
    await Promise.all(more.map((token) => running.post("/v1/tokens", token)));
  }
}

describe("Go's sumdb/note and sumdb/tlog, on a running Pawl", { skip: goMissing }, () => {
  test("[LG-26] checkpoint, tiles, bundles and every entry, with the key of trust.json; and the log only grows", async (t) => {
    const running = await pawl(t);
    const { url, vkey, folder } = running;
    const patch = readFileSync(new URL("../../examples/first.patch", import.meta.url), "utf8");
    const input = { repository: "sample", branch: "main", patch, message: "Round totals to cents" };
    await running.post("/v1/changes", { title: "Round totals to cents", steps: [{ connector: "git", input }] });
    await grow(running, 300);
    const checkpoint = await (await fetch(`${url}/checkpoint`)).text();
    const [origin = "", size = ""] = checkpoint.split("\n");
    const old = join(folder, "old");
    writeFileSync(old, checkpoint);
    const first = await goVerify(url, vkey);
    assert.equal(first.status, 0, first.output);
    assert.match(first.output, /^\S+: (\d+) entries verified/);
    assert.ok(first.output.startsWith(`${origin}: `) && Number(size) > 256);

    await grow(running, 520);
    const second = await goVerify("-old", old, url, vkey);
    assert.equal(second.status, 0, second.output);
    assert.match(second.output, /: 5\d\d entries verified/);

    const other = await goVerify(url, `${vkey.slice(0, -4)}AAAA`);
    assert.equal(other.status, 1, "a key that is not this log's");
  });
});
