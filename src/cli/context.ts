import { AssertionError } from "node:assert";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { Client, strangeAnswer } from "./client.ts";
import { CliError, EXIT, usage } from "./errors.ts";
import { loadSettings, type Loaded } from "./settings.ts";
import type { Io, Terminal } from "./terminal.ts";
import { plural } from "./words.ts";

/** Options that every command has. */
export interface Globals {
  readonly url?: string;
  readonly token?: string;
  readonly as?: string;
  readonly config?: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
  readonly color: boolean;
}

/** What a command works with. Settings are read when first wanted, so that `--help` never fails on a bad file. */
export class Context {
  readonly io: Io;
  readonly terminal: Terminal;
  readonly #globals: Globals;
  #loaded: Loaded | undefined;
  #client: Client | undefined;
  /** The last question that a server answered in JSON. */
  #heard: string | undefined;
  /** A check that did not hold, or an end that is not the wished-for one: the result is printed all the same. */
  exit: 0 | 1 = 0;

  constructor(io: Io, terminal: Terminal, globals: Globals) {
    this.io = io;
    this.terminal = terminal;
    this.#globals = globals;
  }

  get loaded(): Loaded {
    if (this.#loaded !== undefined) return this.#loaded;
    const { config } = this.#globals;
    const read = loadSettings({ cwd: this.io.cwd, env: this.io.env, ...(config === undefined ? {} : { config }) });
    if (!read.ok) {
      const [first] = read.error;
      const unreadable = first?.code === "settings_unreadable" ? first : undefined;
      const place = first?.file ?? first?.where;
      throw new CliError(EXIT.usage, "settings", unreadable?.message ?? `the settings have ${plural(read.error.length, "fault")}`, {
        ...(place === undefined ? {} : { where: place }),
        remedy: unreadable?.remedy ?? "docs/settings.md explains every setting",
        ...(unreadable === undefined ? { faults: read.error } : {}),
      });
    }
    this.#loaded = read.value;
    return read.value;
  }

  get settings(): Loaded["settings"] {
    return this.loaded.settings;
  }

  get client(): Client {
    this.#client ??= this.clientWith(this.token());
    return this.#client;
  }

  clientWith(token: string | undefined): Client {
    const client = new Client({
      ...this.address(),
      signal: this.io.signal,
      heard: (asked) => (this.#heard = asked),
      ...(token === undefined ? {} : { token }),
    });
    const { protocol, hostname } = new URL(client.url);
    if (token !== undefined && protocol === "http:" && !/^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname))
      this.terminal.warn(`the token goes to ${hostname} unencrypted: use https`);
    return client;
  }

  /** Reading a deep answer that is not of the API's form may end in any error of the language: told as what it is, with its words. */
  misread(error: unknown): CliError | undefined {
    const slip = [TypeError, RangeError, SyntaxError, AssertionError].some((kind) => error instanceof kind);
    if (!slip || this.#heard === undefined) return undefined;
    return strangeAnswer(new URL(this.address().url).origin, `${this.#heard}: ${(error as Error).message.slice(0, 300)}`);
  }

  address(): { readonly url: string; readonly from: string } {
    const { url } = this.#globals;
    if (url !== undefined) return { url, from: "given with --url" };
    const told = this.io.env["PAWL_URL"];
    if (told !== undefined && told !== "") return { url: told, from: "in PAWL_URL" };
    const { listen } = this.settings;
    const host = listen.host === "0.0.0.0" || listen.host === "::" ? "127.0.0.1" : listen.host;
    return {
      url: `http://${host.includes(":") ? `[${host}]` : host}:${listen.port}`,
      from: `where the settings let a server listen${this.loaded.file === undefined ? "" : ` (${this.loaded.file})`}`,
    };
  }

  /** The bearer: given, from the environment, or the file that `--as` or PAWL_AS names. There is no silent default: who acts is always said. */
  token(): string | undefined {
    const { token, as } = this.#globals;
    if (token !== undefined && as !== undefined) throw usage("--token and --as both say who you are", { remedy: "keep one of them" });
    if (token !== undefined) return checked(token, "--token");
    if (as !== undefined) return this.#stored(as, "--as");
    const { PAWL_TOKEN: told, PAWL_AS: name } = this.io.env;
    if (told !== undefined && told !== "") return checked(told, "PAWL_TOKEN");
    return name === undefined || name === "" ? undefined : this.#stored(name, "PAWL_AS");
  }

  #stored(name: string, from: string): string {
    const folder = join(this.settings.dataDir, "tokens");
    const known = knownNames(folder);
    if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name) || !known.includes(name)) {
      throw usage(`there is no token for ${name}`, {
        where: `${from}, in ${folder}`,
        remedy: known.length === 0 ? "`pawl up` makes the first tokens; elsewhere use --token or PAWL_TOKEN" : `known: ${known.join(", ")}`,
      });
    }
    return checked(readFileSync(join(folder, name), "utf8").trim(), join(folder, name));
  }

  /** The caller, for commands that only a known caller can use: says so before the server must. */
  get known(): Client {
    if (this.token() !== undefined) return this.client;
    const names = knownNames(join(this.settings.dataDir, "tokens"));
    const remedy =
      names.length === 0
        ? "pass --token or set PAWL_TOKEN; `pawl up` makes the first tokens"
        : `pass --as ${names.join(" or --as ")}, or set PAWL_AS`;
    throw usage("who are you? no token was given", { remedy });
  }
}

export function knownNames(folder: string): readonly string[] {
  try {
    return readdirSync(folder).toSorted();
  } catch {
    return [];
  }
}

function checked(token: string, where: string): string {
  if (/^[\x21-\x7e]{8,200}$/.test(token)) return token;
  throw usage("this is not a token", { where, remedy: "a token is one word that starts with pawl_" });
}
