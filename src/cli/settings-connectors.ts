/** What connectors and runners can be told: a part of the settings' one table. */
import type { Setting } from "./settings-file.ts";

/** Declared once per file; absent when the file says nothing of it. */
export interface ConnectorSettings {
  /** Of the process that `pawl runner` starts. */
  readonly runner: {
    readonly urls: readonly string[];
    readonly environments: readonly string[];
    readonly labels: readonly string[];
    readonly memoryMib: number;
    readonly parallel: number;
  };
  /** What requests of the http connector may carry, and where to. */
  readonly credentials: readonly CredentialSettings[];
  readonly http: { readonly allowPrivate: readonly string[] };
  /** What the command connector may run here, and which variables it may hand on. */
  readonly command: { readonly programs: readonly string[]; readonly pass: readonly string[] };
  /** Of the server: whose work it leaves to enrolled runners. */
  readonly remoteConnectors: readonly string[];
}

export interface CredentialSettings {
  readonly name: string;
  readonly origins: readonly string[];
  readonly header: string;
  readonly scheme?: string;
  readonly valueEnv?: string;
  readonly valueFile?: string;
}

const NAMES = { pattern: /^[a-z0-9][a-z0-9._-]{0,63}$/, shape: "lower-case letters, digits, dots, dashes and underscores" };

export const CONNECTOR_SETTINGS: readonly Setting[] = [
  {
    name: "remote_connectors",
    type: "texts",
    ...NAMES,
    default: [],
    text: "Connectors whose work this server leaves to enrolled runners, even where it has them itself, such as `git`. Others that only a runner declares need not be named.",
  },
  {
    name: "runner.urls",
    type: "texts",
    pattern: /^https?:\/\/[^\s/?#@]+$/,
    shape: "http(s)://host:port",
    default: [],
    text: "Of `pawl runner`: every node of the control plane that it asks for work. When absent, where it enrolled.",
  },
  {
    name: "runner.environments",
    type: "texts",
    ...NAMES,
    default: [],
    text: "Of `pawl runner`: the environments that it serves, and no others. All that its connectors have, when absent.",
  },
  { name: "runner.labels", type: "texts", ...NAMES, default: [], text: "Of `pawl runner`: words by which people tell runners apart." },
  {
    name: "runner.memory_mib",
    type: "integer",
    least: 64,
    most: 65_536,
    default: 1024,
    text: "Of `pawl runner`: what the heap of one connector's process may hold, in MiB. One that wants more is ended.",
  },
  { name: "runner.parallel", type: "integer", least: 1, most: 64, default: 4, text: "Of `pawl runner`: runs at a time." },
  { name: "credentials[].name", type: "text", required: true, ...NAMES, text: "The name by which declared operations ask for it." },
  {
    name: "credentials[].origins",
    type: "texts",
    required: true,
    text: "The only origins that it is ever sent to, such as `https://tickets.example.com`.",
  },
  { name: "credentials[].header", type: "text", default: "Authorization", text: "The header that carries it." },
  { name: "credentials[].scheme", type: "text", text: "What stands before the value, such as `Bearer`." },
  {
    name: "credentials[].value_env",
    type: "text",
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
    shape: "the name of a variable",
    text: "The environment variable that holds the value. The value itself never stands here.",
  },
  { name: "credentials[].value_file", type: "path", text: "Or the file that holds it. It is read anew for every request." },
  {
    name: "http.allow_private",
    type: "texts",
    default: [],
    text: "Origins that may be on this machine or in a private network. Link-local addresses and metadata services are never connected to.",
  },
  {
    name: "command.programs",
    type: "texts",
    pattern: /^\//,
    shape: "absolute paths",
    default: [],
    text: "Programs that declared commands may run here, by absolute path; `*` stands for a part of one. None, when absent.",
  },
  {
    name: "command.pass",
    type: "texts",
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
    shape: "names of variables",
    default: [],
    text: "Environment variables that a declared command may be given as Pawl has them.",
  },
];
