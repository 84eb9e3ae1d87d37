/** Who this runner is, and whom it believes: told once, when it enrolled, and from then on by its own disk alone. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { canonical, fromBase64, isId, ok, parseJson, refuse, type Json, type Result, type RunnerId } from "../core/base/index.ts";
import { exactly, listOf, objectOf, textOf } from "../core/runner/index.ts";
import { writeWhole } from "./nonces.ts";

export interface Trust {
  /** The deployment's name. */
  readonly origin: string;
  readonly logKeys: readonly string[];
  /** Raw Ed25519 keys by key id. */
  readonly grantKeys: ReadonlyMap<string, Uint8Array>;
}

export interface Identity {
  readonly runner: RunnerId;
  /** Where it enrolled. */
  readonly url: string;
  readonly trust: Trust;
}

const FILE = "identity.json";

/** As an enrolment is answered. */
export function readEnrolment(value: Json | undefined): Omit<Identity, "url"> | undefined {
  const raw = exactly(value, ["runner", "trust"]);
  const trust = readTrust(raw?.["trust"]);
  const runner = raw?.["runner"];
  return typeof runner === "string" && isId(runner) && trust !== undefined ? { runner: runner as RunnerId, trust } : undefined;
}

export function readTrust(value: Json | undefined): Trust | undefined {
  // What else a verifier's trust.json names is nothing to a runner.
  const raw = exactly(value, ["origin", "log_keys", "grant_keys", "runner_keys?", "witness_keys?", "witness_quorum?"]);
  const origin = textOf(raw?.["origin"], 256);
  const logKeys = listOf(raw?.["log_keys"], 16, (line) => textOf(line, 1_024));
  const keys = Object.entries(objectOf(raw?.["grant_keys"]) ?? {}).map(
    ([id, key]) => [id, typeof key === "string" ? fromBase64(key) : undefined] as const,
  );
  const grantKeys = keys.filter((each): each is [string, Uint8Array] => each[1]?.length === 32);
  const whole = keys.length > 0 && grantKeys.length === keys.length;
  if (origin === undefined || logKeys === undefined || logKeys.length === 0 || !whole) return undefined;
  return { origin, logKeys, grantKeys: new Map(grantKeys) };
}

const wireTrust = ({ origin, logKeys, grantKeys }: Trust) => ({
  origin,
  log_keys: logKeys,
  grant_keys: Object.fromEntries([...grantKeys].map(([id, key]) => [id, Buffer.from(key).toString("base64")])),
});

export const sameTrust = (a: Trust, b: Trust): boolean => canonical(wireTrust(a)) === canonical(wireTrust(b));

export const isEnrolled = (folder: string): boolean => existsSync(join(folder, FILE));

export function keepIdentity(folder: string, { runner, url, trust }: Identity): void {
  writeWhole(join(folder, FILE), `${JSON.stringify({ runner, url, trust: wireTrust(trust) }, null, 2)}\n`);
}

export function openIdentity(folder: string): Result<Identity> {
  const path = join(folder, FILE);
  if (!existsSync(path))
    return refuse("not_enrolled", "this folder holds no enrolled runner", {
      where: folder,
      remedy: "enrol it: an admin makes a token with `pawl runner token`, and `pawl runner enrol --url … --token …` uses it",
    });
  const parsed = parseJson(readFileSync(path), { bytes: 256 * 1024 });
  const raw = parsed.ok ? exactly(parsed.value, ["runner", "url", "trust"]) : undefined;
  const enrolment = raw && readEnrolment({ runner: raw["runner"] ?? null, trust: raw["trust"] ?? null });
  const url = textOf(raw?.["url"], 2_048);
  if (enrolment !== undefined && url !== undefined) return ok({ ...enrolment, url });
  return refuse("identity_malformed", "the file that says who this runner is cannot be read", {
    where: path,
    remedy: "restore it, or enrol the runner anew",
  });
}
