/** A runner's own memory of the grants that it used: across processes, crashes and restored backups. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { promisify } from "node:util";
import type { GrantId } from "../../src/core/base/index.ts";
import { openNonces, type NonceStore } from "../../src/runner/nonces.ts";

const run = promisify(execFile);
const grant = (n: number): GrantId => `grt_${String(n).padStart(12, "0")}` as GrantId;

async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "pawl-nonces-"));
  t.after(() => rm(path, { recursive: true, force: true }));
  return path;
}

/** As one life of the runner's process. */
async function life<T>(path: string, act: (nonces: NonceStore) => T): Promise<T> {
  const nonces = openNonces(path);
  try {
    return act(nonces);
  } finally {
    nonces.close();
  }
}

const codeOf = (result: ReturnType<NonceStore["nextEpoch"]>): number | string => (result.ok ? result.value : result.error.code);

test("[RU-9] [D32] a grant is used once, also in a later life; one that was refused for certain may come again", async (t) => {
  const path = await folder(t);
  assert.deepEqual(await life(path, (nonces) => [nonces.claim(grant(1), 1), nonces.claim(grant(1), 2), nonces.claim(grant(2), 3)]), [
    true,
    false,
    true,
  ]);
  assert.deepEqual(
    await life(path, (nonces) => {
      nonces.release(grant(2));
      return [nonces.claim(grant(1), 4), nonces.claim(grant(2), 5), nonces.claim(grant(2), 6)];
    }),
    [false, true, false],
  );
});

test("[RU-9] [D31] of many processes that claim one grant in one memory, one has it", async (t) => {
  const path = await folder(t);
  await life(path, () => undefined);
  const program = `
    const { openNonces } = await import(${JSON.stringify(join(import.meta.dirname, "../../src/runner/nonces.ts"))});
    const nonces = openNonces(${JSON.stringify(path)});
    let won = 0;
    for (let n = 0; n < 250; n += 1) if (nonces.claim("grt_000000000001", n)) won += 1;
    process.stdout.write(String(won));
  `;
  const claims = Array.from({ length: 4 }, () => run(process.execPath, ["--input-type=module", "-e", program]));
  const won = (await Promise.all(claims)).map(({ stdout }) => Number(stdout));
  assert.equal(
    won.reduce((sum, each) => sum + each),
    1,
  );
});

test("[RU-10] [D32] a memory that was put back is noticed, and counts again only when the runner is enrolled anew", async (t) => {
  const path = await folder(t);
  assert.deepEqual([await life(path, (n) => codeOf(n.nextEpoch())), await life(path, (n) => codeOf(n.nextEpoch()))], [1, 2]);
  const backup = join(path, "backup.db");
  await copyFile(join(path, "nonces.db"), backup);
  await life(path, (nonces) => {
    assert.equal(codeOf(nonces.nextEpoch()), 3);
    assert.equal(nonces.claim(grant(7), 1), true);
  });
  await copyFile(backup, join(path, "nonces.db"));
  assert.equal(await life(path, (n) => codeOf(n.nextEpoch())), "nonces_restored");
  // A database that is gone altogether is no better.
  await rm(join(path, "nonces.db"));
  assert.equal(await life(path, (n) => codeOf(n.nextEpoch())), "nonces_restored");
  await life(path, (nonces) => nonces.accept());
  assert.equal(await life(path, (n) => codeOf(n.nextEpoch())), 4);
});

test("[RU-10] a note of the last life that says nothing is none that this memory can be held against", async (t) => {
  const path = await folder(t);
  await life(path, (n) => n.nextEpoch());
  for (const text of ["", "-5", "1e3", "no number"]) {
    await writeFile(join(path, "epoch"), text);
    await rm(join(path, "nonces.db"));
    assert.equal(await life(path, (n) => codeOf(n.nextEpoch())), "nonces_restored", text);
  }
});

test("[RU-10] a life that ended between its two notes begins again", async (t) => {
  const path = await folder(t);
  await life(path, (n) => n.nextEpoch());
  const before = join(path, "epoch.before");
  await copyFile(join(path, "epoch"), before);
  await life(path, (n) => n.nextEpoch());
  // The database was raised, and the process died before the file was.
  await copyFile(before, join(path, "epoch"));
  assert.equal(await life(path, (n) => codeOf(n.nextEpoch())), 3);
});
