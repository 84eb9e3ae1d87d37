/** Started by bin/pawl.js: the process's own streams and signals, and the exit code. */
import { EXIT } from "./errors.ts";
import { run } from "./program.ts";
import { guarded } from "./terminal.ts";

const interrupt = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The second time somebody means it.
    if (interrupt.signal.aborted) process.exit(EXIT.interrupted);
    interrupt.abort();
  });
}
// `pawl list | head`: whoever reads has read enough.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    throw error;
  });
}

try {
  const { stdin, stdout, stderr, env } = process;
  process.exitCode = await run(process.argv.slice(2), {
    stdin,
    stdout,
    stderr,
    env,
    cwd: process.cwd(),
    now: Date.now,
    signal: interrupt.signal,
  });
} catch (error) {
  // Whatever is expected was told by `run`.
  const stack = (error instanceof Error ? (error.stack ?? error.message) : String(error)).split("\n");
  const told = ["pawl: this is a fault in Pawl itself", ...stack, "  remedy: please report it with what you did"];
  process.stderr.write(`${told.map((line) => guarded(line, { color: false })).join("\n")}\n`);
  process.exitCode = EXIT.refused;
}
