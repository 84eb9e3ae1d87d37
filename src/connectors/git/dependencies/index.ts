/** What a change does to the packages that a repository depends on, read from manifests and lockfiles. Pure. */
import { isObject, parseJson } from "../../../core/base/index.ts";
import type { Json, JsonObject } from "../../../core/base/index.ts";
import { readCargoLock, readCargoToml, readGoMod, readRequirements } from "./line-formats.ts";
import { readNpmLock, readPackageJson } from "./npm.ts";
import type { Dependency, Manifest } from "./types.ts";

export interface DependencyChange {
  readonly name: string;
  readonly before?: Dependency;
  readonly after?: Dependency;
}

export type DependencyReport =
  | { readonly kind: "read"; readonly changes: readonly DependencyChange[]; readonly installScripts: readonly string[] }
  /** A manifest that cannot be read: what it brings is unknown. */
  | { readonly kind: "unread"; readonly why: string };

type Reader = (text: string) => Manifest | undefined;

const emptyManifest: Manifest = { packages: new Map(), installScripts: new Map() };

const READERS: readonly (readonly [RegExp, Reader])[] = [
  [/(^|\/)package\.json$/, json(readPackageJson)],
  [/(^|\/)(package-lock|npm-shrinkwrap)\.json$/, json(readNpmLock)],
  [/(^|\/)(requirements|constraints)[^/]*\.(txt|in)$/, readRequirements],
  [/(^|\/)go\.mod$/, readGoMod],
  [/(^|\/)Cargo\.toml$/, readCargoToml],
  [/(^|\/)Cargo\.lock$/, readCargoLock],
];

function json(read: (document: JsonObject) => Manifest | undefined): Reader {
  return (text) => {
    const parsed = parseJson(text);
    const value: Json | undefined = parsed.ok ? parsed.value : undefined;
    return !isObject(value) ? undefined : read(value);
  };
}

/** Nothing for a file that is no manifest known here; `undefined` for a side means that the file is not there. */
export function dependencyReport(path: string, before: string | undefined, after: string | undefined): DependencyReport | undefined {
  const reader = READERS.find(([pattern]) => pattern.test(path))?.[1];
  if (reader === undefined) return undefined;
  const old = before === undefined ? emptyManifest : reader(before);
  const now = after === undefined ? emptyManifest : reader(after);
  if (now === undefined) return { kind: "unread", why: "it is not written as its kind of file should be" };
  const known = old ?? emptyManifest;
  return {
    kind: "read",
    changes: compare(known.packages, fromNewHosts(known.packages, now.packages)),
    installScripts: newScripts(known.installScripts, now.installScripts),
  };
}

/** Marks packages of a registry that no package came from before. A first lockfile says nothing about that. */
function fromNewHosts(before: Manifest["packages"], after: Manifest["packages"]): Manifest["packages"] {
  const hosts = new Set([...before.values()].flatMap(({ host }) => (host === undefined ? [] : [host])));
  if (hosts.size === 0) return after;
  return new Map(
    [...after].map(([name, one]) => [name, one.host === undefined || hosts.has(one.host) ? one : { ...one, source: one.host }]),
  );
}

function compare(before: ReadonlyMap<string, Dependency>, after: ReadonlyMap<string, Dependency>): readonly DependencyChange[] {
  const names = [...new Set([...before.keys(), ...after.keys()])].toSorted();
  return names.flatMap((name) => {
    const [old, now] = [before.get(name), after.get(name)];
    if (old !== undefined && now !== undefined && same(old, now)) return [];
    return [{ name, ...(old && { before: old }), ...(now && { after: now }) }];
  });
}

const same = (a: Dependency, b: Dependency): boolean =>
  a.version === b.version &&
  a.source === b.source &&
  a.integrity === b.integrity &&
  (a.runsOnInstall ?? false) === (b.runsOnInstall ?? false);

function newScripts(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): readonly string[] {
  return [...after].filter(([name, command]) => before.get(name) !== command).map(([name, command]) => `${name}: ${command}`);
}

/** Says in one line what changes: `left-pad 1.3.0 is added`. */
export function dependencyText({ name, before, after }: DependencyChange): string {
  const from = after?.source === undefined || after.source === before?.source ? "" : ` from ${after.source}`;
  if (before === undefined) return `${name} ${after?.version ?? ""} is added${from}`;
  if (after === undefined) return `${name} ${before.version} is removed`;
  if (before.version !== after.version) return `${name} changes from ${before.version} to ${after.version}${from}`;
  return `${name} ${after.version} keeps its version and changes what it is${from}`;
}
