/** What the command line says before any server is asked: help, usage, who acts, and policies checked offline. */
import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import test from "node:test";
import { folder, pawl } from "./world.ts";

const root = resolve(import.meta.dirname, "../..");
const COMMANDS =
  "up demo propose revise replan withdraw list show approve reject send-back watch run stop reconcile verify ledger policy people token db doctor".split(
    " ",
  );
const GROUPS = ["Run Pawl", "Propose", "Review", "Execute", "Prove", "Rules", "People", "Care"];
const NOWHERE = { PAWL_URL: "http://127.0.0.1:9", PAWL_TOKEN: "pawl_tok_nobody" };

interface ErrorDocument {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly where?: string;
    readonly remedy?: string;
    readonly exit: number;
  };
}

test("`pawl`, `pawl --help` and `pawl help` are the map: every command in its group, and the exit codes", async (t) => {
  const cwd = await folder(t);
  const shown = await pawl({ cwd, width: 80 }, "--help");
  assert.deepEqual([shown.code, shown.err], [0, ""]);
  for (const argv of [[], ["help"], ["--no-color"]]) assert.equal((await pawl({ cwd, width: 80 }, ...argv)).out, shown.out);
  const groups = [...shown.out.matchAll(/^([A-Z][A-Za-z ]+):$/gm)].map((match) => match[1]);
  assert.deepEqual(groups, [...GROUPS, "Options of every command", "Start", "Exit codes"]);
  for (const name of COMMANDS) assert.match(shown.out, new RegExp(`^ {2}${name} +\\w`, "m"));
  assert.ok(
    shown.out.split("\n").every((line) => line.length <= 80),
    "wider than 80 columns",
  );
});

test("each command explains itself, whatever the settings file says", async (t) => {
  const cwd = await folder(t);
  await writeFile(join(cwd, "pawl.yaml"), "nonsense: [");
  for (const name of COMMANDS) {
    const [help, other] = [await pawl({ cwd }, name, "--help"), await pawl({ cwd }, "help", name)];
    assert.deepEqual([help.code, help.err], [0, ""], name);
    assert.match(help.out, new RegExp(`^Usage: pawl ${name}`));
    assert.match(help.out, /--json/);
    assert.equal(other.out, help.out);
  }
});

test("the version is the package's", async (t) => {
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  const ran = await pawl({ cwd: await folder(t) }, "--version");
  assert.deepEqual([ran.code, ran.out], [0, `${version}\n`]);
});

test("wrong usage ends with 2 and says what was wrong, where, and what to do next", async (t) => {
  const cwd = await folder(t);
  for (const [argv, what, where, remedy] of [
    [["shwo"], "unknown command 'shwo'", "pawl", "did you mean show?"],
    [["list", "--statsu", "x"], "unknown option '--statsu'", "pawl list", "did you mean --status?"],
    [["show"], "missing required argument 'change'", "pawl show", "pawl show --help"],
    [["show", "chg_x"], '<change> cannot be "chg_x"', "pawl show", "pawl show --help"],
    [["show", "chg_000001", "more"], "too many arguments", "pawl show", "pawl show --help"],
    [["list", "--limit", "201"], '--limit cannot be "201": must be a whole number from 1 to 200', "pawl list", "pawl list --help"],
    [["approve", "chg_000001", "--digest", "sha256:12"], '--digest cannot be "sha256:12"', "pawl approve", "pawl approve --help"],
    [["send-back", "chg_000001"], "--reason", "pawl send-back", "pawl send-back --help"],
    [["policy", "explain"], "missing required argument 'change'", "pawl policy explain", "pawl policy explain --help"],
    [["policy", "tset", "x"], "unknown command 'tset'", "pawl policy", "did you mean test?"],
  ] as const) {
    const ran = await pawl({ cwd, env: NOWHERE }, ...argv);
    assert.deepEqual([ran.code, ran.out], [2, ""], argv.join(" "));
    const [first = "", second = "", third = ""] = ran.err.split("\n");
    assert.ok(first.startsWith("pawl: ") && first.includes(what), ran.err);
    assert.deepEqual([second, third], [`  where:  ${where}`, `  remedy: ${remedy}`], ran.err);
  }
});

test("a group of commands without a command prints its help and ends with 2", async (t) => {
  for (const name of ["policy", "people", "token", "ledger", "db"]) {
    const ran = await pawl({ cwd: await folder(t) }, name);
    assert.deepEqual([ran.code, ran.out], [2, ""]);
    assert.match(ran.err, /^Commands:$/m);
    const asked = await pawl({ cwd: await folder(t) }, name, "--json");
    assert.deepEqual([asked.code, asked.err, (JSON.parse(asked.out) as ErrorDocument).error.code], [2, "", "usage"]);
  }
});

test("with --json a failure is one document on standard output, whatever failed", async (t) => {
  const cwd = await folder(t);
  for (const [argv, code, exit] of [
    [["nope"], "usage", 2],
    [["list"], "usage", 2],
    [["list", "--token", "pawl_tok_1", "--url", "http://127.0.0.1:9"], "unreachable", 3],
    [["list", "--config", "none.yaml"], "settings", 2],
    [["policy", "check", "-"], "policy_invalid", 1],
  ] as const) {
    const ran = await pawl({ cwd, stdin: "rules: 1\n" }, ...argv, "--json");
    assert.deepEqual([ran.code, ran.err], [exit, ""], argv.join(" "));
    const { error } = JSON.parse(ran.out) as ErrorDocument;
    assert.deepEqual([error.code, error.exit], [code, exit]);
  }
});

test("who acts is always said: no token, an unknown name, two answers, and what is no token", async (t) => {
  const cwd = await folder(t);
  await mkdir(join(cwd, ".pawl", "tokens"), { recursive: true });
  for (const name of ["ada", "sandbox"]) await writeFile(join(cwd, ".pawl", "tokens", name), "pawl_tok_1");
  const err = async (env: Record<string, string>, ...argv: string[]): Promise<string> => {
    const ran = await pawl({ cwd, env: { PAWL_URL: "http://127.0.0.1:9", ...env } }, "list", ...argv);
    assert.equal(ran.code, 2, ran.err);
    return ran.err;
  };
  assert.match(await err({}), /who are you\?.*\n {2}remedy: pass --as ada or --as sandbox/);
  assert.match(await err({}, "--as", "bob"), /there is no token for bob\n.*\n {2}remedy: known: ada, sandbox/);
  assert.match(await err({}, "--as", "../tokens/ada"), /there is no token for/);
  assert.match(await err({}, "--as", "ada", "--token", "pawl_tok_1"), /both say who you are/);
  assert.match(await err({ PAWL_TOKEN: "two words" }), /this is not a token\n {2}where: {2}PAWL_TOKEN/);
  for (const [env, argv] of [
    [{ PAWL_AS: "ada" }, []],
    [{ PAWL_TOKEN: "pawl_tok_1" }, []],
    [{}, ["--as", "ada"]],
  ] as const) {
    assert.equal((await pawl({ cwd, env: { PAWL_URL: "http://127.0.0.1:9", ...env } }, "list", ...argv)).code, 3);
  }
});

test("a proposal from flags that is not whole says what is missing, before anything is sent", async (t) => {
  const cwd = await folder(t);
  const whole = ["--title", "t", "--repo", "r", "--branch", "b", "--ref", "x"];
  for (const [argv, what] of [
    [[], "--title and --repo and --branch are missing"],
    [["--title", "t", "--repo", "r", "--branch", "b"], "what to bring in is missing"],
    [[...whole, "--commit", "x"], "exclude each other"],
    [[...whole, "--scope-resource", "docs/**"], "the scope is not whole: --scope-environment, --scope-operation are missing"],
    [
      [...whole, "--scope-resource", "a", "--scope-environment", "b", "--scope-operation", "update", "--scope-limit", "many"],
      "is not name=number",
    ],
    [["--title", "t", "--repo", "r", "--branch", "b", "--patch", "none.patch"], "the patch cannot be read: there is no such file"],
    [["--file", "x.json", "--title", "t", "--hold"], "--title, --hold cannot stand beside it"],
    [["--file", "-"], "the proposal is not JSON that can be read"],
    [["--supersedes", "abc", ...whole], "--supersedes cannot be"],
  ] as const) {
    const ran = await pawl({ cwd, env: NOWHERE, stdin: '{"a": 1, "a": 2}' }, "propose", ...argv);
    assert.equal(ran.code, 2, `${argv.join(" ")}: ${ran.err}`);
    assert.ok(ran.err.includes(what), ran.err);
  }
  const latin = await pawl({ cwd, env: NOWHERE, stdin: Buffer.from([0xe9]) }, "propose", ...whole.slice(0, 6), "--patch", "-");
  assert.match(latin.err, /the patch is not UTF-8/);
});

test("[C23] a policy is checked and tested without a server; faults come with line, column and caret", async (t) => {
  const cwd = await folder(t);
  const good = join(root, "examples/policy/default.yaml");
  const text = await readFile(good, "utf8");
  const [checked, tested] = [await pawl({ cwd }, "policy", "check", good), await pawl({ cwd }, "policy", "test", good)];
  assert.deepEqual([checked.code, tested.code], [0, 0], checked.err + tested.err);
  assert.match(checked.out, /^✓ default can be loaded {2}sha256:[0-9a-f]{64}\n$/);
  assert.match(tested.out, /^✓ a page of documentation passes$/m);
  assert.match(tested.out, /\d+ cases passed\n$/);

  await writeFile(join(cwd, "bad.yaml"), text.replace("size(findings) == 0 &&", "size(findings) = 0 &&"));
  const bad = await pawl({ cwd }, "policy", "check", "bad.yaml");
  assert.equal(bad.code, 1);
  assert.match(bad.err, /^pawl: the policy has \d+ faults?\n {2}where: {2}bad\.yaml\n {2}bad\.yaml:\d+:\d+ .*\n.*\n +\^\n/);

  await writeFile(join(cwd, "wrong.yaml"), text.replace("expect: { outcome: auto,", "expect: { outcome: block,"));
  const wrong = await pawl({ cwd }, "policy", "test", "wrong.yaml");
  assert.equal(wrong.code, 1);
  assert.match(wrong.out, /^✗ a page of documentation passes\n {4}expected .*\n {4}actual /m);
  assert.match(wrong.out, /1 of \d+ cases failed\n$/);
  const json = JSON.parse((await pawl({ cwd }, "policy", "test", "wrong.yaml", "--json")).out) as { failed: number };
  assert.equal(json.failed, 1);
});

test("colour is for terminals: neither in a pipe, nor with --no-color, NO_COLOR or TERM=dumb; FORCE_COLOR wins over a pipe", async (t) => {
  const cwd = await folder(t);
  const colored = async (color: boolean, env: Record<string, string>, ...argv: string[]): Promise<boolean> =>
    (await pawl({ cwd, color, env }, ...argv, "--help")).out.includes("\u001b[");
  assert.deepEqual(
    [await colored(true, {}), await colored(false, {}), await colored(true, { NO_COLOR: "1" }), await colored(true, {}, "--no-color")],
    [true, false, false, false],
  );
  assert.deepEqual([await colored(true, { TERM: "dumb" }), await colored(false, { FORCE_COLOR: "1" })], [false, true]);
});
