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
  readonly command: { readonly programs: readonly string[]; readonly probes: readonly string[]; readonly pass: readonly string[] };
  readonly databases: readonly DatabaseSettings[];
  readonly terraform: readonly TerraformSettings[];
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

export interface TerraformSettings {
  readonly name: string;
  readonly source: string;
  readonly ref?: string;
  readonly refs?: readonly string[];
  readonly dir: string;
  readonly environment: string;
  readonly workspace: string;
  readonly binary: string;
  readonly planEnv?: readonly string[];
  readonly applyEnv?: readonly string[];
  readonly variables?: readonly string[];
  readonly backendConfig?: readonly string[];
  readonly pluginDir?: string;
  readonly targets: "refused" | "allowed";
  readonly planLock: "held" | "none";
  readonly parallelism: number;
  readonly lockTimeoutSeconds: number;
  readonly planLifetimeSeconds: number;
}

export interface DatabaseSettings {
  readonly name: string;
  readonly kind: "postgres" | "sqlite";
  readonly environment: string;
  readonly urlEnv?: string;
  readonly readUrlEnv?: string;
  readonly copyUrlEnv?: string;
  readonly path?: string;
  readonly rehearse: "copy" | "here" | "none";
  readonly statementTimeoutSeconds: number;
  readonly lockTimeoutSeconds: number;
  readonly schemas?: readonly string[];
  readonly sensitive?: readonly string[];
  readonly classes?: readonly string[];
  readonly verify?: readonly string[];
  readonly outsideTransaction?: readonly string[];
  readonly maxRows: number;
  readonly sampleRows: number;
  readonly backupDays: number;
}

const VARIABLE = { pattern: /^[A-Z_][A-Z0-9_]{0,127}$/, shape: "the name of a variable" };
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
    name: "command.probes",
    type: "texts",
    pattern: /^\//,
    shape: "command lines that begin with an absolute path",
    default: [],
    text: "Command lines that may run here to look at a state, as `/usr/bin/name --current`; `*` stands for a part of an argument. A look needs no approval, so none may, when absent.",
  },
  {
    name: "command.pass",
    type: "texts",
    pattern: /^[A-Za-z_][A-Za-z0-9_]*$/,
    shape: "names of variables",
    default: [],
    text: "Environment variables that a declared command may be given as Pawl has them.",
  },
  { name: "databases[].name", type: "text", required: true, ...NAMES, text: "The name by which proposers ask for the database." },
  { name: "databases[].kind", type: ["postgres", "sqlite"], required: true, text: "What it is: `postgres` or `sqlite`." },
  {
    name: "databases[].environment",
    type: "text",
    required: true,
    text: "The environment it counts to, such as `production`; policy can ask for it.",
  },
  {
    name: "databases[].url_env",
    type: "text",
    ...VARIABLE,
    text: "With `postgres`: the environment variable that holds its connection URL.",
  },
  { name: "databases[].read_url_env", type: "text", ...VARIABLE, text: "Likewise, for a role that only reads." },
  { name: "databases[].copy_url_env", type: "text", ...VARIABLE, text: "Likewise, for the copy on which statements are tried out." },
  { name: "databases[].path", type: "path", text: "With `sqlite`: the file." },
  {
    name: "databases[].rehearse",
    type: ["copy", "here", "none"],
    default: "copy",
    text: "Where statements are tried out, in a transaction that is rolled back: on a `copy`, `here` on the database itself, or nowhere (`none`).",
  },
  {
    name: "databases[].statement_timeout_seconds",
    type: "integer",
    least: 1,
    most: 86_400,
    default: 30,
    text: "How long one statement may take.",
  },
  {
    name: "databases[].lock_timeout_seconds",
    type: "integer",
    least: 1,
    most: 3600,
    default: 5,
    text: "How long to wait for a lock that somebody else holds.",
  },
  {
    name: "databases[].schemas",
    type: "texts",
    text: "With `postgres`: schemas that may be named. Names without one are looked up in the first. `public`, when absent.",
  },
  {
    name: "databases[].sensitive",
    type: "texts",
    text: "Columns whose values are shown to nobody, as patterns of `schema.table.column`; `*` stands for a part.",
  },
  { name: "databases[].classes", type: "texts", text: "What kind of data columns hold, such as `public.users.email=personal`." },
  { name: "databases[].verify", type: "texts", text: "Queries that must each answer true after a change, or it is taken back." },
  {
    name: "databases[].outside_transaction",
    type: "texts",
    text: "Beginnings of statements that no transaction can hold and that may run all the same, such as `CREATE INDEX CONCURRENTLY`.",
  },
  {
    name: "databases[].max_rows",
    type: "integer",
    least: 1,
    most: 200_000,
    default: 10_000,
    text: "The most rows of a table that one change may touch. All of them are kept for the undo.",
  },
  {
    name: "databases[].sample_rows",
    type: "integer",
    least: 0,
    most: 50,
    default: 5,
    text: "Rows that reviewers are shown of each effect.",
  },
  { name: "databases[].backup_days", type: "integer", least: 1, most: 3650, default: 30, text: "How long the rows as they were are kept." },
  { name: "terraform[].name", type: "text", required: true, ...NAMES, text: "The name by which proposers ask for the workspace." },
  {
    name: "terraform[].source",
    type: "address",
    required: true,
    text: "Where the configuration is: a folder on this machine, or a repository (`https://…`, `ssh://…`, `user@host:path`, or a path that ends in `.git`).",
  },
  { name: "terraform[].ref", type: "text", text: "Of a repository: the branch or tag that is taken where a proposer names no commit." },
  {
    name: "terraform[].refs",
    type: "texts",
    text: "Further branches whose commits proposers may name, such as `release/*`. Planning runs what a commit says, with `plan_env`.",
  },
  { name: "terraform[].dir", type: "text", default: ".", text: "The configuration's folder within the source." },
  {
    name: "terraform[].environment",
    type: "text",
    required: true,
    text: "The environment it counts to, such as `production`; policy can ask for it.",
  },
  { name: "terraform[].workspace", type: "text", default: "default", text: "Terraform's own workspace." },
  { name: "terraform[].binary", type: "text", default: "terraform", text: "`terraform` or `tofu`, as PATH finds it, or an absolute path." },
  {
    name: "terraform[].plan_env",
    type: "texts",
    text: "Environment variables to plan with, `NAME` or `NAME=FROM`, such as credentials that only read: whatever a provider runs while planning sees them.",
  },
  {
    name: "terraform[].apply_env",
    type: "texts",
    text: "Those to apply with as well, instead of those of the same name. Planning never sees them.",
  },
  {
    name: "terraform[].variables",
    type: "texts",
    text: "What a proposer may set, such as `image_tag:string`; types are `string`, `number` and `bool`. Nothing, when absent.",
  },
  { name: "terraform[].backend_config", type: "texts", text: "What the backend is told, such as `path=/srv/state/net.tfstate`." },
  { name: "terraform[].plugin_dir", type: "path", text: "Where providers are taken from, instead of a registry." },
  {
    name: "terraform[].targets",
    type: ["refused", "allowed"],
    default: "refused",
    text: "Whether a part of a configuration may be applied alone.",
  },
  {
    name: "terraform[].plan_lock",
    type: ["held", "none"],
    default: "held",
    text: "Whether planning holds the state's lock; `none` where the credentials to plan with cannot.",
  },
  { name: "terraform[].parallelism", type: "integer", least: 1, most: 256, default: 10, text: "Objects that are worked on at a time." },
  {
    name: "terraform[].lock_timeout_seconds",
    type: "integer",
    least: 0,
    most: 3600,
    default: 30,
    text: "How long to wait for a lock of the state that somebody else holds.",
  },
  {
    name: "terraform[].plan_lifetime_seconds",
    type: "integer",
    least: 60,
    most: 2_592_000,
    default: 604_800,
    text: "How long a plan file is kept. It holds secrets; after that the change must be planned again.",
  },
];
