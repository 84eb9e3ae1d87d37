import { assert, digestOf, fail, ok, parseJson, type Digest, type Json, type Refusal, type Result } from "../core/base/index.ts";
import { NO_DECLARATIONS } from "../core/operation/index.ts";
import { loadBundle, type Bundle } from "../core/policy/index.ts";
import { validateDirectory, type Directory } from "../core/review/index.ts";
import type { Deps } from "./deps.ts";
import { bytesPayload } from "./payloads.ts";
import type { Guard, StoreRefusal } from "./ports.ts";

/** Pawl's own rules: one text each, replaced whole, by compare-and-swap, and only by an executed change. */
export type ConfigKind = "policy" | "directory" | "connectors";

interface InForce {
  readonly digest: Digest;
  readonly version: number;
}

export interface ConfigNow extends InForce {
  readonly text: string;
}

/** What the `pawl` connector works through: read one text, replace it if it is still what was seen. */
export interface ConfigDesk {
  current(kind: ConfigKind): Promise<ConfigNow>;
  replace(
    kind: ConfigKind,
    expected: Digest,
    text: string,
  ): Promise<Result<void, StoreRefusal | { readonly code: "config_moved"; readonly message: string }>>;
}

const stream = (kind: ConfigKind): string => `config/${kind}`;

async function inForce(deps: Deps, kind: ConfigKind): Promise<InForce> {
  const row = await deps.store.load(stream(kind));
  // Where nobody ever declared an operation, there are none.
  if (row === undefined && kind === "connectors") return { digest: digestOf(NO_DECLARATIONS), version: 0 };
  assert(row !== undefined, `${kind} was never set: the first start seeds it`);
  assert(row.quarantined === undefined, `the ${kind} in force cannot be trusted: ${row.quarantined}`);
  return { digest: (row.body as unknown as InForce).digest, version: row.version };
}

export async function readConfig(deps: Deps, kind: ConfigKind): Promise<ConfigNow> {
  const now = await inForce(deps, kind);
  return { ...now, text: now.version === 0 ? NO_DECLARATIONS : await textOf(deps, kind, now.digest) };
}

async function textOf(deps: Deps, kind: ConfigKind, digest: Digest): Promise<string> {
  const payload = await deps.store.payload(digest);
  assert(payload !== undefined && payload !== "erased", `the ${kind} in force is not in the payload store`);
  return new TextDecoder().decode(payload.bytes);
}

/** The first start's texts; a text that is in force already stays. */
export async function seedConfig(deps: Deps, kind: ConfigKind, text: string): Promise<Result<void, StoreRefusal>> {
  if ((await deps.store.load(stream(kind))) !== undefined) return ok(undefined);
  const written = await write(deps, kind, 0, text, "config_seeded");
  return written.ok || written.error.code === "version_conflict" ? ok(undefined) : written;
}

export function configDesk(deps: Deps): ConfigDesk {
  return {
    current: (kind) => readConfig(deps, kind),
    async replace(kind, expected, text) {
      const now = await inForce(deps, kind);
      if (now.digest !== expected) {
        return fail({ code: "config_moved", message: `the ${kind} in force is ${now.digest}, not ${expected}` } as const);
      }
      const written = await write(deps, kind, now.version, text, "config_replaced");
      return written.ok ? ok(undefined) : written;
    },
  };
}

async function write(deps: Deps, kind: ConfigKind, version: number, text: string, type: "config_seeded" | "config_replaced") {
  const payload = bytesPayload(new TextEncoder().encode(text), kind === "directory" ? "application/json" : "application/yaml");
  const at = deps.clock.now();
  const { digest } = payload;
  const state = { body: { digest }, status: "in_force", proposer: "", createdAt: at, updatedAt: at };
  return deps.store.append({
    writes: [{ stream: stream(kind), expected: version, events: [{ type, kind, digest, at }], state }],
    outbox: type === "config_seeded" ? [] : [{ key: `${kind}_moved/${version}`, kind: `${kind}_moved`, body: { version }, dueAt: at }],
    payloads: [payload],
  });
}

/** Compiled once per text. Which text is in force is looked up each time, so that no node decides by an old version. */
function compiledOnce<T>(kind: ConfigKind, compile: (text: string) => Result<T, unknown>) {
  const latest = new WeakMap<Deps, { readonly digest: Digest; readonly value: T }>();
  return async (deps: Deps, digest: Digest): Promise<T> => {
    const known = latest.get(deps);
    if (known?.digest === digest) return known.value;
    const compiled = compile(await textOf(deps, kind, digest));
    assert(compiled.ok, `the ${kind} in force was checked before it was put in force`);
    latest.set(deps, { digest, value: compiled.value });
    return compiled.value;
  };
}

const bundleOf = compiledOnce("policy", loadBundle);
const directoryOf = compiledOnce("directory", parseDirectory);

/** The rules and people of one moment. Whoever writes on them passes `guards` along, so that the moment is that of the write. */
export interface Rules {
  /** Digest of the policy's text. */
  readonly policy: Digest;
  readonly bundle: Bundle;
  readonly directory: Directory;
  readonly guards: readonly Guard[];
}

export async function rulesInForce(deps: Deps): Promise<Rules> {
  const [policy, directory] = [await inForce(deps, "policy"), await inForce(deps, "directory")];
  const rules = {
    policy: policy.digest,
    bundle: await bundleOf(deps, policy.digest),
    directory: await directoryOf(deps, directory.digest),
    guards: [
      { stream: stream("policy"), version: policy.version },
      { stream: stream("directory"), version: directory.version },
    ],
  };
  atHand.set(deps, rules);
  return rules;
}

/** Those that were in force when this process looked last. */
const atHand = new WeakMap<Deps, Rules>();

/**
 * What is intended on the rules at hand is written only if they are still in force, as its guards have it, so that they need not be read
 * for a first attempt. Another attempt reads them, and so does a refusal: it has no guard.
 */
export async function onRules<T, E>(deps: Deps, tried: number, intend: (rules: Rules) => Promise<Result<T, E>>): Promise<Result<T, E>> {
  const known = tried === 0 ? atHand.get(deps) : undefined;
  const made = known && (await intend(known));
  return made?.ok === true ? made : intend(await rulesInForce(deps));
}

const past = new WeakMap<Deps, { readonly digest: Digest; readonly bundle: Bundle | undefined }>();

/** The policy of a text that was in force once; none when it was erased, or this version cannot load it. */
export async function policyOf(deps: Deps, digest: Digest): Promise<Bundle | undefined> {
  const known = past.get(deps);
  if (known?.digest === digest) return known.bundle;
  const payload = await deps.store.payload(digest);
  const loaded = payload === undefined || payload === "erased" ? undefined : loadBundle(new TextDecoder().decode(payload.bytes));
  const bundle = loaded?.ok === true ? loaded.value : undefined;
  past.set(deps, { digest, bundle });
  return bundle;
}

export async function currentDirectory(deps: Deps): Promise<Directory> {
  return directoryOf(deps, (await inForce(deps, "directory")).digest);
}

export function parseDirectory(text: string): Result<Directory, readonly Refusal[]> {
  const raw = parseJson(text);
  return raw.ok ? validateDirectory(raw.value) : fail([raw.error]);
}

/** The operations that may be asked for: one text, as whoever executes them is told. */
export async function declarationsInForce(deps: Deps): Promise<{ readonly text: string; readonly digest: Digest }> {
  const { text, digest } = await readConfig(deps, "connectors");
  return { text, digest };
}

/** Which declarations are in force, and what holds a write to that moment. */
export async function declarationsNow(deps: Deps): Promise<{ readonly digest: Digest; readonly guard: Guard }> {
  const { digest, version } = await inForce(deps, "connectors");
  return { digest, guard: { stream: stream("connectors"), version } };
}

/** The directory as a document for people; it was validated before it came into force. */
export async function directoryDocument(deps: Deps): Promise<Json> {
  const raw = parseJson((await readConfig(deps, "directory")).text);
  assert(raw.ok, "the directory in force is JSON");
  return raw.value;
}
