/** Manifests that are read line by line: what is not understood is left out only where the format says that it names no package. */
import type { Dependency, Manifest } from "./index.ts";

const withoutScripts = (packages: ReadonlyMap<string, Dependency>): Manifest => ({ packages, installScripts: new Map() });

export function readRequirements(text: string): Manifest {
  const packages = new Map<string, Dependency>();
  for (const raw of text.replaceAll("\\\n", " ").split("\n")) {
    const line = raw.replace(/(^|\s)#.*$/, "").trim();
    const option = /^(-r|-c|-e|-i|--[a-z-]+)[ =]*(.*)$/.exec(line);
    if (line === "") continue;
    if (option !== null) {
      // An index or a link decides where every other package comes from.
      packages.set(`${option[1] ?? ""} ${option[2] ?? ""}`.trim(), { version: "option", source: (option[2] ?? "").trim() });
      continue;
    }
    const match = /^([A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?)\s*(@\s*\S+|[^;]*)/.exec(line);
    const name = (match?.[1] ?? line).toLowerCase();
    const version = (match?.[2] ?? "").replace(/\s*--hash=\S+/g, "").trim();
    const integrity = line
      .match(/--hash=\S+/g)
      ?.toSorted()
      .join(" ");
    const source = version.startsWith("@") ? version.slice(1).trim() : match === null ? line : undefined;
    packages.set(name, {
      version: version === "" ? "any version" : version,
      ...(source !== undefined && { source }),
      ...(integrity !== undefined && { integrity }),
    });
  }
  return withoutScripts(packages);
}

export function readGoMod(text: string): Manifest {
  const packages = new Map<string, Dependency>();
  let block = "";
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\/\/.*$/, "").trim();
    const opens = /^(\w+)\s*\($/.exec(line);
    if (opens !== null) block = opens[1] ?? "";
    else if (line === ")") block = "";
    else if (line !== "") readGoLine(block === "" ? line : `${block} ${line}`, packages);
  }
  return withoutScripts(packages);
}

function readGoLine(line: string, packages: Map<string, Dependency>): void {
  const require = /^require\s+(\S+)\s+(\S+)$/.exec(line);
  if (require !== null) packages.set(require[1] ?? "", { version: require[2] ?? "" });
  const replace = /^replace\s+(\S+)(?:\s+v\S+)?\s+=>\s+(.+)$/.exec(line);
  if (replace !== null) packages.set(`${replace[1] ?? ""} (replaced)`, { version: replace[2] ?? "", source: replace[2] ?? "" });
  const go = /^(go|toolchain)\s+(\S+)$/.exec(line);
  if (go !== null) packages.set(go[1] ?? "", { version: go[2] ?? "" });
}

/** Tables whose keys are packages: `[dependencies]`, `[dev-dependencies]`, `[target.'…'.dependencies]`, `[patch.crates-io]`. */
const CARGO_TABLE =
  /^\[(?:workspace\.)?(?:target\..+\.)?((?:dev-|build-)?dependencies|patch\.[^\]]+|replace)(?:\.("?)([A-Za-z0-9_-]+)\2)?\]$/;

export function readCargoToml(text: string): Manifest {
  const packages = new Map<string, Dependency>();
  let table: RegExpExecArray | null = null;
  for (const raw of text.split("\n")) {
    const line = raw.replace(/\s+#.*$/, "").trim();
    if (line.startsWith("[")) {
      table = CARGO_TABLE.exec(line);
      continue;
    }
    const pair = /^"?([A-Za-z0-9_.-]+)"?\s*=\s*(.+)$/.exec(line);
    if (table === null || pair === null) continue;
    const group = table[1] === "dependencies" ? "" : ` (${table[1] ?? ""})`;
    const whole = table[3] !== undefined;
    const name = `${whole ? (table[3] ?? "") : (pair[1] ?? "")}${group}`;
    const spec = whole ? `${packages.get(name)?.version ?? ""} ${pair[0]}`.trim() : (pair[2] ?? "").replace(/^"(.*)"$/, "$1");
    packages.set(name, cargoDependency(spec));
  }
  return withoutScripts(packages);
}

function cargoDependency(spec: string): Dependency {
  const source = /\b(git|path|registry)\s*=\s*"([^"]*)"/.exec(spec);
  const version = /^\{\s*version\s*=\s*"([^"]*)"\s*\}$/.exec(spec)?.[1] ?? spec;
  return source === null ? { version } : { version, source: `${source[1] ?? ""} ${source[2] ?? ""}` };
}

export function readCargoLock(text: string): Manifest | undefined {
  if (text.trim() !== "" && !text.includes("[[package]]")) return undefined;
  const packages = new Map<string, Dependency>();
  for (const part of text.split("[[package]]").slice(1)) {
    const value = (key: string): string | undefined => new RegExp(`^${key} = "([^"\\n]*)"$`, "m").exec(part)?.[1];
    const name = value("name") ?? "?";
    const version = value("version") ?? "?";
    const source = value("source");
    const integrity = value("checksum");
    const label = packages.has(name) ? `${name} (${version})` : name;
    const registry = source?.startsWith("registry+") === true ? source.slice("registry+".length) : undefined;
    packages.set(label, {
      version,
      ...(registry !== undefined && { host: registry }),
      ...(registry === undefined && source !== undefined && { source }),
      ...(integrity !== undefined && { integrity }),
    });
  }
  return withoutScripts(packages);
}
