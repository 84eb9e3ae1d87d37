/** Secrets in content that a plan is made of: refused or hidden, and their values nowhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Analysed } from "../../../src/control/ports.ts";
import { KEY, TOKEN } from "./canaries.ts";
import { LIMITS, World, planOf } from "./world.ts";
import type { Files } from "./world.ts";

async function planRef(world: World, before: Files, after: Readonly<Record<string, Files[string] | undefined>>): Promise<Analysed> {
  world.commit("main", { "README.md": "x\n", ...before });
  world.branch("task");
  world.commit("task", after);
  const answer = await world.connector().analyse({ repository: "shop", branch: "main", ref: "task" }, LIMITS);
  assert.ok(answer.ok, JSON.stringify(answer));
  planOf(answer.value.analysis);
  return answer.value;
}

const severities = ({ analysis }: Analysed): readonly (readonly [string, string])[] =>
  analysis.findings.filter(({ code }) => code.startsWith("git.secret")).map(({ code, severity }) => [code, severity]);

/** Neither the value nor a part of it that would help to guess the rest. */
function nowhere(planned: Analysed): void {
  const all = JSON.stringify(planned.analysis) + Buffer.from(planned.payload).toString("utf8");
  for (const part of [TOKEN, TOKEN.slice(4, 24), TOKEN.slice(20), "MIIEpAIBAAKCAQEA0Z3VS5JJcds3xfn"]) assert.ok(!all.includes(part), part);
}

test("[GI-21] a secret that the change brings is refused, with rule and line, and only a keyed digest stands for it", async (t) => {
  const planned = await planRef(new World(t), { "a.ts": "1\n" }, { "a.ts": `1\nconst t = "${TOKEN}";\n`, "key.pem": `${KEY}\n` });
  assert.deepEqual(severities(planned), [
    ["git.secret", "refused"],
    ["git.secret", "refused"],
  ]);
  assert.match(planned.analysis.findings.find(({ code }) => code === "git.secret")?.message ?? "", /line 2 \(github\/GITHUB_TOKEN\)/);
  nowhere(planned);
  const effect = planned.analysis.step.effects.find(({ resource }) => resource.endsWith("#a.ts"));
  assert.ok(effect?.detail.kind === "diff");
  assert.match(effect.detail.text, /^\+\[a secret stands here: hmac-sha256:[0-9a-f]{64}\]$/m);
  assert.equal(effect.fields.find(({ path }) => path === "content")?.after?.kind, "secret");
});

test("[GI-21] another secret in the same place changes the plan, and the same one does not", async (t) => {
  const [one, other] = [TOKEN, `${TOKEN.slice(0, -1)}y`];
  const digests = [];
  for (const token of [one, one, other]) {
    const planned = await planRef(new World(t), {}, { "a.ts": `const t = "${token}";\n` });
    digests.push(JSON.stringify(planned.analysis.step.effects));
  }
  assert.equal(digests[0], digests[1]);
  assert.notEqual(digests[0], digests[2]);
});

test("[GI-21] a secret that was there before is hidden and named, and one that goes is said to stay in history", async (t) => {
  const text = (line: string): string => `${"filler\n".repeat(3)}const t = "${TOKEN}";\n${line}\n`;
  const kept = await planRef(new World(t), { "a.ts": text("one") }, { "a.ts": text("two") });
  assert.deepEqual(severities(kept), [["git.secret_present", "warning"]]);
  nowhere(kept);
  const gone = await planRef(new World(t), { "a.ts": text("one") }, { "a.ts": "clean\n" });
  assert.deepEqual(severities(gone), [["git.secret_removed", "info"]]);
  nowhere(gone);
  const deleted = await planRef(new World(t), { "a.ts": text("one"), "key.pem": `${KEY}\n` }, { "a.ts": undefined, "key.pem": undefined });
  nowhere(deleted);
});

test("[GI-21] a file with a secret that moves, and a hunk whose heading repeats the line, show nothing of it", async (t) => {
  const body = `function token() { return "${TOKEN}"; }\n${"  filler line\n".repeat(12)}end\n`;
  const moved = await planRef(new World(t), { "old/a.c": body }, { "old/a.c": undefined, "new/a.c": body.replace("end", "END") });
  nowhere(moved);
  const changed = await planRef(new World(t), { "a.c": body }, { "a.c": body.replace("end", "END") });
  nowhere(changed);
  assert.match(JSON.stringify(changed.analysis.step.effects), /@@ -11,4 \+11,4 @@\\n /);
});

test("[GI-21] a key whose middle changes is brought by the change", async (t) => {
  const planned = await planRef(
    new World(t),
    { "key.pem": `${KEY}\n` },
    { "key.pem": `${KEY.split("\n").with(10, "AAAABBBBCCCCDDDDEEEEFFFF").join("\n")}\n` },
  );
  assert.deepEqual(severities(planned), [["git.secret", "refused"]]);
  nowhere(planned);
});

test("[GI-21] manifests, links and names give nothing away", async (t) => {
  const address = `git+https://x:${TOKEN}@evil.example/x.git`;
  const manifest = await planRef(
    new World(t),
    {},
    { "package.json": `{"dependencies":{"x":"${address}"},"scripts":{"postinstall":"use ${TOKEN}"}}\n`, link: { link: `/run/${TOKEN}` } },
  );
  nowhere(manifest);
  assert.ok(severities(manifest).every(([, severity]) => severity === "refused"));
  const world = new World(t);
  world.commit("main", { "README.md": "x\n" });
  world.branch("task");
  world.commit("task", { [`${TOKEN}.txt`]: "x\n" });
  const named = await world.connector().analyse({ repository: "shop", branch: "main", ref: "task" }, LIMITS);
  assert.ok(!named.ok && named.error.code === "git_secret" && !JSON.stringify(named).includes(TOKEN));
});

test("[GI-21] what was not scanned is said to be so", async (t) => {
  const planned = await planRef(new World(t), {}, { "a.bin": Buffer.from([0, 1, 2]), "b.txt": "x\n" });
  const open = planned.analysis.unverified.filter(({ topic }) => topic === "secrets").map(({ resource }) => resource);
  assert.deepEqual(open, ["git:shop#a.bin"]);
});

test("[GI-21] what the plan's bound on content leaves unscanned is not shown", async (t) => {
  const world = new World(t);
  world.commit("main", { "README.md": "x\n" });
  world.branch("task");
  world.commit("task", { "a.bin": new Uint8Array(800), "z.ts": `const t = "${TOKEN}";\n` });
  const connector = world.connector({}, { limits: { inspectPlanBytes: 810 } });
  const answer = await connector.analyse({ repository: "shop", branch: "main", ref: "task" }, LIMITS);
  assert.ok(answer.ok, JSON.stringify(answer));
  nowhere(answer.value);
  const effect = answer.value.analysis.step.effects.find(({ resource }) => resource.endsWith("#z.ts"));
  assert.equal(effect?.detail.kind, "uninspectable");
  assert.ok(answer.value.analysis.unverified.some(({ topic, resource }) => topic === "secrets" && resource === "git:shop#z.ts"));
});
