/** Whom a verification believes: keys that came here by another way than the answers they are to check. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fromBase64, parseJson } from "../core/base/index.ts";
import type { EvidenceTrust } from "../core/evidence/index.ts";
import { parseVkeys, parseWitnessKey, type LogKey, type Vkey } from "../core/ledger/index.ts";
import type { Context } from "./context.ts";
import { CliError, EXIT, usage } from "./errors.ts";

export interface Trust extends EvidenceTrust {
  readonly from: string;
}

type Others = Pick<Trust, "grantKeys" | "runnerKeys" | "witnesses" | "quorum">;
const NO_OTHERS: Others = { grantKeys: new Map(), runnerKeys: new Map(), witnesses: [], quorum: 0 };

export interface TrustOptions {
  readonly trust?: string;
  readonly vkey?: readonly string[];
}

/** `--vkey`, else `--trust`, else the file that this data folder's own first start wrote. */
export function readTrust(context: Context, { trust, vkey }: TrustOptions): Trust {
  const path = trust === undefined ? join(context.settings.dataDir, "trust.json") : resolve(context.io.cwd, trust);
  const file = vkey !== undefined && trust === undefined && !existsSync(path) ? undefined : readFile(path);
  if (vkey === undefined && file !== undefined) return trust === undefined ? file : { ...file, from: trust };
  const lines = vkey ?? [];
  const keys = keysOf(lines, "--vkey");
  const origin = keys[0]?.name ?? "";
  // Keys beside those of another deployment's log would say nothing here.
  return { ...NO_OTHERS, ...(file?.origin === origin ? file : {}), origin, logKeys: keys, logLines: lines, from: "--vkey" };
}

interface TrustFile {
  readonly origin: string;
  readonly log_keys: readonly string[];
  readonly grant_keys: Readonly<Record<string, string>>;
  readonly runner_keys?: Readonly<Record<string, string>>;
  readonly witness_keys?: readonly string[];
  readonly witness_quorum?: number;
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
      remedy:
        "it holds origin, log_keys (a list of vkey lines) and grant_keys (base64 by key id); and, where there are any, runner_keys, witness_keys and witness_quorum",
    });
  }
  const { origin, log_keys: lines, grant_keys: grants, runner_keys: runners = {}, witness_keys: witnesses = [] } = read.value;
  const keys = witnesses.map((line) => witnessOf(line, path));
  const { witness_quorum: quorum = keys.length } = read.value;
  if (quorum > keys.length)
    throw usage(`${quorum} witnesses must have cosigned, and ${keys.length} are trusted`, { where: path, remedy: "mend witness_quorum" });
  return {
    origin,
    logKeys: keysOf(lines, path),
    logLines: lines,
    grantKeys: rawKeys(grants, "grant", path),
    runnerKeys: rawKeys(runners, "runner", path),
    witnesses: keys,
    quorum,
    from: path,
  };
}

function rawKeys(keys: Readonly<Record<string, string>>, what: string, path: string): ReadonlyMap<string, Uint8Array> {
  const read = new Map(Object.entries(keys).map(([id, key]) => [id, fromBase64(key) ?? new Uint8Array()]));
  const short = [...read].find(([, key]) => key.length !== 32);
  if (short !== undefined)
    throw usage(`the ${what} key ${short[0]} is not 32 bytes in base64`, { where: path, remedy: "get the file anew" });
  return read;
}

function witnessOf(line: string, path: string): Vkey {
  const key = parseWitnessKey(line);
  if (key.ok) return key.value;
  throw usage(`a witness's key cannot be read: ${key.error.message}`, { where: path, remedy: "copy the key that the witness prints" });
}

function isTrustFile(value: unknown): value is TrustFile {
  if (typeof value !== "object" || value === null) return false;
  const {
    origin,
    log_keys: logs,
    grant_keys: grants,
    runner_keys: runners,
    witness_keys: witnesses,
    witness_quorum: quorum,
  } = value as Partial<TrustFile>;
  const texts = (list: unknown): boolean => Array.isArray(list) && list.every((item) => typeof item === "string");
  const byId = (keys: unknown): boolean => typeof keys === "object" && keys !== null && texts(Object.values(keys));
  const more = (runners === undefined || byId(runners)) && (witnesses === undefined || texts(witnesses));
  const counted = quorum === undefined || (Number.isSafeInteger(quorum) && quorum >= 0);
  return typeof origin === "string" && texts(logs) && byId(grants) && more && counted;
}

function keysOf(lines: readonly string[], where: string): readonly LogKey[] {
  const keys = parseVkeys(lines);
  if (keys.ok && keys.value.length > 0) return keys.value;
  throw usage(keys.ok ? "no key of the log is given" : keys.error.message, {
    where,
    remedy: "copy the verifier key line, name+id+key, as the operator publishes it",
  });
}
