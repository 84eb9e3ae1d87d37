/** What `npm ci` needs to work for everybody: exact versions, a whole lockfile, install scripts allowed by name. */
import test from "node:test";
import { none } from "./report.ts";
import { read } from "./tree.ts";

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly allowScripts?: Readonly<Record<string, boolean>>;
}
interface Locked extends Manifest {
  readonly resolved?: string;
  readonly integrity?: string;
  readonly hasInstallScript?: boolean;
}

const manifest = JSON.parse(read("package.json")) as Manifest;
const lock = JSON.parse(read("package-lock.json")) as { readonly packages: Readonly<Record<string, Locked>> };
const locked = Object.entries(lock.packages).filter(([path]) => path !== "");
const direct = { ...manifest.dependencies, ...manifest.devDependencies };

test("every dependency has an exact version, the one in the lockfile", () => {
  const own: Locked = lock.packages[""] ?? {};
  const faults = Object.entries(direct).flatMap(([name, version]) => {
    const inLock = own.dependencies?.[name] ?? own.devDependencies?.[name];
    if (!/^\d+\.\d+\.\d+(?:-[\w.]+)?$/.test(version)) return [`package.json: ${name} ${version}; pin one version`];
    return inLock === version ? [] : [`package-lock.json: ${name} is ${inLock ?? "absent"}; run npm i --package-lock-only`];
  });
  none(faults);
});

test("the lockfile is whole and names no registry", () => {
  const faults = locked.flatMap(([path, { resolved, integrity, optionalDependencies }]) => [
    ...(resolved === undefined ? [] : [`${path}: resolved; regenerate the lockfile under this project's .npmrc`]),
    ...(integrity === undefined ? [`${path}: no integrity`] : []),
    ...Object.keys(optionalDependencies ?? {})
      .filter((name) => !lock.packages[`node_modules/${name}`] && !lock.packages[`${path}/node_modules/${name}`])
      .map((name) => `${path}: its platform package ${name} is missing, so npm ci fails elsewhere; take an older release`),
  ]);
  none(faults);
});

test("a package that runs a script when installed is allowed by name, and no other", () => {
  const allowed = new Set(Object.keys(manifest.allowScripts ?? {}));
  const names = locked.filter(([, entry]) => entry.hasInstallScript).map(([path]) => path.replace(/^.*node_modules\//, ""));
  none([
    ...names.filter((name) => !allowed.has(name)).map((name) => `package.json: allowScripts lacks ${name}`),
    ...[...allowed].filter((name) => !names.includes(name)).map((name) => `package.json: allowScripts names ${name}, which has no script`),
  ]);
});
