/** What connectors share: each is a folder of its own, and none imports another. */
import type { RunLimits } from "../control/ports.ts";
import type { Refusal } from "../core/base/index.ts";

/** Ends when the time is over, and when nobody waits any more. */
export const deadline = ({ signal, timeoutMillis }: RunLimits): AbortSignal =>
  signal === undefined ? AbortSignal.timeout(timeoutMillis) : AbortSignal.any([signal, AbortSignal.timeout(timeoutMillis)]);

/** Gathers every fault of one input, so that a proposer mends them at once. */
export class Faults<Code extends string> {
  readonly list: Refusal<Code>[] = [];
  add(code: Code, message: string, where: string, remedy: string): undefined {
    this.list.push({ code, message, where, remedy });
    return undefined;
  }
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What git, ssh, credential helpers and proxies of the operator need to reach another machine; given to git for that alone. */
export const REMOTE_ENV: readonly string[] = [
  "HOME",
  "SSH_AUTH_SOCK",
  "GIT_SSH_COMMAND",
  "GIT_ASKPASS",
  "SSH_ASKPASS",
  "HTTPS_PROXY",
  "https_proxy",
  "NO_PROXY",
  "no_proxy",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
];

export const remoteEnv = (env: Environment): Readonly<Record<string, string>> =>
  Object.fromEntries(REMOTE_ENV.flatMap((name) => (env[name] === undefined ? [] : [[name, env[name]]])));

/** Where programs are looked for, if nobody says. */
export const pathOf = (env: Environment): string => env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin";
