/** Whom a verification believes: keys that came here by another way than the answers they are to check. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fromBase64, parseJson } from "../core/base/index.ts";
import { parseVkeys, type Vkey } from "../core/ledger/index.ts";
import type { Context } from "./context.ts";
import { CliError, EXIT, usage } from "./errors.ts";

export interface Trust {
  readonly origin: string;
  readonly logKeys: readonly Vkey[];
  readonly logLines: readonly string[];
  /** Raw Ed25519 keys by key id; none when only a log's key was given. */
  readonly grantKeys: ReadonlyMap<string, Uint8Array>;
  readonly from: string;
}

export interface TrustOptions {
  readonly trust?: string;
  readonly vkey?: readonly string[];
}

/** `--vkey`, else `--trust`, else the file that this data folder's own first start wrote. */
export function readTrust(context: Context, { trust, vkey }: TrustOptions): Trust {
  const path = trust ?? join(context.settings.dataDir, "trust.json");
  const file = vkey !== undefined && trust === undefined && !existsSync(path) ? undefined : readFile(path);
  if (vkey === undefined && file !== undefined) return file;
  const lines = vkey ?? [];
  const keys = keysOf(lines, "--vkey");
  const origin = keys[0]?.name ?? "";
  // Grant keys of another deployment would say nothing here.
  return { origin, logKeys: keys, logLines: lines, grantKeys: file?.origin === origin ? file.grantKeys : new Map(), from: "--vkey" };
}

interface TrustFile {
  readonly origin: string;
  readonly log_keys: readonly string[];
  readonly grant_keys: Readonly<Record<string, string>>;
}

function readFile(path: string): Trust {
  if (!existsSync(path)) {
    throw usage("no trusted keys are at hand", {
      where: path,
      remedy:
        "get trust.json from whoever runs this Pawl, by another way than Pawl itself, and name it with --trust; or give the log's key with --vkey",
    });
  }
  const read = parseJson(readFileSync(path), { bytes: 256 * 1024 });
  if (!read.ok || !isTrustFile(read.value)) {
    throw new CliError(EXIT.usage, "trust_malformed", "the file of trusted keys cannot be read", {
      where: path,
      remedy: "it holds origin, log_keys (a list of vkey lines) and grant_keys (base64 by key id)",
    });
  }
  const { origin, log_keys: lines, grant_keys: grants } = read.value;
  const grantKeys = new Map(Object.entries(grants).map(([id, key]) => [id, fromBase64(key) ?? new Uint8Array()]));
  const short = [...grantKeys].find(([, key]) => key.length !== 32);
  if (short !== undefined) throw usage(`the grant key ${short[0]} is not 32 bytes in base64`, { where: path, remedy: "get the file anew" });
  return { origin, logKeys: keysOf(lines, path), logLines: lines, grantKeys, from: path };
}

function isTrustFile(value: unknown): value is TrustFile {
  if (typeof value !== "object" || value === null) return false;
  const { origin, log_keys: logs, grant_keys: grants } = value as Partial<TrustFile>;
  const texts = (list: unknown): boolean => Array.isArray(list) && list.every((item) => typeof item === "string");
  return typeof origin === "string" && texts(logs) && typeof grants === "object" && grants !== null && texts(Object.values(grants));
}

function keysOf(lines: readonly string[], where: string): readonly Vkey[] {
  const keys = parseVkeys(lines);
  if (keys.ok && keys.value.length > 0) return keys.value;
  throw usage(keys.ok ? "no key of the log is given" : keys.error.message, {
    where,
    remedy: "copy the verifier key line, name+id+key, as the operator publishes it",
  });
}
