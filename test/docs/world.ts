/** What a document's snippets run in: an empty folder, `pawl` on the path, git without the machine's settings, a server. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../..");

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Keeps folder and variables from one block to the next, as a terminal would. */
const remember = `trap 'code=$?; pwd > "$PAWL_DOC/cwd"; export -p > "$PAWL_DOC/env"; exit $code' EXIT
[ ! -e "$PAWL_DOC/env" ] || . "$PAWL_DOC/env"
[ ! -e "$PAWL_DOC/cwd" ] || cd "$(cat "$PAWL_DOC/cwd")"
`;

export class World {
  readonly #base = mkdtempSync(join(tmpdir(), "pawl-docs-"));
  readonly folder = join(this.#base, "work");
  readonly #env: NodeJS.ProcessEnv;

  constructor() {
    for (const name of ["work", "bin", "home", "doc"]) mkdirSync(join(this.#base, name));
    symlinkSync(join(root, "bin", "pawl.js"), join(this.#base, "bin", "pawl"));
    const gitConfig = join(this.#base, "home", ".gitconfig");
    writeFileSync(gitConfig, "[user]\n\tname = Ada\n\temail = ada@example.com\n[init]\n\tdefaultBranch = main\n");
    this.#env = {
      PATH: [join(this.#base, "bin"), dirname(process.execPath), process.env["PATH"]].join(":"),
      HOME: join(this.#base, "home"),
      PAWL_DOC: join(this.#base, "doc"),
      GIT_CONFIG_GLOBAL: gitConfig,
      GIT_CONFIG_NOSYSTEM: "1",
      LANG: "C.UTF-8",
      NO_COLOR: "1",
    };
  }

  write(path: string, text: string): void {
    const at = join(this.#cwd(), path);
    mkdirSync(dirname(at), { recursive: true });
    writeFileSync(at, text);
  }

  async shell(script: string): Promise<Ran> {
    const child = spawn("bash", ["-c", `${remember}set -euo pipefail\n${script}`], {
      cwd: this.folder,
      env: this.#env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    const ran = { out: "", err: "" };
    child.stdout.setEncoding("utf8").on("data", (text: string) => (ran.out += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (ran.err += text));
    const { promise, resolve: done, reject } = Promise.withResolvers<number | null>();
    child.on("close", done).on("error", reject);
    return { code: await promise, ...ran };
  }

  close(): void {
    rmSync(this.#base, { recursive: true, force: true });
  }

  #cwd(): string {
    const file = join(this.#base, "doc", "cwd");
    return existsSync(file) ? readFileSync(file, "utf8").trim() : this.folder;
  }
}
