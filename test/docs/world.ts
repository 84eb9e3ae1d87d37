/**
 * What a document's snippets run in: a folder, `pawl` on the path, git without the machine's settings, a repository `../shop.git`, and
 * somebody called Ada. Where the document starts Pawl, the folder is a checkout, and what listens on 7295 there listens on a free
 * port here.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { createSampleRepository } from "../../src/sample-repository.ts";
import { freePort } from "../../src/testing/free-port.ts";

const root = resolve(import.meta.dirname, "../..");
const DOCUMENTED = "127.0.0.1:7295";

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Whether a terminal can be had, for what asks before it acts. */
export const canType = spawnSync("script", ["--version"], { encoding: "utf8" }).stdout?.includes("util-linux") ?? false;

/** Keeps folder and variables from one block to the next, as a terminal would. */
const remember = `trap 'code=$?; pwd > "$PAWL_DOC/cwd"; export -p > "$PAWL_DOC/env"; exit $code' EXIT
[ ! -e "$PAWL_DOC/env" ] || . "$PAWL_DOC/env"
[ ! -e "$PAWL_DOC/cwd" ] || cd "$(cat "$PAWL_DOC/cwd")"
set -a
`;

/** Who starts Pawl first is its first person, by the name of the machine's user; here that is Ada everywhere. */
const ADA = `const os = require("node:os");
const { userInfo } = os;
os.userInfo = (...options) => ({ ...userInfo(...options), username: "ada" });
require("node:module").syncBuiltinESMExports();
`;

export async function openWorld(checkout: boolean): Promise<World> {
  const base = realpathSync(mkdtempSync(join(tmpdir(), "pawl-docs-")));
  for (const name of ["work", "bin", "home", "doc"]) mkdirSync(join(base, name));
  symlinkSync(join(root, "bin", "pawl.js"), join(base, "bin", "pawl"));
  writeFileSync(join(base, "home", "ada.cjs"), ADA);
  writeFileSync(join(base, "home", ".gitconfig"), "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n");
  await createSampleRepository(join(base, "shop.git"));
  const port = await freePort();
  if (checkout) {
    for (const name of ["package.json", "bin", "src", "examples"]) cpSync(join(root, name), join(base, "work", name), { recursive: true });
    symlinkSync(join(root, "node_modules"), join(base, "work", "node_modules"));
    writeFileSync(join(base, "work", "pawl.yaml"), `listen: { port: ${port} }\n`);
  }
  return new World(base, port);
}

export class World {
  readonly #base: string;
  readonly #here: string;
  readonly #env: NodeJS.ProcessEnv;
  #server: ChildProcess | undefined;

  constructor(base: string, port: number) {
    this.#base = base;
    this.#here = `127.0.0.1:${port}`;
    this.#env = {
      PATH: [join(base, "bin"), dirname(process.execPath), process.env["PATH"]].join(":"),
      HOME: join(base, "home"),
      TMPDIR: base,
      PAWL_DOC: join(base, "doc"),
      NODE_OPTIONS: `--require ${join(base, "home", "ada.cjs")}`,
      GIT_CONFIG_GLOBAL: join(base, "home", ".gitconfig"),
      GIT_CONFIG_NOSYSTEM: "1",
      LANG: "C.UTF-8",
      NO_COLOR: "1",
      NPM_CONFIG_UPDATE_NOTIFIER: "false",
    };
  }

  write(path: string, text: string): void {
    const at = join(this.#cwd(), path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text);
  }

  /** Runs a block; `says` sits down at a terminal and types that. */
  async shell(script: string, says?: string): Promise<Ran> {
    const file = join(this.#base, "doc", "block.sh");
    writeFileSync(file, `${remember}set -euo pipefail\n${script.replaceAll(DOCUMENTED, this.#here)}`);
    const child =
      says === undefined
        ? this.#spawn("bash", [file], "ignore")
        : this.#spawn("script", ["--quiet", "--return", "--command", `bash "${file}"`, "/dev/null"], "pipe");
    // The pipe stays open: its end would be typed as the end of the terminal.
    child.stdin?.write(`${says}\n`);
    const ran = this.#listen(child);
    const [code] = (await once(child, "close")) as [number | null];
    return { code, out: this.#asDocumented(ran.out), err: this.#asDocumented(ran.err) };
  }

  /** Starts Pawl as the document says and comes back when it runs. The packages are there already. */
  async up(script: string): Promise<Ran> {
    const child = (this.#server = this.#spawn("bash", ["-c", script.replace("npm ci && ", "exec ")], "ignore", true));
    const ran = this.#listen(child);
    const ended = once(child, "close").then(([code]: (number | null)[]) => code ?? 1);
    const ready = Promise.withResolvers<number>();
    child.stdout?.on("data", () => /^Stop with Ctrl-C/m.test(ran.out) && ready.resolve(0));
    const code = await Promise.race([ready.promise, ended]);
    return { code, out: this.#asDocumented(ran.out), err: ran.err };
  }

  async close(): Promise<void> {
    const { pid, exitCode } = this.#server ?? {};
    if (pid !== undefined && exitCode === null) {
      const ended = once(this.#server as ChildProcess, "close");
      // npm and what it started are one group, as they are in a terminal.
      process.kill(-pid, "SIGINT");
      await ended;
    }
    rmSync(this.#base, { recursive: true, force: true });
  }

  #spawn(command: string, args: readonly string[], stdin: "ignore" | "pipe", detached = false): ChildProcess {
    return spawn(command, args, { cwd: join(this.#base, "work"), env: this.#env, stdio: [stdin, "pipe", "pipe"], detached });
  }

  #listen(child: ChildProcess): { out: string; err: string } {
    const ran = { out: "", err: "" };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => (ran.out += text));
    child.stderr?.setEncoding("utf8").on("data", (text: string) => (ran.err += text));
    return ran;
  }

  /** As it would read on 7295, and without what a terminal adds to the ends of lines. */
  #asDocumented(text: string): string {
    return text.replaceAll(this.#here, DOCUMENTED).replaceAll("\r\n", "\n");
  }

  #cwd(): string {
    const file = join(this.#base, "doc", "cwd");
    return existsSync(file) ? readFileSync(file, "utf8").trim() : join(this.#base, "work");
  }
}
