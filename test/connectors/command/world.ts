import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { commandConnector, type CommandOptions } from "../../../src/connectors/command/index.ts";
import { findSecretsInWords } from "../../../src/connectors/git/index.ts";
import { byDeclarations } from "../../../src/control/index.ts";
import type { Connector } from "../../../src/control/ports.ts";
import { digestOf } from "../../../src/core/base/index.ts";

export const LIMITS = { timeoutMillis: 20_000 };
export const CANARY = "canary-71be0d39a2c4f568";

/** A program that keeps a version in a file, and writes down how it was called. */
const RELEASE = `#!/bin/sh
set -eu
state="$SHOP_STATE"
printf '%s\\0' "$@" > "$state/argv"
env > "$state/env"
case "$1" in
  --current) cat "$state/version" ;;
  --healthy) test ! -e "$state/broken" ;;
  --to)
    test ! -e "$state/hangs" || { sh -c 'trap "" TERM; exec sleep 600' >/dev/null 2>&1 & echo $! > "$state/sleeper"; mv "$state/sleeper" "$state/pid"; wait; }
    echo x >> "$state/writes"
    echo "using $RELEASE_TOKEN" >&2
    test ! -e "$state/refuses" || exit 7
    test ! -e "$state/fails" || exit 9
    printf '%s\\n' "$2" > "$state/version"
    ;;
esac
`;

export interface CommandWorld {
  readonly dir: string;
  readonly state: string;
  readonly program: string;
  readonly text: string;
  readonly options: CommandOptions;
  version(to?: string): string;
  /** Makes the program do otherwise, as its name says. */
  flag(name: "broken" | "hangs" | "refuses" | "fails"): void;
  writes(): number;
  /** What a hanging program waits for. */
  sleeper(): number;
  argv(): readonly string[];
  readonly connector: (more?: Partial<CommandOptions>, text?: string) => Connector;
}

const declarations = (program: string, state: string): string => `
pawl: connectors/v1
command:
  - system: shop
    environment: production
    operations:
      - name: release
        summary: Releases {version}
        parameters: { version: { type: string, pattern: "v[0-9.]+" } }
        effect:
          kind: execute
          resource: web
          resource_kind: release
          reversibility: reversible
          exposure: public
          owners: ["@shop/maintainers"]
        run: { argv: [${program}, --to, "{version}"], refused: [7], timeout_seconds: 20 }
        probe: { argv: [${program}, --current] }
        verify: { fields: { output: "{version}" } }
        check: { argv: [${program}, --healthy] }
        env: { SHOP_STATE: ${state} }
        pass: [RELEASE_TOKEN]
        undo: { operation: release, arguments: { version: "{before.output}" } }
        tests:
          - name: one
            arguments: { version: v2 }
            expect: { resource: "command:shop#web" }
`;

export function world(t: Pick<TestContext, "after">, change: (text: string) => string = (text) => text): CommandWorld {
  const dir = mkdtempSync(join(tmpdir(), "pawl-command-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const [state, program] = [join(dir, "state"), join(dir, "release")];
  mkdirSync(state);
  writeFileSync(program, RELEASE);
  chmodSync(program, 0o755);
  const version = (to?: string): string => {
    if (to !== undefined) writeFileSync(join(state, "version"), `${to}\n`);
    return readFileSync(join(state, "version"), "utf8").trim();
  };
  version("v1");
  const text = change(declarations(program, state));
  const options: CommandOptions = {
    programs: [program],
    probes: [`${program} --current`],
    pass: ["RELEASE_TOKEN"],
    workDir: join(dir, "work"),
    secretKey: new Uint8Array(32).fill(7),
    findSecrets: findSecretsInWords,
    env: { RELEASE_TOKEN: CANARY, PATH: "/nowhere", LD_PRELOAD: "/nowhere/evil.so", SECRET_OF_PAWL: "no" },
  };
  return {
    dir,
    state,
    program,
    text,
    options,
    version,
    sleeper: () => Number(readFileSync(join(state, "pid"), "utf8")),
    flag: (name) => writeFileSync(join(state, name), ""),
    writes: () => {
      try {
        return readFileSync(join(state, "writes"), "utf8").split("\n").length - 1;
      } catch {
        return 0;
      }
    },
    argv: () => readFileSync(join(state, "argv"), "utf8").split("\0").slice(0, -1),
    connector: (more = {}, other = text) =>
      byDeclarations(commandConnector({ ...options, ...more }), async () => ({ text: other, digest: digestOf(other) })),
  };
}

export const RELEASE_V2 = { system: "shop", operation: "release", arguments: { version: "v2" } };
