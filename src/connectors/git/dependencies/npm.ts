import { isObject } from "../../../core/base/index.ts";
import type { Json, JsonObject } from "../../../core/base/index.ts";
import type { Dependency, Manifest } from "./types.ts";

const GROUPS = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"] as const;
/** npm runs these by itself when the package is installed, or when it is installed from git. */
const INSTALL_SCRIPTS = new Set([
  "preinstall",
  "install",
  "postinstall",
  "prepare",
  "prepublish",
  "preprepare",
  "postprepare",
  "dependencies",
]);
/** How every registry of npm packages names its files; which registry it is, the host says. */
const REGISTRY_FILE = /^https:\/\/([^/]+)\/(?:.+\/)?-\/[^/]+\.tgz$/;

const object = (value: Json | undefined): JsonObject => (isObject(value) ? value : {});
const text = (value: Json | undefined): string | undefined => (typeof value === "string" ? value : undefined);

export function readPackageJson(document: JsonObject): Manifest {
  const packages = new Map<string, Dependency>();
  for (const group of GROUPS) {
    for (const [name, range] of Object.entries(object(document[group]))) {
      const version = text(range) ?? "?";
      const label = group === "dependencies" ? name : `${name} (${group})`;
      packages.set(label, isElsewhere(version) ? { version, source: version } : { version });
    }
  }
  for (const overrides of [document["overrides"], document["resolutions"], object(document["pnpm"])["overrides"]])
    flatten(object(overrides), "", packages);
  const scripts = Object.entries(object(document["scripts"])).filter(([name]) => INSTALL_SCRIPTS.has(name));
  return { packages, installScripts: new Map(scripts.map(([name, command]) => [name, text(command) ?? "?"])) };
}

/** A range that is an address, a path, a repository or another package's name: no version and no tag has a colon or a slash. */
const isElsewhere = (range: string): boolean => /[:/\\]|^\s*\.{1,2}\s*$/.test(range) && !/^workspace:[\^~*\w.-]*$/.test(range);

function flatten(overrides: JsonObject, under: string, packages: Map<string, Dependency>): void {
  for (const [name, value] of Object.entries(overrides)) {
    const label = under === "" ? name : `${under} > ${name}`;
    const range = text(value);
    if (range === undefined) flatten(object(value), label, packages);
    else packages.set(`${label} (override)`, isElsewhere(range) ? { version: range, source: range } : { version: range });
  }
}

/** Lockfiles of version 2 and 3; older ones are not read. */
export function readNpmLock(document: JsonObject): Manifest | undefined {
  const locked = document["packages"];
  if (locked === undefined) return undefined;
  const packages = new Map<string, Dependency>();
  for (const [path, entry] of Object.entries(object(locked))) {
    if (path === "") continue;
    const one = object(entry);
    const resolved = text(one["resolved"]);
    const host = resolved === undefined ? undefined : REGISTRY_FILE.exec(resolved)?.[1];
    const source = one["link"] === true ? `the folder ${resolved ?? "?"}` : host === undefined ? resolved : undefined;
    const integrity = text(one["integrity"]);
    packages.set(lockName(path), {
      version: text(one["version"]) ?? "?",
      ...(source !== undefined && { source }),
      ...(host !== undefined && { host }),
      ...(integrity !== undefined && { integrity }),
      ...(one["hasInstallScript"] === true && { runsOnInstall: true }),
    });
  }
  return { packages, installScripts: new Map() };
}

const lockName = (path: string): string => path.replace(/^node_modules\//, "").replaceAll("/node_modules/", " > ");
