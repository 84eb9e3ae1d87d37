/** What a command is given, and what becomes of it. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import * as fc from "fast-check";
import type { Analysed, Connector, PerformFault } from "../../../src/control/ports.ts";
import type { Json, Result } from "../../../src/core/base/index.ts";
import { CANARY, LIMITS, RELEASE_V2, world } from "./world.ts";

async function planned(connector: Connector, input: Json = RELEASE_V2): Promise<Analysed> {
  const admitted = await connector.admit(input);
  assert.ok(admitted.ok, JSON.stringify(admitted));
  const made = await connector.analyse(admitted.value.input, LIMITS);
  assert.ok(made.ok, JSON.stringify(made));
  return made.value;
}

const apply = (connector: Connector, { payload, analysis }: Analysed, limits = LIMITS) =>
  connector.apply(payload, analysis.step.stateDigest, limits);

function refused<T>(result: Result<T, PerformFault>): readonly [code: string, effect: string] {
  assert.ok(!result.ok);
  return [result.error.code, result.error.effect];
}

test("[OP-50, OP-20] the plan shows each argument and each program by its digest, and claims no more than was declared", async (t) => {
  const shop = world(t);
  const { analysis } = await planned(shop.connector());
  const [effect] = analysis.step.effects;
  const shown = effect?.fields.find(({ path }) => path === "command")?.after;
  assert.ok(shown?.kind === "json");
  const { argv, program } = shown.value as { argv: string[]; program: { digest: string; interpreter: { path: string } } };
  assert.deepEqual(argv, [shop.program, "--to", "v2"]);
  assert.match(program.digest, /^sha256:/);
  assert.equal(program.interpreter.path, "/bin/sh");
  assert.deepEqual(
    [effect?.provenance, analysis.step.undo.provenance, analysis.step.observations[0]?.provenance],
    ["claimed", "claimed", "claimed"],
  );
  const topics = analysis.unverified.map(({ topic }) => topic);
  assert.deepEqual(topics, ["effect", "window", "libraries"]);
  const blind = world(t, (text) =>
    text
      .replace(/ {8}(probe|verify|check|undo): .*\n/g, "")
      .replace('expect: { resource: "command:shop#web" }', "expect: { undo: impossible }"),
  );
  assert.equal((await planned(blind.connector())).analysis.step.effects[0]?.provenance, "unknown");
});

test("[OP-51, D38] arguments reach the program one for one, and none that begins with a dash does", async (t) => {
  const free = (text: string) => text.replace('pattern: "v[0-9.]+"', "max_length: 60");
  const shop = world(t, free);
  const declared = shop.connector();
  const words = fc.oneof(
    fc.constantFrom(
      "--force",
      "-",
      "--",
      "-rf",
      "a b",
      "$(touch x)",
      "`id`",
      "a;b",
      "a|b",
      "*",
      "~",
      "$HOME",
      "a\\b",
      "'",
      '"',
      "é",
      "日本",
      "a=b",
      "%s",
    ),
    fc.string({ unit: "grapheme", minLength: 1, maxLength: 30 }),
  );
  let ran = 0;
  await fc.assert(
    fc.asyncProperty(words, async (version) => {
      shop.version("v1");
      const admitted = await declared.admit({ ...RELEASE_V2, arguments: { version } });
      if (version.startsWith("-")) assert.ok(!admitted.ok && admitted.error[0]?.code === "operation_option");
      if (!admitted.ok) return;
      const made = await declared.analyse(admitted.value.input, LIMITS);
      assert.ok(made.ok || made.error.code === "no_change", JSON.stringify(made));
      if (!made.ok) return;
      await apply(declared, made.value);
      ran += 1;
      // Afterwards it was looked at once more.
      assert.equal(readFileSync(join(shop.state, "argv"), "utf8"), "--current\0");
      assert.equal(readFileSync(join(shop.state, "version"), "utf8"), `${version}\n`);
    }),
    { seed: 20_261_120, numRuns: 24 },
  );
  assert.ok(ran > 8, `only ${ran} got as far as the program`);
});

test("[OP-52, D38] behind -- a dash is an argument like any other", async (t) => {
  const shop = world(t, (text) => text.replace('pattern: "v[0-9.]+"', "max_length: 60").replace('--to, "{version}"]', '--, "{version}"]'));
  const made = await planned(shop.connector(), { ...RELEASE_V2, arguments: { version: "--force" } });
  const shown = made.analysis.step.effects[0]?.fields.find(({ path }) => path === "command")?.after;
  assert.ok(shown?.kind === "json");
  assert.deepEqual((shown.value as { argv: string[] }).argv, [shop.program, "--", "--force"]);
});

test("[OP-53, D38] the environment holds what was declared and allowed, and nothing of Pawl's own", async (t) => {
  const shop = world(t);
  assert.ok((await apply(shop.connector(), await planned(shop.connector()))).ok);
  const env = new Map(
    readFileSync(join(shop.state, "env"), "utf8")
      .split("\n")
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const own = ["PWD", "OLDPWD", "_", "SHLVL", ""];
  assert.deepEqual([...env.keys()].filter((name) => !own.includes(name)).toSorted(), [
    "HOME",
    "LANG",
    "PATH",
    "RELEASE_TOKEN",
    "SHOP_STATE",
    "TMPDIR",
    "TZ",
  ]);
  assert.deepEqual([env.get("PATH"), env.get("RELEASE_TOKEN")], ["/usr/local/bin:/usr/bin:/bin", CANARY]);
  shop.version("v1");
  const plan = await planned(shop.connector());
  assert.deepEqual(refused(await apply(shop.connector({ pass: [] }), plan)), ["command_variable", "none"]);
});

test("[OP-54, F52, B15] a program that is another than was approved is not run, by whatever name it comes", async (t) => {
  for (const swap of ["rewritten", "renamed", "linked"] as const) {
    const shop = world(t);
    const plan = await planned(shop.connector());
    const other = readFileSync(shop.program, "utf8").replace("echo x", "echo x; echo x");
    if (swap === "rewritten") writeFileSync(shop.program, other);
    else {
      writeFileSync(join(shop.dir, "other"), other);
      chmodSync(join(shop.dir, "other"), 0o755);
      renameSync(shop.program, join(shop.dir, "old"));
      if (swap === "renamed") renameSync(join(shop.dir, "other"), shop.program);
      else symlinkSync(join(shop.dir, "other"), shop.program);
    }
    assert.deepEqual(refused(await apply(shop.connector(), plan)), ["command_program_differs", "none"], swap);
    assert.equal(shop.writes(), 0, swap);
  }
});

test("[OP-54, F52] a program that changes itself while it runs is judged by what ran, and refused the next time", async (t) => {
  const shop = world(t);
  const body = readFileSync(shop.program, "utf8").replace("echo x >>", `echo '#!/bin/false' > ${shop.program}; echo x >>`);
  writeFileSync(shop.program, body);
  const applied = await apply(shop.connector(), await planned(shop.connector()));
  // The copy ran to its end; what it left behind cannot look.
  assert.ok(applied.ok);
  assert.equal(shop.version(), "v2");
  assert.equal(applied.value.facts["after"], undefined);
});

test("[OP-55] only programs that the operator names run here", async (t) => {
  const shop = world(t);
  const made = await shop.connector({ programs: ["/usr/bin/true"] }).analyse(RELEASE_V2, LIMITS);
  assert.equal(!made.ok && made.error.code, "command_not_allowed");
  const env = world(t);
  writeFileSync(env.program, "#!/usr/bin/env sh\necho v1\n");
  const unclear = await env.connector().analyse(RELEASE_V2, LIMITS);
  assert.equal(!unclear.ok && unclear.error.code, "command_interpreter");
});

test("[OP-51, OP-55, D38, B15] what no system runs by itself is no program: a shell would read it, or a reader that nothing binds", async (t) => {
  const shop = world(t);
  const script = readFileSync(shop.program, "utf8");
  writeFileSync(shop.program, script.split("\n").slice(1).join("\n"));
  const shell = await shop.connector().analyse(RELEASE_V2, LIMITS);
  assert.equal(!shell.ok && shell.error.code, "command_interpreter");
  const reader = join(shop.dir, "reader");
  writeFileSync(reader, "#!/usr/bin/env sh\n");
  chmodSync(reader, 0o755);
  writeFileSync(shop.program, script.replace("/bin/sh", reader));
  const nested = await shop.connector().analyse(RELEASE_V2, LIMITS);
  assert.equal(!nested.ok && nested.error.code, "command_interpreter");
});

test("[OP-60, B20] nothing is run to look but the command lines that the operator names, whoever asks and whatever is declared", async (t) => {
  const shop = world(t);
  const probes = [`${shop.program} --current`];
  const plan = await planned(shop.connector({ probes }));
  assert.ok((await apply(shop.connector({ probes }), plan)).ok);
  assert.equal(shop.version(), "v2");
  // As a server would that somebody took over: the program is allowed, what it is asked writes, and nobody approved it.
  const text = shop.text.replace(`probe: { argv: [${shop.program}, --current] }`, `probe: { argv: [${shop.program}, --to, v666] }`);
  const asked = { system: "shop", operation: "release", arguments: { version: "v3" } };
  const looked = await shop.connector({ probes }, text).analyse(asked, LIMITS);
  assert.equal(!looked.ok && looked.error.code, "command_not_a_probe");
  const payload = Buffer.from(
    Buffer.from(plan.payload)
      .toString()
      .replace('"argv":["' + shop.program + '","--current"]', '"argv":["' + shop.program + '","--to","v666"]'),
  );
  const observed = await shop.connector({ probes }).observe(payload, LIMITS);
  assert.equal(!observed.ok && observed.error.code, "command_not_a_probe");
  assert.equal(shop.version(), "v2");
});

test("[OP-26, D30] a probe that could not tell has not failed the verification", async (t) => {
  const shop = world(t);
  const plan = await planned(shop.connector());
  const applied = await apply(shop.connector(), plan);
  assert.ok(applied.ok);
  const unsure = await shop.connector({ pass: [] }).verify(plan.payload, applied.value, LIMITS);
  assert.deepEqual(!unsure.ok && [unsure.error.code, unsure.error.inconclusive], ["command_variable", true]);
  shop.version("v9");
  const wrong = await shop.connector().verify(plan.payload, applied.value, LIMITS);
  assert.deepEqual(!wrong.ok && [wrong.error.code, wrong.error.inconclusive], ["command_not_as_planned", undefined]);
});

test("[OP-57] how it ends decides what is known: refused did nothing, anything else may have", async (t) => {
  for (const [flag, code, effect] of [
    ["refuses", "command_exit", "none"],
    ["fails", "command_exit", "possible"],
  ] as const) {
    const shop = world(t);
    const plan = await planned(shop.connector());
    shop.flag(flag);
    const applied = await apply(shop.connector(), plan);
    assert.deepEqual(refused(applied), [code, effect]);
    assert.ok(!applied.ok && !JSON.stringify(applied).includes(CANARY) && applied.error.details?.["exit"] !== undefined);
  }
});

test("[OP-58, D30] a command that does not end in time is ended with all that it started, and its outcome is unknown", async (t) => {
  const shop = world(t, (text) => text.replace("timeout_seconds: 20", "timeout_seconds: 1"));
  const plan = await planned(shop.connector());
  shop.flag("hangs");
  assert.deepEqual(refused(await apply(shop.connector(), plan)), ["command_timeout", "possible"]);
  // What nobody has buried yet is dead all the same.
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(shop.sleeper())], { encoding: "utf8" });
  assert.match(stdout, /^(Z.*)?\s*$/);
  assert.equal(shop.version(), "v1");
});

test("[OP-58, D30] what a command leaves running is ended with it, though it was told as done", async (t) => {
  const shop = world(t);
  const body = readFileSync(shop.program, "utf8").replace("echo x >>", 'sleep 600 >/dev/null 2>&1 & echo $! > "$state/pid"; echo x >>');
  writeFileSync(shop.program, body);
  assert.ok((await apply(shop.connector(), await planned(shop.connector()))).ok);
  const { stdout } = spawnSync("ps", ["-o", "stat=", "-p", String(shop.sleeper())], { encoding: "utf8" });
  assert.match(stdout, /^(Z.*)?\s*$/);
});

test("[OP-20, OP-28] where nothing looks at the state, no undo is said to depend on it", async (t) => {
  const shop = world(t, (text) =>
    text
      .replace(/ +probe: .*\n/, "")
      .replace(/ +verify: .*\n/, "")
      .replace('"{before.output}"', '"{version}"'),
  );
  const { analysis } = await planned(shop.connector());
  assert.match(analysis.step.undo.text, /whatever was done in between: nothing is declared that looks$/);
});

test("[OP-59, F52] files are copied while they are hashed; one that changed since is not used", async (t) => {
  const shop = world(t, (text) => text.replace("        env:", "        files: [{ from: FILE, as: plan.txt }]\n        env:"));
  const file = join(shop.dir, "plan.txt");
  writeFileSync(file, "as approved");
  writeFileSync(shop.program, readFileSync(shop.program, "utf8").replace("echo x >>", 'cat plan.txt > "$state/read"; echo x >>'));
  const text = shop.text.replace("FILE", file);
  const connector = shop.connector({}, text);
  const plan = await planned(connector);
  writeFileSync(file, "as somebody wished");
  assert.deepEqual(refused(await apply(connector, plan)), ["command_file_differs", "none"]);
  writeFileSync(file, "as approved");
  assert.ok((await apply(connector, plan)).ok);
  assert.equal(readFileSync(join(shop.state, "read"), "utf8"), "as approved");
});
