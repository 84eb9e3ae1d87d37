import { assert, fail, ok, parseJson, type Digest, type Json, type Refusal, type Result } from "../core/base/index.ts";
import { loadBundle, type Bundle } from "../core/policy/index.ts";
import { validateDirectory, type Directory } from "../core/review/index.ts";
import type { Deps } from "./deps.ts";
import { bytesPayload } from "./payloads.ts";
import type { StoreRefusal } from "./ports.ts";

/** Pawl's own rules: one text each, replaced whole, by compare-and-swap, and only by an executed change. */
export type ConfigKind = "policy" | "directory";

interface ConfigState {
  readonly digest: Digest;
}

export interface ConfigNow {
  readonly digest: Digest;
  readonly version: number;
  readonly text: string;
}

/** What the `pawl` connector works through: read one text, replace it if it is still what was seen. */
export interface ConfigDesk {
  current(kind: ConfigKind): Promise<ConfigNow>;
  replace(kind: ConfigKind, expected: Digest, text: string): Promise<Result<void, StoreRefusal | { readonly code: "config_moved"; readonly message: string }>>;
}

const stream = (kind: ConfigKind): string => `config/${kind}`;

export async function readConfig(deps: Deps, kind: ConfigKind): Promise<ConfigNow> {
  const row = await deps.store.load(stream(kind));
  assert(row !== undefined, `${kind} was never set: the first start seeds it`);
  const { digest } = row.body as unknown as ConfigState;
  const payload = await deps.store.payload(digest);
  assert(payload !== undefined && payload !== "erased", `the ${kind} in force is not in the payload store`);
  return { digest, version: row.version, text: new TextDecoder().decode(payload.bytes) };
}

/** The first start's texts; a text that is in force already stays. */
export async function seedConfig(deps: Deps, kind: ConfigKind, text: string): Promise<"seeded" | "kept"> {
  if ((await deps.store.load(stream(kind))) !== undefined) return "kept";
  const written = await write(deps, kind, 0, text, "config_seeded");
  if (!written.ok && written.error.code === "version_conflict") return "kept";
  assert(written.ok, `seeding the ${kind}: ${written.ok ? "" : written.error.message}`);
  return "seeded";
}

export function configDesk(deps: Deps): ConfigDesk {
  return {
    current: (kind) => readConfig(deps, kind),
    async replace(kind, expected, text) {
      const now = await readConfig(deps, kind);
      if (now.digest !== expected) return fail({ code: "config_moved", message: `the ${kind} in force is ${now.digest}, not ${expected}` } as const);
      const written = await write(deps, kind, now.version, text, "config_replaced");
      return written.ok ? ok(undefined) : written;
    },
  };
}

async function write(deps: Deps, kind: ConfigKind, version: number, text: string, type: string) {
  const payload = bytesPayload(new TextEncoder().encode(text), kind === "policy" ? "application/yaml" : "application/json");
  const at = deps.clock.now();
  const state: ConfigState = { digest: payload.digest };
  return deps.store.append({
    writes: [{ stream: stream(kind), expected: version, events: [{ type, kind, digest: payload.digest, at }], state: { body: state as unknown as Json, status: "in_force", proposer: "", createdAt: at, updatedAt: at } }],
    outbox: type === "config_seeded" ? [] : [{ key: `${kind}_moved/${version}`, kind: `${kind}_moved`, body: {}, dueAt: at }],
    payloads: [payload],
  });
}

/** Compiled once per text: the digest in force is looked up each time, so that no node decides by an old version. */
const compiled = new WeakMap<Deps, { policy?: { digest: Digest; bundle: Bundle }; directory?: { digest: Digest; directory: Directory } }>();

export async function currentBundle(deps: Deps): Promise<Bundle> {
  const cache = cacheOf(deps);
  const digest = await digestInForce(deps, "policy");
  if (cache.policy?.digest === digest) return cache.policy.bundle;
  const now = await readConfig(deps, "policy");
  const bundle = loadBundle(now.text);
  assert(bundle.ok, "the policy in force was checked before it was put in force");
  cache.policy = { digest: now.digest, bundle: bundle.value };
  return bundle.value;
}

export async function currentDirectory(deps: Deps): Promise<Directory> {
  const cache = cacheOf(deps);
  const digest = await digestInForce(deps, "directory");
  if (cache.directory?.digest === digest) return cache.directory.directory;
  const now = await readConfig(deps, "directory");
  const directory = parseDirectory(now.text);
  assert(directory.ok, "the directory in force was checked before it was put in force");
  cache.directory = { digest: now.digest, directory: directory.value };
  return directory.value;
}

export function parseDirectory(text: string): Result<Directory, readonly Refusal[]> {
  const raw = parseJson(text);
  return raw.ok ? validateDirectory(raw.value) : fail([raw.error]);
}

/** The directory as a document for people; it was validated before it came into force. */
export function parseDirectoryJson(text: string): Json {
  const raw = parseJson(text);
  assert(raw.ok, "the directory in force is JSON");
  return raw.value;
}

async function digestInForce(deps: Deps, kind: ConfigKind): Promise<Digest> {
  const row = await deps.store.load(stream(kind));
  assert(row !== undefined, `${kind} was never set: the first start seeds it`);
  return (row.body as unknown as ConfigState).digest;
}

function cacheOf(deps: Deps) {
  let cache = compiled.get(deps);
  if (cache === undefined) compiled.set(deps, (cache = {}));
  return cache;
}
