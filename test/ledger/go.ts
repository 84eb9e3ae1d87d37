/** The program of test/ledger/go: a verifier made of Go's own packages and nothing of Pawl, or the reason why it cannot be had. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { mkdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";

/** Beside other caches of this checkout, so that Go compiles its library once and not for every test file. */
const folder = resolve(import.meta.dirname, "../../node_modules/.cache/pawl-go");
/** Debian's golang-golang-x-mod-dev puts its sources there. */
const goEnv = { ...process.env, GOPATH: "/usr/share/gocode", GO111MODULE: "off", GOFLAGS: "", GOCACHE: join(folder, "cache") };

function reasonToSkip(): string | false {
  const go = spawnSync("go", ["list", "golang.org/x/mod/sumdb/note", "golang.org/x/mod/sumdb/tlog"], { env: goEnv });
  if (go.error !== undefined) return "go is not installed (Debian: golang-go)";
  return go.status === 0 ? false : "golang.org/x/mod is not installed (Debian: golang-golang-x-mod-dev)";
}
export const goMissing = reasonToSkip();

let built: string | undefined;
function program(): string {
  if (built === undefined) {
    mkdirSync(folder, { recursive: true });
    // Two test files may build at the same time, each its own.
    const file = (built = join(folder, `verify-${process.pid}`));
    process.on("exit", () => rmSync(file, { force: true }));
    execFileSync("go", ["build", "-o", file, join(import.meta.dirname, "go", "verify.go")], { env: goEnv });
  }
  return built;
}

export async function goVerify(...args: string[]): Promise<{ readonly status: number | null; readonly output: string }> {
  const child = spawn(program(), args, { stdio: ["ignore", "pipe", "pipe"], timeout: 60_000 });
  const ended = Promise.withResolvers<number | null>();
  child.on("close", ended.resolve).on("error", ended.reject);
  const [out, err] = await Promise.all([child.stdout, child.stderr].map((pipe) => pipe.setEncoding("utf8").toArray()));
  return { status: await ended.promise, output: [...(out ?? []), ...(err ?? [])].join("") };
}
