/** Loads the instrumented sources: with our stand-ins for the test libraries, and again where a mutant sits in what runs once. */
import { globSync, readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { dirname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const STANDINS: Readonly<Record<string, string>> = {
  "node:test": new URL("node-test.ts", import.meta.url).href,
  "fast-check": new URL("fast-check.ts", import.meta.url).href,
};
const IMPORT = /^(?:import|export|\}) (?!type\b)(?:[^"]*? )?(?:from )?"(\.[^"]*)";/gm;

/** The instrumenter prints `(a as Type) < b` without its brackets, which then begins a list of type arguments. */
const readable = (source: string): string => source.replaceAll(/ as \w+ (?=<)/g, " ");

/** Tests that make random cases of their own by the hundred thousand get a few hundred of them here. */
const RANDOM_CASES = /^const (CASES|CONDITIONS) = ([\d_]+);/gm;
const SHARE = 400;
const fewer = (source: string): string =>
  source.replaceAll(RANDOM_CASES, (_, name: string, n: string) => `const ${name} = ${Math.ceil(Number(n.replaceAll("_", "")) / SHARE)};`);

/** What a module remembers of its own results: what it learnt under one mutant must not answer under the next. */
const memories: Map<unknown, unknown>[] = [];
export const forget = (): void => memories.forEach((memory) => memory.clear());
const MEMORY = /^const (\w+)\s*= new (?:Weak)?Map\s*\(\);/gm;
const remember = "__remember__";
(globalThis as unknown as Record<string, unknown>)[remember] = (memory: Map<unknown, unknown>) => {
  memories.push(memory);
  return memory;
};

export class Modules {
  readonly #root: string;
  readonly #stripped = new Map<string, string>();
  readonly #importers: ReadonlyMap<string, ReadonlySet<string>>;
  #generation = 0;
  #reloaded: ReadonlySet<string> = new Set();

  constructor(directory: string) {
    this.#root = `${pathToFileURL(directory).href}/`;
    this.#importers = importersIn(directory);
    registerHooks({
      resolve: (specifier, context, next) => {
        const parent = context.parentURL;
        if (parent === undefined || !this.#holds(parent)) return next(specifier, context);
        const standin = STANDINS[specifier];
        if (standin !== undefined) return { url: standin, shortCircuit: true };
        const found = next(specifier, context);
        const [, generation] = parent.split("?");
        const again = generation !== undefined && this.#holds(found.url) && this.#reloaded.has(fileURLToPath(found.url));
        return again ? { ...found, url: `${found.url}?${generation}` } : found;
      },
      load: (url, context, next) => {
        const path = url.split("?")[0] ?? url;
        if (!this.#holds(url) || !path.endsWith(".ts")) return next(url, context);
        return { format: "module", source: this.#source(path), shortCircuit: true };
      },
    });
  }

  #holds(url: string): boolean {
    return url.startsWith(this.#root) && !url.includes("/node_modules/");
  }

  #source(url: string): string {
    const known = this.#stripped.get(url);
    if (known !== undefined) return known;
    const plain = stripTypeScriptTypes(fewer(readable(readFileSync(fileURLToPath(url), "utf8"))));
    const source = plain.replaceAll(MEMORY, `const $1 = ${remember}(new Map());`);
    this.#stripped.set(url, source);
    return source;
  }

  /** These files and all that import them, one through another. */
  dependants(paths: readonly string[]): ReadonlySet<string> {
    const found = new Set(paths);
    for (const path of found) for (const importer of this.#importers.get(path) ?? []) found.add(importer);
    return found;
  }

  load(path: string): Promise<unknown> {
    return import(pathToFileURL(path).href);
  }

  /** From now on, `loadRenewed` makes fresh copies of this file and of what depends on it; answers which those are. */
  renew(path: string): ReadonlySet<string> {
    this.#generation++;
    return (this.#reloaded = this.dependants([path]));
  }

  loadRenewed(path: string): Promise<unknown> {
    return import(`${pathToFileURL(path).href}?${this.#generation}`);
  }
}

/** Which files import a file for what it does, not for its types alone. */
function importersIn(directory: string): Map<string, Set<string>> {
  const importers = new Map<string, Set<string>>();
  for (const file of globSync(["src/{core,testing}/**/*.ts", "test/**/*.ts"], { cwd: directory })) {
    const path = resolve(directory, file);
    for (const [, specifier = ""] of readFileSync(path, "utf8").matchAll(IMPORT)) {
      const imported = resolve(dirname(path), specifier);
      importers.set(imported, (importers.get(imported) ?? new Set()).add(path));
    }
  }
  return importers;
}
