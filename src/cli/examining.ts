/** What `pawl doctor` looks at, from the ground up: each finding says what to do about it. */
import { execFile } from "node:child_process";
import { existsSync, statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { GlassListView, WhoView } from "../control/types.ts";
import type { Context } from "./context.ts";
import { CliError } from "./errors.ts";
import type { HeadView } from "./log.ts";
import type { RepositorySettings } from "./settings.ts";
import { plural } from "./words.ts";

export interface Finding {
  readonly name: string;
  readonly state: "ok" | "warn" | "fail";
  readonly text: string;
  readonly remedy?: string;
}

const ok = (name: string, text: string): Finding => ({ name, state: "ok", text });
const warn = (name: string, text: string, remedy: string): Finding => ({ name, state: "warn", text, remedy });
const bad = (name: string, text: string, remedy: string): Finding => ({ name, state: "fail", text, remedy });

export async function* examine(context: Context): AsyncGenerator<Finding, void> {
  yield node();
  yield await git();
  const settings = settingsOf(context);
  yield* settings;
  if (settings.some(({ state }) => state === "fail")) return;
  yield* await folder(context);
  const local = await database(context);
  yield local.finding;
  for (const repository of context.settings.repositories) yield await reachable(repository);
  yield* await server(context, local.size);
}

function node(): Finding {
  const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
  const enough = major >= 26 || (major === 24 && minor >= 15);
  return enough
    ? ok("node", `Node ${process.versions.node}`)
    : bad("node", `Node ${process.versions.node} is too old`, "install Node 24.15 or later of 24, or 26 or later");
}

const run = promisify(execFile);

async function git(): Promise<Finding> {
  try {
    const { stdout } = await run("git", ["--version"], { timeout: 10_000 });
    const [, major = "0", minor = "0"] = /(\d+)\.(\d+)/.exec(stdout) ?? [];
    const enough = Number(major) > 2 || (Number(major) === 2 && Number(minor) >= 38);
    return enough ? ok("git", stdout.trim()) : bad("git", `${stdout.trim()} is too old`, "install git 2.38 or later");
  } catch {
    return bad("git", "git cannot be started", "install git and put it on PATH");
  }
}

/** Every fault is a finding of its own. */
function settingsOf(context: Context): readonly Finding[] {
  try {
    return [ok("settings", context.loaded.file ?? "no pawl.yaml: all settings have their defaults")];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    const remedy = error.remedy ?? "mend the file";
    return (error.faults ?? [error]).map((fault) => {
      const place = "line" in fault && fault.line !== undefined ? `${fault.file}:${fault.line}:${fault.column}  ` : "";
      return bad("settings", `${place}${fault.message}`, fault.remedy ?? remedy);
    });
  }
}

/** What lies in the data folder is a key to everything: its owner alone may read it. */
async function folder({ settings: { dataDir } }: Context): Promise<readonly Finding[]> {
  if (!existsSync(dataDir)) return [warn("data folder", `${dataDir} is not there yet`, "`pawl up` makes it")];
  if (process.platform === "win32") return [ok("data folder", dataDir)];
  const loose = await readableByOthers(dataDir);
  const keys = await names(join(dataDir, "keys"));
  return [
    loose.length === 0
      ? ok("data folder", dataDir)
      : bad("data folder", `others may read ${loose.join(", ")}`, `chmod -R go-rwx ${dataDir}`),
    keys.includes("log.pem") && keys.includes("grant.pem")
      ? ok("keys", "the ledger's and the grants' keys are there")
      : warn(
          "keys",
          "there are no signing keys yet",
          "`pawl up` makes them; if there were some, restore them from a backup before starting",
        ),
  ];
}

async function readableByOthers(dataDir: string): Promise<readonly string[]> {
  const secret = ["keys", "tokens"].map((name) => join(dataDir, name));
  const files = (await Promise.all(secret.map(async (path) => (await names(path)).map((name) => join(path, name))))).flat();
  const open = await Promise.all(
    [...secret, ...files].map(async (path) => ({ path, mode: existsSync(path) ? (await stat(path)).mode : 0 })),
  );
  // A folder closed to others keeps what is in it.
  const closed = (statSync(dataDir).mode & 0o077) === 0;
  return closed ? [] : open.filter(({ mode }) => (mode & 0o077) !== 0).map(({ path }) => path);
}

const names = (path: string): Promise<readonly string[]> => readdir(path).catch(() => []);

async function database({ settings }: Context): Promise<{ readonly finding: Finding; readonly size?: number }> {
  const { kind } = settings.database;
  // Opening makes what is missing; looking must not.
  if (!existsSync(join(settings.dataDir, "keys", "log.pem")))
    return { finding: warn("database", "nothing has been stored yet", "`pawl up` makes it") };
  const { openStoreFor } = await import("../on-disk.ts");
  const opened = await openStoreFor(settings);
  if (!opened.ok) return { finding: bad("database", opened.error.message, opened.error.remedy ?? "`pawl ledger fsck` says more") };
  const { value } = opened;
  try {
    const { size } = await value.store.head();
    return { finding: ok("database", `${kind}, with a ledger of ${plural(size, "entry", "entries")}`), size };
  } finally {
    await value.close();
  }
}

async function reachable({ name, url }: RepositorySettings): Promise<Finding> {
  const what = `repository ${name}`;
  try {
    const safe = ["-c", "protocol.ext.allow=never", "-c", "core.fsmonitor=false", "ls-remote", "--heads", "--", url];
    const { stdout } = await run("git", safe, {
      timeout: 20_000,
      maxBuffer: 16 * 1024 * 1024,
      env: { ...process.env, GIT_TERMINAL_PROMPT: "0", GIT_ASKPASS: "true", GIT_SSH_COMMAND: "ssh -oBatchMode=yes" },
    });
    const heads = stdout.split("\n").filter((line) => line !== "").length;
    return heads > 0
      ? ok(what, `${url}, ${plural(heads, "branch", "branches")}`)
      : warn(what, `${url} has no branch`, "push a first commit to it");
  } catch (error) {
    const { stderr = "" } = error as { readonly stderr?: string };
    return bad(
      what,
      `${url} cannot be read: ${
        stderr
          .trim()
          .split("\n")[0]
          ?.replace(/^fatal: /, "") ?? "git failed"
      }`,
      "check the address, and that this user may read it without being asked",
    );
  }
}

interface Health {
  readonly ok: boolean;
  readonly version: string;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly text?: string }[];
}

async function server(context: Context, localSize: number | undefined): Promise<readonly Finding[]> {
  const { url } = context.address();
  try {
    const client = context.clientWith(undefined);
    const asked = context.io.now();
    const date = await client.date("/v1/health");
    const took = context.io.now() - asked;
    const health = await client.get<Health>("/v1/health");
    const head = await client.get<HeadView>("/v1/ledger/head");
    const ill = health.checks.filter((check) => !check.ok);
    return [
      health.ok
        ? ok("server", `Pawl ${health.version} answers at ${url}`)
        : bad(
            "server",
            `Pawl at ${url} is not well: ${ill.map(({ name, text }) => `${name} ${text ?? ""}`.trim()).join("; ")}`,
            "look into its log",
          ),
      ...(localSize === undefined || localSize <= head.size
        ? []
        : [
            bad(
              "ledger",
              `the server's ledger has ${head.size} entries, the database here ${localSize}`,
              "the server at that address works on another database, or on an older copy of this one",
            ),
          ]),
      clock(context.io.now(), date, took, context.settings.limits.clockSkewSeconds),
      await caller(context),
      ...(await brokenGlass(context)),
    ];
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return [warn("server", error.message, error.remedy ?? "start it with `pawl up`")];
  }
}

function clock(now: number, date: number | undefined, took: number, skewSeconds: number): Finding {
  if (date === undefined)
    return warn("clock", "the server did not tell the time", "check that nothing stands between that removes the Date header");
  // The header has whole seconds, and the answer took its time.
  const apart = Math.max(0, Math.abs(now - date) - 1000 - took);
  const text = apart < 1000 ? "agrees with the server's" : `is ${Math.round(apart / 1000)} s from the server's`;
  return apart <= skewSeconds * 1000 ? ok("clock", text) : bad("clock", text, "set both clocks by the same time source");
}

/** Told to people alone, and no finding where there is none. */
async function brokenGlass(context: Context): Promise<readonly Finding[]> {
  if (context.token() === undefined) return [];
  try {
    const { glass } = await context.client.get<GlassListView>("/v1/glass");
    const overdue = glass.filter((each) => each.overdue).length;
    const text = `broken and not yet reviewed: ${glass.length}${overdue === 0 ? "" : `, OVERDUE: ${overdue}`}`;
    return glass.length === 0 ? [] : [warn("glass", text, "have it reviewed by somebody else: pawl list --glass")];
  } catch (error) {
    if (error instanceof CliError) return [];
    throw error;
  }
}

async function caller(context: Context): Promise<Finding> {
  try {
    if (context.token() === undefined)
      return warn("you", "no token was given, so nothing more can be asked", "pass --as NAME, or set PAWL_AS or PAWL_TOKEN");
    const who = await context.client.get<WhoView>("/v1/whoami");
    return ok("you", `${who.principal}${who.roles.length === 0 ? "" : `, ${who.roles.join(", ")}`}`);
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    return bad("you", error.message, error.remedy ?? "make a new token with `pawl token create`");
  }
}
