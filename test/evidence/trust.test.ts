/** Whom an outsider's verification believes is one file; what is wrong with it is told before anything is checked. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { toBase64 } from "../../src/core/base/index.ts";
import { vkey, witnessKey } from "../../src/core/ledger/index.ts";
import { testSigner } from "../../src/testing/ledger.ts";
import { folder, pawl, world } from "../cli/world.ts";
import { bundleOf, travelled } from "./world.ts";

test("[EV-6] [EV-7] runner keys, witnesses and their number come from trust.json; a file that cannot be meant is refused", async (t) => {
  const made = await travelled();
  const cwd = await folder(t);
  await writeFile(join(cwd, "bundle.json"), await bundleOf(made));
  const witness = testSigner("witness.example/w", 6);
  const { deps } = made.world;
  const good = {
    origin: deps.origin,
    log_keys: deps.logKeys,
    grant_keys: { [deps.grantSigner.name]: toBase64(deps.grantSigner.publicKey) },
  };
  const ran = async (trust: object) => {
    await writeFile(join(cwd, "trust.json"), JSON.stringify(trust));
    return pawl({ cwd }, "verify", "bundle.json", "--trust", "trust.json");
  };
  const line = witnessKey(witness.name, witness.publicKey);
  const all = await ran(good);
  assert.equal(all.code, 0, all.out + all.err);
  const none = await ran({ ...good, witness_keys: [line], witness_quorum: 0 });
  assert.deepEqual([none.code, /✓ witnesses +0 of 1 trusted witnesses have cosigned/.test(none.out)], [0, true], none.out);
  const must = await ran({ ...good, witness_keys: [line] });
  assert.deepEqual([must.code, /✗ witnesses +0 of 1 trusted witnesses have cosigned; 1 must have/.test(must.out)], [1, true], must.out);
  const faults: Readonly<Record<string, object>> = {
    "a quorum that cannot be": { witness_keys: [line], witness_quorum: 2 },
    "a quorum that is no number": { witness_quorum: "1" },
    "a log's key where a witness's belongs": { witness_keys: [vkey(witness.name, witness.publicKey)] },
    "witnesses that are no list": { witness_keys: line },
    "a runner's key that is none": { runner_keys: { rnr_x: "AAAA" } },
    "runner keys that are a list": { runner_keys: ["AAAA"] },
    "a log key with sizes that are none": { log_keys: [`${deps.logKeys[0] ?? ""} from=x`] },
  };
  for (const [what, fault] of Object.entries(faults)) {
    const bad = await ran({ ...good, ...fault });
    assert.deepEqual([bad.code, bad.out], [2, ""], `${what}: ${bad.out}${bad.err}`);
  }
});

test("[EV-11] [EV-12] what goes with a file and what goes with a change are told apart", async (t) => {
  const cwd = await folder(t);
  await writeFile(join(cwd, "bundle.json"), "{}");
  for (const [argv, words] of [
    [["verify", "bundle.json", "--whole"], /--whole asks a server/],
    [["verify", "chg_00000001", "--entries", "x"], /--entries goes with a file/],
    [["verify", "nothing.json"], /there is no such file/],
    [["verify", "nonsense"], /a change is named chg_/],
  ] as const) {
    const ran = await pawl({ cwd }, ...argv);
    assert.deepEqual([ran.code, words.test(ran.err)], [2, true], ran.err);
  }
});

test("[EV-15] an export goes on from the cursor that the last one printed, and is for people and workloads", async (t) => {
  const shop = await world(t);
  const first = await shop.as("linus", "export", "--format", "cloudevents");
  const lines = first.out.trimEnd().split("\n");
  const cursor = /^cursor (\d+): go on with --since \1\n$/.exec(first.err)?.[1] ?? "";
  assert.deepEqual([first.code, cursor], [0, String(lines.length)], first.err);
  const none = await shop.as("linus", "export", "--since", cursor);
  assert.deepEqual([none.code, none.out], [0, ""], none.err);
  assert.equal((await shop.as("ada", "token", "create", "--for", "human:ada", "--label", "another")).code, 0);
  const later = await shop.as("linus", "export", "--format", "cloudevents", "--since", cursor);
  assert.equal((JSON.parse(later.out) as { id: string }).id, cursor);
  const beyond = await shop.as("linus", "export", "--since", "100000");
  assert.deepEqual([beyond.code, beyond.out, beyond.err.includes("cursor 100000: go on")], [1, "", false], beyond.err);
  const agent = await shop.as("agent", "export");
  assert.deepEqual([agent.code, agent.out], [1, ""]);
});
