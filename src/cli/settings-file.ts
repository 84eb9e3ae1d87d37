import { isAbsolute, resolve } from "node:path";
import { LineCounter, isMap, isScalar, isSeq, parseDocument, visit, type Node, type YAMLMap } from "yaml";
import { never, type Refusal } from "../core/base/index.ts";
import type { Override } from "./settings-env.ts";
import { nearest } from "./words.ts";

export type SettingType = "text" | "texts" | "path" | "address" | "origin" | "integer" | readonly string[];

export interface Setting {
  /** As in the file: `listen.port`; `[]` stands for each element of a list. */
  readonly name: string;
  readonly type: SettingType;
  readonly text: string;
  readonly default?: string | number | readonly string[];
  readonly env?: string;
  readonly least?: number;
  readonly most?: number;
  readonly pattern?: RegExp;
  /** The pattern, in words. */
  readonly shape?: string;
  readonly required?: boolean;
}

export type SettingsCode = "settings_unreadable" | "settings_syntax" | "setting_unknown" | "setting_invalid" | "setting_missing";

export interface SettingsFault extends Refusal<SettingsCode> {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  /** The line with a caret below it. */
  readonly caret?: string;
}

type Shape = { readonly kind: "leaf"; readonly setting: Setting } | { readonly kind: "list"; readonly item: Shape } | Branch;
interface Branch {
  readonly kind: "map";
  readonly children: Map<string, Shape>;
}

export interface FileInput {
  readonly text: string;
  readonly file: string;
  /** Relative paths in the file start here, and those of the environment at `cwd`. */
  readonly base: string;
  readonly cwd: string;
  readonly overrides: ReadonlyMap<string, Override>;
}

/** Judges the whole file against the table. The value has the table's shape in camelCase, with defaults and overrides in place. */
export function readTree(
  settings: readonly Setting[],
  input: FileInput,
): { readonly value: Readonly<Record<string, unknown>>; readonly faults: readonly SettingsFault[] } {
  const reader = new Reader(input);
  const root = reader.parse();
  const value = root === undefined ? {} : reader.map(shapeOf(settings), root === "empty" ? undefined : root, "");
  if (reader.faults.length === 0) reader.database(value);
  return { value, faults: reader.faults };
}

function shapeOf(settings: readonly Setting[]): Branch {
  const root: Branch = { kind: "map", children: new Map() };
  for (const setting of settings) {
    let at = root;
    const parts = setting.name.split(".");
    for (const part of parts.slice(0, -1)) {
      const key = part.replace("[]", "");
      const found = at.children.get(key) ?? (part.endsWith("[]") ? { kind: "list", item: emptyBranch() } : emptyBranch());
      at.children.set(key, found);
      at = (found.kind === "list" ? found.item : found) as Branch;
    }
    at.children.set(parts.at(-1) ?? "", { kind: "leaf", setting });
  }
  return root;
}

const emptyBranch = (): Branch => ({ kind: "map", children: new Map() });
const camel = (key: string): string => key.replaceAll(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
/** Also of an address that is written wrongly: that is when a line is shown. */
const CREDENTIALS = /(?<=:\/)[^\s"']+(?=@)|(?<=passw(?:or)?d["']?\s*[=:]\s*["']?)[^\s"',&]+/giu;
const LINE = 160;
const MOST_FAULTS = 50;

class Reader {
  readonly faults: SettingsFault[] = [];
  readonly #input: FileInput;
  readonly #lines = new LineCounter();

  constructor(input: FileInput) {
    this.#input = input;
  }

  #fault(code: SettingsCode, at: number | undefined, message: string, more: { where?: string; remedy?: string } = {}): undefined {
    if (this.faults.length < MOST_FAULTS) this.faults.push({ code, message, ...more, ...(at === undefined ? {} : this.#place(at)) });
    return undefined;
  }

  #place(at: number): Pick<SettingsFault, "file" | "line" | "column" | "caret"> {
    const { text, file } = this.#input;
    const { line, col } = this.#lines.linePos(Math.min(at, text.length));
    const whole = text.split("\n")[line - 1] ?? "";
    const from = Math.max(0, col - 1 - LINE / 2);
    // Whoever reads this over a shoulder or in a log learns no password of an address.
    const masked = whole.replaceAll(CREDENTIALS, (credentials) => "*".repeat(credentials.length));
    const shown = masked.slice(from, from + LINE).replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "·");
    return { file, line, column: col, caret: `${shown}\n${" ".repeat(col - 1 - from)}^` };
  }

  /** The document's top map; `undefined` when it cannot be read, with the faults told. */
  parse(): YAMLMap | "empty" | undefined {
    try {
      return this.#document();
    } catch (error) {
      // The YAML reader goes down one call for each level.
      if (!(error instanceof RangeError)) throw error;
      return this.#fault("settings_syntax", 0, "is nested too deeply to be read", { remedy: "see docs/settings.md for an example" });
    }
  }

  #document(): YAMLMap | "empty" | undefined {
    const document = parseDocument(this.#input.text, {
      version: "1.2",
      schema: "core",
      merge: false,
      strict: true,
      uniqueKeys: true,
      prettyErrors: false,
      lineCounter: this.#lines,
    });
    for (const { pos, message } of [...document.errors, ...document.warnings]) {
      this.#fault("settings_syntax", pos[0], `is not YAML that can be read: ${message}`, { remedy: "see docs/settings.md for an example" });
    }
    visit(document, {
      Alias: (_, node) =>
        this.#fault("settings_syntax", node.range?.[0], "is an alias; settings have none", { remedy: "write the value out" }),
    });
    if (this.faults.length > 0) return undefined;
    const { contents } = document;
    if (contents === null || (isScalar(contents) && contents.value === null)) return "empty";
    return isMap(contents)
      ? contents
      : this.#fault("setting_invalid", contents.range?.[0], "the settings must be a map of names to values");
  }

  map(shape: Branch, node: YAMLMap | undefined, path: string): Record<string, unknown> {
    const given = new Map<string, Node | undefined>();
    for (const { key, value } of node?.items ?? []) {
      const name = isScalar(key) ? String(key.value) : "";
      const at = (key as Node | null)?.range?.[0];
      if (shape.children.has(name)) given.set(name, (value as Node | null) ?? undefined);
      else this.#unknown(name, at, path, [...shape.children.keys()]);
    }
    const value: Record<string, unknown> = {};
    for (const [name, child] of shape.children) {
      const read = this.#value(child, given.get(name), join(path, name), node?.range?.[0]);
      if (read !== undefined) value[camel(name)] = read;
    }
    return value;
  }

  #unknown(name: string, at: number | undefined, path: string, known: readonly string[]): void {
    const near = nearest(name, known);
    const remedy =
      near === undefined ? `known ${path === "" ? "at the top" : `in ${path}`}: ${known.join(", ")}` : `did you mean ${join(path, near)}?`;
    this.#fault("setting_unknown", at, `${join(path, name.slice(0, 80))} is not a setting`, {
      where: join(path, name.slice(0, 80)),
      remedy,
    });
  }

  #value(shape: Shape, node: Node | undefined, path: string, parent: number | undefined): unknown {
    const empty = node === undefined || (isScalar(node) && node.value === null);
    const at = node?.range?.[0];
    switch (shape.kind) {
      case "leaf":
        return this.#leaf(shape.setting, empty ? undefined : node, path, parent);
      case "map":
        if (empty || isMap(node)) return this.map(shape, empty ? undefined : (node as YAMLMap), path);
        return this.#fault("setting_invalid", at, `${path} must be a map of names to values`, {
          where: path,
          remedy: `it has: ${[...shape.children.keys()].join(", ")}`,
        });
      case "list":
        if (empty) return [];
        if (!isSeq(node))
          return this.#fault("setting_invalid", at, `${path} must be a list`, { where: path, remedy: "start each element with a dash" });
        return this.#list(shape.item, node.items as (Node | null)[], path);
      default:
        return never(shape, "shape of a setting");
    }
  }

  #list(item: Shape, nodes: readonly (Node | null)[], path: string): unknown[] {
    const names = new Set<unknown>();
    return nodes.map((node, i) => {
      const value = this.#value(item, node ?? undefined, `${path}[${i}]`, node?.range?.[0]) as Record<string, unknown> | undefined;
      const name = value?.["name"];
      if (name !== undefined && names.has(name))
        this.#fault("setting_invalid", node?.range?.[0], `${path}[${i}].name is taken by an earlier element`, {
          where: `${path}[${i}].name`,
          remedy: "give each its own name",
        });
      names.add(name);
      return value;
    });
  }

  #leaf(setting: Setting, node: Node | undefined, path: string, parent: number | undefined): unknown {
    const override = this.#input.overrides.get(setting.name);
    if (override !== undefined) return this.#judge(setting, override.value, { at: undefined, what: override.from, base: this.#input.cwd });
    if (node === undefined) {
      if (setting.required === true)
        return this.#fault("setting_missing", parent, `${path} is missing`, { where: path, remedy: setting.text });
      return setting.default === undefined ? undefined : this.#resolved(setting, setting.default, this.#input.base);
    }
    const at = node.range?.[0];
    if (isMap(node) || (isSeq(node) && setting.type !== "texts"))
      return this.#fault("setting_invalid", at, `${path} must be a single value`, { where: path, remedy: setting.text });
    const value: unknown = isSeq(node)
      ? node.items.map((item) => (isScalar(item) ? item.value : undefined))
      : isScalar(node)
        ? node.value
        : undefined;
    return this.#judge(setting, value, { at, what: path, base: this.#input.base });
  }

  #judge(setting: Setting, value: unknown, { at, what, base }: { at: number | undefined; what: string; base: string }): unknown {
    const wrong = faultOf(setting, value);
    if (wrong === undefined) return this.#resolved(setting, value, base);
    return this.#fault("setting_invalid", at, `${what} ${wrong}`, { where: what, remedy: setting.text });
  }

  #resolved(setting: Setting, value: unknown, base: string): unknown {
    if (typeof value !== "string") return value;
    if (setting.type === "origin") return new URL(value).origin;
    if (setting.type === "path") return resolve(base, value);
    // What git would take for an address stays as it is.
    return setting.type === "address" && !/^[a-z+]+:\/\/|^[^/]+@?[^/]*:/.test(value) && !isAbsolute(value) ? resolve(base, value) : value;
  }

  /** The one rule that spans two settings. */
  database(value: Record<string, unknown>): void {
    const { kind, url } = value["database"] as { readonly kind: string; readonly url?: string };
    if (kind === "postgres" && url === undefined)
      this.#fault("setting_missing", undefined, "database.url is missing: database.kind is postgres", {
        where: "database.url",
        remedy: "set it, or PAWL_DATABASE_URL",
      });
    if (kind === "sqlite" && url !== undefined)
      this.#fault("setting_invalid", undefined, "database.url is set, but database.kind is sqlite", {
        where: "database.kind",
        remedy: "set database.kind to postgres, or remove the url",
      });
  }
}

const join = (path: string, key: string): string => (path === "" ? key : `${path}.${key}`);

function faultOf(setting: Setting, value: unknown): string | undefined {
  const { type, least, most } = setting;
  if (type === "integer") {
    const fits =
      typeof value === "number" && Number.isInteger(value) && value >= (least ?? 0) && value <= (most ?? Number.MAX_SAFE_INTEGER);
    return fits ? undefined : `must be a whole number from ${least ?? 0} to ${most ?? Number.MAX_SAFE_INTEGER}`;
  }
  if (typeof type !== "string") return type.includes(value as string) ? undefined : `must be ${type.join(" or ")}`;
  if (type === "texts") {
    if (!Array.isArray(value) || value.length === 0) return "must be a list with at least one text";
    return value
      .map((item) => textFault(setting, item))
      .find((fault) => fault !== undefined)
      ?.replace(/^must be/, "must hold only what is");
  }
  return textFault(setting, value);
}

function textFault({ type, pattern, shape }: Setting, value: unknown): string | undefined {
  if (typeof value !== "string") return "must be text: put it in quotes";
  if (value === "" || value.length > 1000 || /\p{Cc}/u.test(value)) return "must be text of 1 to 1000 characters on one line";
  if (type === "origin" && !isOrigin(value)) return "must be http:// or https:// with a host, and nothing after it";
  if (type === "address") return addressFault(value);
  return pattern === undefined || pattern.test(value) ? undefined : `must be ${shape ?? "of another form"}`;
}

/** What git may be given: it can start programs, and shows its address in messages. */
function addressFault(text: string): string | undefined {
  if (/^https?:\/\/[^/]*@/.test(text)) return "must hold no credentials: git asks ssh's agent, or GIT_ASKPASS of the environment";
  if (/^[a-z+]+::/.test(text)) return "must name no helper program";
  const remote = /^[a-z+]+:\/\/|^[^/]*:/.test(text);
  return remote && !/^(https|ssh|file):\/\/|^[\w.]+@[^/:]+:/.test(text)
    ? "must be a path, https://…, ssh://…, file://… or user@host:path"
    : undefined;
}

function isOrigin(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return (
    url !== undefined &&
    /^https?:$/.test(url.protocol) &&
    url.pathname === "/" &&
    url.search === "" &&
    url.hash === "" &&
    url.username === ""
  );
}
