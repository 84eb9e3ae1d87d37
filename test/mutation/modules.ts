/** Loads the instrumented sources: with our stand-ins for the test libraries, and again where a mutant sits in what runs once. */
import { readFileSync } from "node:fs";
import { registerHooks, stripTypeScriptTypes } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

const STANDINS: Readonly<Record<string, string>> = {
  "node:test": new URL("node-test.ts", import.meta.url).href,
  "fast-check": new URL("fast-check.ts", import.meta.url).href,
};

export class Modules {
  /** What each module is imported by, as the first load found it. */
  readonly #importers = new Map<string, Set<string>>();
  readonly #stripped = new Map<string, string>();
  readonly #root: string;
  #generation = 0;
  #reloaded: ReadonlySet<string> = new Set();

  constructor(directory: string) {
    this.#root = `${pathToFileURL(directory).href}/`;
    registerHooks({
      resolve: (specifier, context, next) => {
        const parent = context.parentURL;
        if (parent === undefined || !this.#holds(parent)) return next(specifier, context);
        const standin = STANDINS[specifier];
        if (standin !== undefined) return { url: standin, shortCircuit: true };
        const found = next(specifier, context);
        return this.#holds(found.url) ? { ...found, url: this.#address(found.url, parent) } : found;
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
    const source = this.#stripped.get(url) ?? stripTypeScriptTypes(readable(readFileSync(fileURLToPath(url), "utf8")));
    this.#stripped.set(url, source);
    return source;
  }

  #address(url: string, parent: string): string {
    const [path = url] = url.split("?");
    const [importer = parent, generation] = parent.split("?");
    if (generation !== undefined) return this.#reloaded.has(path) ? `${path}?${generation}` : path;
    const importers = this.#importers.get(path) ?? new Set();
    this.#importers.set(path, importers.add(importer));
    return path;
  }

  load(path: string): Promise<unknown> {
    return import(pathToFileURL(path).href);
  }

  /** Begins a fresh copy of this file and of all that import it, one after another; answers which those are. */
  renew(path: string): ReadonlySet<string> {
    const found = new Set([pathToFileURL(path).href]);
    for (const url of found) for (const importer of this.#importers.get(url) ?? []) found.add(importer);
    this.#generation++;
    this.#reloaded = found;
    return new Set([...found].map((url) => fileURLToPath(url)));
  }

  loadRenewed(path: string): Promise<unknown> {
    return import(`${pathToFileURL(path).href}?${this.#generation}`);
  }
}

/** The instrumenter prints `(a as Type) < b` without its brackets, which then begins a list of type arguments. */
const readable = (source: string): string => source.replaceAll(/([\w.]+ as \w+) </g, "($1) <");
