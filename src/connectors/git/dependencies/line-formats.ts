/** Manifests that are read line by line: what is not understood is left out only where the format says that it names no package. */
import type { Dependency, Manifest } from "./types.ts";

/**
 * A line without its comment: from the sign on, where a blank or nothing stands before it and no quotation mark is open. Walked
 * rather than matched: on a line of megabytes, a regular expression that begins with blanks starts again at each of them.
 */
function withoutComment(line: string, sign: string): string {
  let quote = "";
  for (let at = 0; at < line.length; at += 1) {
    const char = line[at] ?? "";
    if (quote !== "") quote = char === quote ? "" : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === sign && (at === 0 || /\s/.test(line[at - 1] ?? ""))) return line.slice(0, at).trim();
  }
  return line.trim();
}

const withoutScripts = (packages: ReadonlyMap<string, Dependency>): Manifest => ({ packages, installScripts: new Map() });

export function readRequirements(text: string): Manifest {
  const packages = new Map<string, Dependency>();
  for (const raw of text.replaceAll("\\\n", " ").split("\n")) {
    const line = withoutComment(raw, "#");
    const option = /^(-r|-c|-e|-i|--[a-z-]+)[ =]*(.*)$/.exec(line);
    if (line === "") continue;
    if (option !== null) {
      // An index or a link decides where every other package comes from.
      packages.set(`${option[1] ?? ""} ${option[2] ?? ""}`.trim(), { version: "option", source: (option[2] ?? "").trim() });
      continue;
    }
    const match = /^([A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?)\s*(@\s*\S+|[^;]*)/.exec(line);
    const name = (match?.[1] ?? line).toLowerCase();
    const version = (match?.[2] ?? "")
      .replace(/--hash=\S+/g, "")
      .split(/\s+/)
      .join(" ")
      .trim();
    const integrity = line
      .match(/--hash=\S+/g)
      ?.toSorted()
      .join(" ");
    // What begins like a name and goes on neither with a version nor with nothing is an address or a path.
    const plain = match !== null && /^([=<>!~(,]|$)/.test(version);
    const source = version.startsWith("@") ? version.slice(1).trim() : plain ? undefined : line;
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
    const line = (raw.split("//", 1)[0] ?? "").trim();
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

/** Tables whose keys are packages: `dependencies`, `dev-dependencies`, `target.'…'.dependencies`, `patch.crates-io`. */
const CARGO_TABLE = /(?:^|[.])((?:dev-|build-)?dependencies|patch\.[^\]]+|replace)(?:\.("?)([A-Za-z0-9_-]+)\2)?$/;
/** A header or key that may name such a table, in whatever form TOML allows. */
const CARGO_MAYBE = /dependencies|patch|replace/;
const LONGEST_HEADER = 500;

/** Not all of TOML is read here: what could name a package and is written in a form that is not, makes the whole unread. */
export function readCargoToml(text: string): Manifest | undefined {
  const packages = new Map<string, Dependency>();
  let table: RegExpExecArray | null = null;
  if (/"""|'''/.test(text)) return undefined;
  for (const raw of text.split("\n")) {
    const line = withoutComment(raw, "#");
    if (line.startsWith("[") && line.endsWith("]")) {
      if (line.length > LONGEST_HEADER) return undefined;
      const name = line.replace(/^\[+\s*|\s*\]+$/g, "");
      table = CARGO_TABLE.exec(name);
      if (table === null && CARGO_MAYBE.test(name) && !name.startsWith("package.metadata")) return undefined;
      continue;
    }
    const pair = /^"?([A-Za-z0-9_.-]+)"?\s*=\s*(.+)$/.exec(line);
    if (table === null) {
      if (/^["']?(target|workspace|(dev-|build-)?dependencies|patch|replace)\b[^=]*=/.test(line)) return undefined;
      continue;
    }
    if (pair === null && line !== "") return undefined;
    if (pair !== null) addCargo(packages, table, pair);
  }
  return withoutScripts(packages);
}

function addCargo(packages: Map<string, Dependency>, table: RegExpExecArray, pair: RegExpExecArray): void {
  const group = table[1] === "dependencies" ? "" : ` (${table[1] ?? ""})`;
  const [text = "", key = "", value = ""] = pair;
  // `x.git = "…"` says of the package x what `git = "…"` says in its own table.
  const [first = "", ...rest] = key.split(".");
  const parts = table[3] !== undefined || rest.length > 0;
  const name = `${table[3] ?? first}${group}`;
  const said = table[3] === undefined ? text.slice(text.indexOf(".") + 1) : text;
  packages.set(
    name,
    cargoDependency(parts ? `${packages.get(name)?.version ?? ""} ${said}`.trim() : value.replace(/^(["'])(.*)\1$/, "$2")),
  );
}

function cargoDependency(spec: string): Dependency {
  const source = /(?<![\w-])["']?(git|path|registry(?:-index)?)["']?\s*=\s*["']([^"']*)/.exec(spec);
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
