import { createPrivateKey, createPublicKey, generateKeyPairSync, randomBytes, sign, type KeyObject } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Signer } from "./control/ports.ts";
import { ok, refuse, type Result } from "./core/base/index.ts";

export interface Keys {
  readonly origin: string;
  /** Signs the ledger's checkpoints. */
  readonly log: Signer;
  /** Signs grants. */
  readonly grant: Signer;
  /** Keys the digests of secrets. */
  readonly secret: Uint8Array;
  readonly runner: string;
}

/**
 * Reads the deployment's keys, making those that are missing. A file is made exclusively and for its owner only: two first
 * starts at once cannot end with different keys, and an existing key is never replaced.
 */
export function openKeys(dataDir: string, origin: string | undefined): Result<Keys> {
  const dir = join(dataDir, "keys");
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const named = once(join(dir, "origin"), () => origin ?? `pawl.local/${randomBytes(4).toString("hex")}`).trim();
  if (origin !== undefined && origin !== named) {
    return refuse("origin_moved", `the ledger of ${dataDir} belongs to origin ${named}, but the settings say ${origin}`, { where: "origin", remedy: `set origin to ${named}, or use another data folder` });
  }
  return ok({
    origin: named,
    log: signerFrom(named, once(join(dir, "log.pem"), newKey)),
    grant: signerFrom(`${named}/grants`, once(join(dir, "grant.pem"), newKey)),
    secret: Buffer.from(once(join(dir, "secret.hex"), () => randomBytes(32).toString("hex")).trim(), "hex"),
    runner: once(join(dir, "runner"), () => `rnr_${randomBytes(8).toString("hex")}`).trim(),
  });
}

function once(path: string, make: () => string): string {
  if (!existsSync(path)) {
    try {
      writeFileSync(path, make(), { mode: 0o600, flag: "wx", flush: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    }
  }
  return readFileSync(path, "utf8");
}

const newKey = (): string => generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }) as string;

function signerFrom(name: string, pem: string): Signer {
  const key = createPrivateKey(pem);
  return { name, publicKey: rawPublicKey(key), sign: (message) => sign(null, message, key) };
}

/** The 32 raw bytes at the end of the SPKI form. */
function rawPublicKey(key: KeyObject): Uint8Array {
  return new Uint8Array(createPublicKey(key).export({ type: "spki", format: "der" }).subarray(-32));
}
