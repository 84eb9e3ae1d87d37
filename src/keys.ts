import { createPrivateKey, createPublicKey, generateKeyPairSync, sign, type KeyObject } from "node:crypto";
import {
  closeSync,
  existsSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import type { Signer } from "./control/ports.ts";
import { equalBytes, ok, refuse, toHex, type Result } from "./core/base/index.ts";
import { formatLogKey, keyHash, parseVkeys, type LogKey } from "./core/ledger/index.ts";

export interface Keys {
  readonly origin: string;
  /** Signs the ledger's checkpoints. */
  readonly log: Signer;
  /** Those that signed them before, each with the sizes that it may have signed. */
  readonly formerLog: readonly LogKey[];
  /** Signs grants. */
  readonly grant: Signer;
  /** Keys the digests of secrets. */
  readonly secret: Uint8Array;
  readonly runner: string;
  /** Signs what the runner of this process tells of its runs; its name is the runner's. */
  readonly evidence: Signer;
}

/**
 * Reads the deployment's keys, making those that are missing, for their owner only: two first starts at once cannot end with
 * different keys, and an existing key is never replaced.
 */
export function openKeys(dataDir: string, origin: string | undefined, random: (bytes: number) => Uint8Array): Result<Keys> {
  const dir = join(dataDir, "keys");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const hex = (bytes: number): string => toHex(random(bytes));
  const once = (name: string, make: () => string): string => wholeFile(join(dir, name), hex(6), make);
  const named = once("origin", () => origin ?? `pawl.local/${hex(4)}`).trim();
  if (origin !== undefined && origin !== named) {
    return refuse("origin_moved", `the ledger of ${dataDir} belongs to origin ${named}, but the settings say ${origin}`, {
      where: "origin",
      remedy: `set origin to ${named}, or use another data folder`,
    });
  }
  const log = signerFrom(named, once("log.pem", newKey));
  const former = readFormer(join(dir, FORMER));
  if (!former.ok) return former;
  if (former.value.some(({ publicKey }) => equalBytes(publicKey, log.publicKey)))
    return refuse("rotation_unfinished", "the log's key was given up for another, which is not in its place yet", {
      where: dir,
      remedy: "finish it: pawl keys rotate",
    });
  const runner = once("runner", () => `rnr_${hex(8)}`).trim();
  return ok({
    origin: named,
    log,
    formerLog: former.value,
    grant: signerFrom(`${named}/grants`, once("grant.pem", newKey)),
    secret: Buffer.from(once("secret.hex", () => hex(32)).trim(), "hex"),
    runner,
    evidence: signerFrom(runner, once("runner.pem", newKey)),
  });
}

const FORMER = "former-log-keys";
const NEXT = "log.next.pem";

function readFormer(path: string): Result<readonly LogKey[]> {
  if (!existsSync(path)) return ok([]);
  const keys = parseVkeys(readFileSync(path, "utf8").trimEnd().split("\n"));
  return keys.ok
    ? keys
    : refuse("keys_unreadable", `the log's former keys cannot be read: ${keys.error.message}`, {
        where: path,
        remedy: "restore the file from a backup of the data folder",
      });
}

/** All of them as lines for trust.json, the present one first: it signs from the size at which the last one ended. */
export function logKeyLines({ origin, log, formerLog }: Pick<Keys, "origin" | "log" | "formerLog">): readonly string[] {
  const since = formerLog.reduce((most, { untilSize = 0 }) => Math.max(most, untilSize), 0);
  const present = {
    name: origin,
    id: keyHash(origin, log.publicKey),
    publicKey: log.publicKey,
    ...(since === 0 ? {} : { fromSize: since }),
  };
  return [present, ...formerLog].map(formatLogKey);
}

/** The log's next key, made and on the disk before anything names it; one that an earlier attempt made is taken up. */
export function nextLogKey(dataDir: string, origin: string, random: (bytes: number) => Uint8Array): Signer {
  return signerFrom(origin, wholeFile(join(dataDir, "keys", NEXT), toHex(random(6)), newKey));
}

/** The present key signs nothing from this size on, which is on the disk before the next one takes its place; its private half is gone then. */
export function replaceLogKey(dataDir: string, { origin, log, formerLog }: Keys, untilSize: number): void {
  const dir = join(dataDir, "keys");
  const [present = ""] = logKeyLines({ origin, log, formerLog });
  const lines = [...formerLog.map(formatLogKey), `${present} until=${untilSize}`];
  const draft = join(dir, `${FORMER}.new`);
  writeFileSync(draft, `${lines.join("\n")}\n`, { mode: 0o600, flush: true });
  renameSync(draft, join(dir, FORMER));
  syncFolder(dir);
  placeNext(dataDir);
}

/** Also after a loss of power between the two renames. */
export function placeNext(dataDir: string): void {
  const dir = join(dataDir, "keys");
  renameSync(join(dir, NEXT), join(dir, "log.pem"));
  syncFolder(dir);
}

/** The key of a witness, in a folder of its own: it has nothing to do with any deployment's keys. */
export function openWitnessKey(folder: string, name: string | undefined, random: (bytes: number) => Uint8Array): Result<Signer> {
  if (name !== undefined && !/^[^\s+\p{Cc}]{1,200}$/u.test(name))
    return refuse("name_invalid", "a witness's name has no spaces and no plus", {
      where: "--name",
      remedy: "name it like witness.example.com/pawl",
    });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const once = (file: string, make: () => string): string => wholeFile(join(folder, file), toHex(random(6)), make);
  const named = once("name", () => name ?? `pawl.witness/${toHex(random(4))}`).trim();
  if (name !== undefined && name !== named)
    return refuse("name_taken", `the witness in ${folder} is called ${named}`, {
      where: "--name",
      remedy: "leave the name out, or use another folder",
    });
  return ok(signerFrom(named, once("key.pem", newKey)));
}

/** What a runner elsewhere has of its own: the key that it signs with, and the one that stands in for secrets. */
export interface RunnerKeys {
  readonly publicKey: Uint8Array;
  readonly sign: (message: Uint8Array) => Uint8Array;
  readonly secret: Uint8Array;
}

/** `anew`: what signed before signs no more. */
export function openRunnerKeys(folder: string, random: (bytes: number) => Uint8Array, { anew = false } = {}): RunnerKeys {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const once = (file: string, make: () => string): string => wholeFile(join(folder, file), toHex(random(6)), make);
  if (anew) rmSync(join(folder, "key.pem"), { force: true });
  const signer = signerFrom("", once("key.pem", newKey));
  return {
    publicKey: signer.publicKey,
    sign: (message) => signer.sign(message),
    secret: Buffer.from(once("secret.hex", () => toHex(random(32))).trim(), "hex"),
  };
}

/** A key appears whole and on the disk, or not at all, and whoever comes second takes what is there. */
function wholeFile(path: string, unique: string, make: () => string): string {
  if (!existsSync(path)) {
    const draft = `${path}.${unique}`;
    writeFileSync(draft, make(), { mode: 0o600, flag: "wx", flush: true });
    try {
      linkSync(draft, path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    } finally {
      unlinkSync(draft);
    }
    syncFolder(dirname(path));
  }
  return readFileSync(path, "utf8");
}

function syncFolder(path: string): void {
  const folder = openSync(path, "r");
  fsyncSync(folder);
  closeSync(folder);
}

const newKey = (): string => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" });

function signerFrom(name: string, pem: string): Signer {
  const key = createPrivateKey(pem);
  return { name, publicKey: rawPublicKey(key), sign: (message) => sign(null, message, key) };
}

/** The 32 raw bytes at the end of the SPKI form. */
function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32));
}
