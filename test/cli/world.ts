/** The command line in this process, with streams that remember; and a real Pawl with real repositories for it to talk to. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Readable, Writable } from "node:stream";
import type { TestContext } from "node:test";
import { run } from "../../src/cli/program.ts";
import { loadSettings, type Settings } from "../../src/cli/settings.ts";
import type { RunningPawl } from "../../src/main.ts";
import { createSampleRepository } from "../../src/sample-repository.ts";

export interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

export interface Setting {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly stdin?: string | Buffer;
  /** Somebody sits there and says this. */
  readonly says?: string;
  readonly width?: number;
  readonly color?: boolean;
  readonly signal?: AbortSignal;
}

class Remembering extends Writable {
  text = "";
  isTTY = false;
  columns = 100;

  override _write(chunk: Buffer | string, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

export async function pawl(setting: Setting, ...argv: string[]): Promise<Ran> {
  const [stdout, stderr] = [new Remembering(), new Remembering()];
  stdout.columns = setting.width ?? 100;
  stdout.isTTY = setting.color === true;
  stderr.isTTY = setting.says !== undefined;
  const given = setting.says === undefined ? (setting.stdin ?? "") : `${setting.says}\n`;
  const stdin = Object.assign(Readable.from([given]), { isTTY: setting.says !== undefined });
  const { cwd, env = {}, signal = new AbortController().signal } = setting;
  const code = await run(argv, { stdin, stdout, stderr, env, cwd, now: Date.now, signal });
  return { code, out: stdout.text, err: stderr.text };
}

const closers = new WeakMap<TestContext, (() => Promise<unknown>)[]>();

/** Whatever works in the folder ends before the folder goes. */
export async function folder(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "pawl-cli-"));
  closers.set(t, closers.get(t) ?? []);
  t.after(async () => {
    for (const close of (closers.get(t) ?? []).splice(0).toReversed()) await close();
    await rm(path, { recursive: true, force: true });
  });
  return path;
}

/** Ada owns the agent, Grace owns sign-in, Barbara is security, Linus maintains the rest. */
export const DIRECTORY = {
  persons: ["ada", "grace", "barbara", "linus"].map((id) => ({
    id,
    name: `${id.slice(0, 1).toUpperCase()}${id.slice(1)}`,
    active: true,
    identities: [],
    roles: id === "ada" ? ["admin"] : [],
  })),
  machines: [{ id: "agent:deployer", owner: "human:ada", actsFor: [], active: true }],
  groups: [
    { name: "admins", members: ["ada", "barbara"], handles: [] },
    { name: "identity", members: ["ada", "grace"], handles: ["@shop/identity"] },
    { name: "security", members: ["barbara"], handles: [] },
    { name: "maintainers", members: ["linus"], handles: ["@shop/maintainers"] },
  ],
};

export interface PawlWorld {
  readonly dir: string;
  readonly url: string;
  readonly repository: string;
  readonly settings: Settings;
  readonly running: RunningPawl;
  /** Runs the command line as somebody: `as("ada", "list")`. */
  as(name: string, ...argv: string[]): Promise<Ran>;
  with(more: Partial<Setting>, ...argv: string[]): Promise<Ran>;
  /** The id of a new change of the agent's, followed until it waits or ends. */
  proposed(patch: string, ...more: string[]): Promise<string>;
}

/** What proposes a patch on standard input for the shop. */
export const FROM_STDIN = ["--repo", "shop", "--branch", "main", "--patch", "-"];

export async function world(t: TestContext): Promise<PawlWorld> {
  const dir = await folder(t);
  const repository = join(dir, "shop.git");
  await createSampleRepository(repository);
  await writeFile(join(dir, "directory.json"), JSON.stringify(DIRECTORY));
  const config = {
    data_dir: "data",
    origin: "shop.example/log",
    listen: { port: 0 },
    repositories: [{ name: "shop", url: "./shop.git", environment: "production", verify: { argv: ["node", "check.js"] } }],
    seeds: { directory: "directory.json" },
  };
  await writeFile(join(dir, "pawl.yaml"), JSON.stringify(config));
  const loaded = loadSettings({ cwd: dir, env: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.error));
  const { settings } = loaded.value;
  const { startPawl } = await import("../../src/main.ts");
  const started = await startPawl(settings, { log: (line) => t.diagnostic(line) });
  if (!started.ok) throw new Error(started.error.message);
  const running = started.value;
  closers.get(t)?.push(() => running.close());
  const base: Setting = { cwd: dir, env: { PAWL_URL: running.url } };
  for (const [name, principal] of [["agent", "agent:deployer"], ...["grace", "barbara", "linus"].map((id) => [id, `human:${id}`])]) {
    const made = await pawl(base, "token", "create", "--as", "ada", "--for", principal ?? "", "--save", name ?? "");
    if (made.code !== 0) throw new Error(made.err);
  }
  const as = (name: string, ...argv: string[]): Promise<Ran> => pawl(base, ...argv, "--as", name);
  return {
    dir,
    url: running.url,
    repository,
    settings,
    running,
    as,
    with: (more, ...argv) => pawl({ ...base, ...more, env: { ...base.env, ...more.env } }, ...argv),
    async proposed(patch, ...more) {
      const flags = ["--title", "A change", ...FROM_STDIN, "--wait", "--quiet", ...more];
      const ran = await pawl({ ...base, stdin: patch }, "propose", "--as", "agent", ...flags);
      if (ran.code !== 0) throw new Error(ran.err);
      return ran.out.trim();
    },
  };
}

/** A change that its maintainer must sign. */
export const CART = `diff --git a/src/cart.js b/src/cart.js
--- a/src/cart.js
+++ b/src/cart.js
@@ -1,3 +1,4 @@
 export function total(items) {
-  return items.reduce((sum, item) => sum + item.price * item.count, 0);
+  const sum = items.reduce((before, item) => before + item.price * item.count, 0);
+  return Math.round(sum * 100) / 100;
 }
`;

/** An empty line of a patch, which an editor would take for a slip. */
const BLANK = " ";

/** A change to sign-in: its owner and security must sign. */
export const SIGN_IN = `diff --git a/src/auth/session.js b/src/auth/session.js
--- a/src/auth/session.js
+++ b/src/auth/session.js
@@ -1,4 +1,4 @@
 import { timingSafeEqual } from "node:crypto";
${BLANK}
-export const MAX_AGE_SECONDS = 3600;
+export const MAX_AGE_SECONDS = 1800;
${BLANK}
`;

/** Documentation: nobody has to look. */
export const GUIDE = `diff --git a/docs/guide.md b/docs/guide.md
--- a/docs/guide.md
+++ b/docs/guide.md
@@ -3,3 +3,4 @@
 1. Put something in the cart.
 2. Sign in.
 3. Pay.
+4. Changed your mind? You have 30 days.
`;

/** The shop's own check fails on what this makes, so it is undone. */
export const BROKEN = `diff --git a/src/cart.js b/src/cart.js
--- a/src/cart.js
+++ b/src/cart.js
@@ -1,3 +1,3 @@
 export function total(items) {
-  return items.reduce((sum, item) => sum + item.price * item.count, 0);
+  return items.length;
 }
`;
