import type { At } from "../yaml/index.ts";
import { MOST, OPERATION, onlyArguments, visibleFields } from "./reading.ts";
import type { Declaring, Names } from "./reading.ts";
import { readEffect, readExpectation, readParameters, readTests, readUndo } from "./read-parts.ts";
import { namesIn } from "./template.ts";
import type { CommandOperation, CommandProbe, CommandSystem, Program } from "./types.ts";

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
const ABSOLUTE = /^(\/(?!\.{1,2}(\/|$))[^/\p{Cc}]+)+$/u;
const FILE = /^[A-Za-z0-9_][A-Za-z0-9._-]{0,99}$/;
const VARIABLE = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;
/** Variables that make a program load or run something else. */
const LOADING =
  /^(PATH|HOME|IFS|ENV|BASH_ENV|BASH_FUNC.*|SHELLOPTS|PS4|LD_.*|DYLD_.*|GCONV_PATH|NODE_OPTIONS|NODE_PATH|PYTHON.*|PERL5.*|PERLLIB|RUBY.*|JAVA_TOOL_OPTIONS|_JAVA_OPTIONS|JDK_JAVA_OPTIONS|GIT_.*|EDITOR|PAGER|CLASSPATH|BASHOPTS|PROMPT_COMMAND|ZDOTDIR|SHELL|VISUAL|LESSOPEN|LESSCLOSE|OPENSSL_(CONF|MODULES|ENGINES)|GLIBC_TUNABLES|LOCPATH|MAVEN_OPTS|GRADLE_OPTS|JVM_OPTS|DOTNET_STARTUP_HOOKS|CORECLR_.*|COR_.*|LUA_.*|PHPRC|PHP_INI_SCAN_DIR|R_(PROFILE|ENVIRON)(_USER)?|GEM_(HOME|PATH)|BUNDLE_.*|NPM_CONFIG_.*|npm_config_.*|ERL_.*|ELIXIR_ERL_OPTIONS|GUILE_.*|TCLLIBPATH|GIO_.*MODULE.*|CURL_HOME|WGETRC)$/;

export function readCommandSystem(d: Declaring, at: At): CommandSystem | undefined {
  const entries = d.read.map(at, ["system", "environment", "operations"]);
  const name = d.read.text(entries?.get("system"), 64, NAME);
  const environment = d.read.text(entries?.get("environment"), 64, NAME);
  const operations = d.read.list(entries?.get("operations"), MOST.operations, (each) => readOperation(d, each));
  return name === undefined || environment === undefined || !operations
    ? undefined
    : { connector: "command", name, environment, operations };
}

function readOperation(d: Declaring, at: At): CommandOperation | undefined {
  const entries = d.read.map(
    at,
    ["name", "summary", "effect", "run", "tests"],
    ["parameters", "probe", "verify", "check", "undo", "directory", "files", "env", "pass"],
  );
  if (entries === undefined) return undefined;
  const parameters = readParameters(d, entries.get("parameters"));
  const name = d.read.text(entries.get("name"), 64, OPERATION);
  const tests = readTests(d, entries.get("tests"), "command");
  if (parameters === undefined) return undefined;
  const names = onlyArguments(parameters);
  const summary = d.template(entries.get("summary"), names);
  const effect = readEffect(d, entries.get("effect"), names);
  const run = d.optional(entries.get("run"), (each) => readProgram(d, each, names));
  const probe = d.optional(entries.get("probe"), (each) => readProbe(d, each, names));
  const check = d.optional(entries.get("check"), (each) => readProgram(d, each, names));
  const fields = probe === undefined ? [] : probe.select === undefined ? ["output"] : Object.keys(probe.select);
  const verify = d.optional(entries.get("verify"), (each) => readExpectation(d, each, names, fields));
  const visible = probe?.select === undefined ? fields : visibleFields(probe.select);
  const undo = readUndo(d, entries.get("undo"), { parameters, fields: visible });
  const around = readAround(d, at, entries);
  if (name === undefined || summary === undefined || !effect || !run || !undo || !around || !tests) return undefined;
  return {
    name,
    summary,
    parameters,
    effect,
    run,
    ...(probe && { probe }),
    ...(verify && { verify }),
    ...(check && { check }),
    undo,
    ...around,
    tests,
  };
}

function readAround(
  d: Declaring,
  at: At,
  entries: ReadonlyMap<string, At>,
): Pick<CommandOperation, "directory" | "files" | "env" | "pass"> | undefined {
  const directory = d.optional(entries.get("directory"), (each) => d.read.text(each, 1_000, ABSOLUTE));
  const filesAt = entries.get("files");
  const files = filesAt === undefined ? [] : d.read.list(filesAt, MOST.members, (each) => readFile(d, each));
  const env = d.record(entries.get("env"), VARIABLE, (each, name) => plainVariable(d, each, name, d.read.text(each, MOST.text)));
  const pass = d.texts(entries.get("pass"), MOST.members, (each) => {
    const name = d.read.text(each, 64, VARIABLE);
    return name === undefined ? undefined : plainVariable(d, each, name, name);
  });
  if (directory !== undefined && filesAt !== undefined)
    return d.read.fault(at, `${at.path} has a directory and files`, "files stand in a folder of the command's own: leave one of them out");
  if (!files || !env || !pass) return undefined;
  return { ...(directory === undefined ? {} : { directory }), files, env, pass };
}

const plainVariable = (d: Declaring, at: At, name: string, value: string | undefined): string | undefined =>
  LOADING.test(name) ? d.read.fault(at, `${at.path}: ${name} can make a program run something else`) : value;

function readFile(d: Declaring, at: At): { readonly from: string; readonly as: string } | undefined {
  const entries = d.read.map(at, ["from", "as"]);
  const from = d.read.text(entries?.get("from"), 1_000, ABSOLUTE);
  const as = d.read.text(entries?.get("as"), 100, FILE);
  return from === undefined || as === undefined ? undefined : { from, as };
}

function readProgram(d: Declaring, at: At, names: Names, more: readonly string[] = []): Program | undefined {
  const entries = d.read.map(at, ["argv"], ["timeout_seconds", "success", "refused", ...more]);
  const argv = d.read.list(entries?.get("argv"), 200, (each) => d.template(each, names));
  const timeoutSeconds = entries?.has("timeout_seconds") === true ? d.read.count(entries.get("timeout_seconds"), 1, 3_600) : 60;
  const success = d.numbers(entries?.get("success"), 0, 255, [0]);
  const refused = d.numbers(entries?.get("refused"), 1, 255, []);
  if (!argv || timeoutSeconds === undefined || !success || !refused) return undefined;
  const [program] = argv;
  if (program === undefined || !ABSOLUTE.test(program) || namesIn(program).length > 0)
    return d.read.fault(at, `${at.path}.argv must begin with a program's absolute path, as it is`);
  return { argv, timeoutSeconds, success, refused };
}

function readProbe(d: Declaring, at: At, names: Names): CommandProbe | undefined {
  const program = readProgram(d, at, names, ["select", "absent"]);
  const entries =
    at.node.kind === "map"
      ? new Map(at.node.entries.map(({ key, value }) => [key, { node: value, path: `${at.path}.${key}` }]))
      : undefined;
  const select = entries?.has("select") === true ? d.select(entries.get("select")) : undefined;
  const absent = d.numbers(entries?.get("absent"), 1, 255, []);
  if (program === undefined || absent === undefined) return undefined;
  return { ...program, absent, ...(select === undefined ? {} : { select }) };
}
