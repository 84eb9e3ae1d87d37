/** What a deployment can be told: the one table that the file is judged by, the documents are checked against, and `Settings` is read from. */
import { existsSync, readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fail, ok, type Result } from "../core/base/index.ts";
import { readEnvironment } from "./settings-env.ts";
import { CONNECTOR_SETTINGS, type ConnectorSettings } from "./settings-connectors.ts";
import { readTree, type Setting, type SettingsFault } from "./settings-file.ts";

export interface Settings extends ConnectorSettings {
  readonly dataDir: string;
  readonly listen: { readonly host: string; readonly port: number };
  readonly publicUrl?: string;
  readonly trustedHosts: readonly string[];
  readonly database: { readonly kind: "sqlite" } | { readonly kind: "postgres"; readonly url: string; readonly poolSize: number };
  readonly origin?: string;
  readonly repositories: readonly RepositorySettings[];
  readonly witnesses: readonly { readonly url: string; readonly key: string }[];
  readonly anchors: readonly AnchorSettings[];
  readonly commitIdentity: { readonly name: string; readonly email: string };
  readonly limits: {
    readonly changeLifetimeSeconds: number;
    readonly grantLifetimeSeconds: number;
    readonly clockSkewSeconds: number;
    readonly planTimeoutSeconds: number;
    readonly runTimeoutSeconds: number;
    readonly leaseSeconds: number;
    readonly openChangesPerProposer: number;
    readonly bodyBytes: number;
  };
  readonly rate: { readonly perCredentialPerMinute: number; readonly anonymousPerMinute: number };
  readonly seeds: { readonly policy?: string; readonly directory?: string; readonly connectors?: string };
}

/** Either a file or a repository, which the start looks after. */
export interface AnchorSettings {
  readonly name: string;
  readonly file?: string;
  readonly repository?: string;
  readonly branch: string;
  readonly everySeconds: number;
}

export interface RepositorySettings {
  readonly name: string;
  readonly url: string;
  readonly environment: string;
  readonly branches?: readonly string[];
  readonly verify?: { readonly argv: readonly string[]; readonly timeoutSeconds: number };
}

const DAY = 86_400;
const MIB = 1024 * 1024;
const NAME = { pattern: /^[a-z0-9][a-z0-9._-]{0,63}$/, shape: "lower-case letters, digits, dots, dashes and underscores" };
const seconds = (least: number, most: number) => ({ type: "integer", least, most }) as const;

export const SETTINGS: readonly Setting[] = [
  {
    name: "data_dir",
    type: "path",
    default: "./.pawl",
    env: "PAWL_DATA",
    text: "Where keys, tokens, the embedded database and work folders live.",
  },
  {
    name: "listen.host",
    type: "text",
    pattern: /^[0-9A-Za-z.:_-]+$/,
    shape: "a host name or an address",
    default: "127.0.0.1",
    env: "PAWL_LISTEN",
    text: "Address to listen on.",
  },
  {
    name: "listen.port",
    type: "integer",
    least: 0,
    most: 65_535,
    default: 7295,
    env: "PAWL_LISTEN",
    text: "Port to listen on; 0 takes any free one.",
  },
  {
    name: "public_url",
    type: "origin",
    env: "PAWL_PUBLIC_URL",
    text: "How people reach Pawl when something stands before it, such as `https://pawl.example.com`.",
  },
  {
    name: "trusted_hosts",
    type: "texts",
    pattern: /^[0-9A-Za-z.:[\]-]+$/,
    shape: "`name` or `name:port`",
    default: [],
    text: "Further Host headers to answer to.",
  },
  {
    name: "database.kind",
    type: ["sqlite", "postgres"],
    default: "sqlite",
    text: "`sqlite` is embedded, for one Pawl process; `postgres` is a server of its own, for several.",
  },
  {
    name: "database.url",
    type: "text",
    pattern: /^postgres(ql)?:\/\/\S+$/,
    shape: "a postgres:// URL",
    env: "PAWL_DATABASE_URL",
    text: "With `postgres`: where it is. The variable implies `postgres`.",
  },
  {
    name: "database.pool_size",
    type: "integer",
    least: 1,
    most: 200,
    default: 10,
    text: "With `postgres`: connections that one node holds at most.",
  },
  {
    name: "origin",
    type: "text",
    pattern: /^[0-9A-Za-z][0-9A-Za-z._/-]{0,199}$/,
    shape: "a name such as `pawl.example.com/ledger`",
    text: "The ledger's name in its checkpoints. Made at the first start and kept; it cannot change afterwards.",
  },
  { name: "repositories[].name", type: "text", required: true, ...NAME, text: "The name by which proposers ask for the repository." },
  {
    name: "repositories[].url",
    type: "address",
    required: true,
    text: "A path, or an address that git knows: `https://…`, `ssh://…`, `file://…`, `user@host:path`.",
  },
  {
    name: "repositories[].environment",
    type: "text",
    required: true,
    ...NAME,
    text: "The environment it counts to, such as `production`; policy can ask for it.",
  },
  {
    name: "repositories[].branches",
    type: "texts",
    text: "Branches that may be changed, as patterns (`*` within a segment, `**` across). All, when absent.",
  },
  {
    name: "repositories[].verify.argv",
    type: "texts",
    text: "A program and its arguments, run in a fresh checkout of the result; when it fails, the change is undone.",
  },
  { name: "repositories[].verify.timeout_seconds", ...seconds(1, 3600), default: 300, text: "How long that program may take." },
  {
    name: "witnesses[].url",
    type: "text",
    required: true,
    pattern: /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
    shape: "an http(s):// address without credentials",
    text: "A witness (C2SP tlog-witness) that is shown each new head of the ledger, such as one that `pawl witness` runs elsewhere.",
  },
  {
    name: "witnesses[].key",
    type: "text",
    required: true,
    pattern: /^[^\s+]+\+[0-9a-f]{8}\+[A-Za-z0-9+/=]+$/,
    shape: "a verifier key, name+id+key",
    text: "Its verifier key, as it prints it when it starts.",
  },
  {
    name: "anchors[].name",
    type: "text",
    required: true,
    ...NAME,
    text: "A place outside the database where the ledger's head is written down, by what messages call it. It has a file or a repository.",
  },
  {
    name: "anchors[].file",
    type: "path",
    text: "A file that only grows: a line of JSON for each head, on the disk before the next is written. On another machine's disk it is worth most.",
  },
  {
    name: "anchors[].repository",
    type: "address",
    text: "A git repository that gets a commit for each head, pushed and never forced, with the signed head in the file `checkpoint`.",
  },
  {
    name: "anchors[].branch",
    type: "text",
    pattern: /^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$/,
    shape: "letters, digits, dashes and underscores",
    default: "checkpoints",
    text: "With a repository: the branch.",
  },
  { name: "anchors[].every_seconds", ...seconds(5, DAY), default: 60, text: "A new head is written down at most so often." },
  { name: "commit_identity.name", type: "text", default: "Pawl", text: "The committer's name in commits that Pawl makes." },
  {
    name: "commit_identity.email",
    type: "text",
    pattern: /^[^\s@<>]+@[^\s@<>]+$/,
    shape: "an e-mail address",
    default: "pawl@localhost",
    text: "The committer's address.",
  },
  {
    name: "limits.change_lifetime_seconds",
    ...seconds(60, 30 * DAY),
    default: 7 * DAY,
    text: "A change that has not started by then expires.",
  },
  { name: "limits.grant_lifetime_seconds", ...seconds(60, 30 * DAY), default: DAY, text: "How long a grant may wait for its runner." },
  {
    name: "limits.clock_skew_seconds",
    ...seconds(0, 600),
    default: 30,
    text: "Tolerated difference between the clocks of nodes and runners.",
  },
  { name: "limits.plan_timeout_seconds", ...seconds(1, 3600), default: 60, text: "How long observing and planning may take." },
  {
    name: "limits.run_timeout_seconds",
    ...seconds(1, DAY),
    default: 600,
    text: "How long one run may take before its outcome counts as unknown.",
  },
  {
    name: "limits.lease_seconds",
    ...seconds(2, 3600),
    default: 60,
    text: "A node that is not heard of for so long loses its jobs to another, and a run that it had is given up.",
  },
  {
    name: "limits.open_changes_per_proposer",
    type: "integer",
    least: 1,
    most: 100_000,
    default: 100,
    text: "How many open changes one proposer may have.",
  },
  {
    name: "limits.body_bytes",
    type: "integer",
    least: 64 * 1024,
    most: 256 * MIB,
    default: 12 * MIB,
    text: "The largest request body that is read.",
  },
  {
    name: "rate.per_credential_per_minute",
    type: "integer",
    least: 1,
    most: 1_000_000,
    default: 1200,
    text: "Requests that one token may make in a minute.",
  },
  {
    name: "rate.anonymous_per_minute",
    type: "integer",
    least: 1,
    most: 1_000_000,
    default: 300,
    text: "Requests without a token from one address in a minute.",
  },
  {
    name: "seeds.policy",
    type: "path",
    text: "The policy of the first start. Afterwards policy is changed by changes, and this is not read.",
  },
  { name: "seeds.directory", type: "path", text: "The people, machines and groups of the first start, as JSON; likewise." },
  { name: "seeds.connectors", type: "path", text: "The declared operations of the first start, as YAML; likewise. None, when absent." },
  ...CONNECTOR_SETTINGS,
];

export const CONFIG_FILE = "pawl.yaml";
const MAX_FILE = 256 * 1024;

export interface Loaded {
  readonly settings: Settings;
  /** The file that was read; absent when there was none. */
  readonly file?: string;
}

export interface Sources {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** From `--config`; then PAWL_CONFIG; then ./pawl.yaml if it is there. */
  readonly config?: string;
}

/** File and environment together, or every fault of both. */
export function loadSettings({ cwd, env, config }: Sources): Result<Loaded, readonly SettingsFault[]> {
  const named = config ?? (env["PAWL_CONFIG"] === "" ? undefined : env["PAWL_CONFIG"]);
  const path = resolve(cwd, named ?? CONFIG_FILE);
  const present = named !== undefined || existsSync(path);
  const text = present ? readText(path) : ok("");
  if (!text.ok) return fail([text.error]);
  const overrides = readEnvironment(SETTINGS, env);
  const tree = readTree(SETTINGS, { text: text.value, file: path, base: present ? dirname(path) : cwd, overrides: overrides.values, cwd });
  const faults = [...tree.faults.toSorted((a, b) => (a.line ?? 0) - (b.line ?? 0)), ...overrides.faults];
  if (faults.length > 0) return fail(faults);
  return ok({ settings: shaped(tree.value), ...(present ? { file: path } : {}) });
}

function readText(path: string): Result<string, SettingsFault> {
  const unreadable = (why: string) =>
    fail<SettingsFault>({
      code: "settings_unreadable",
      message: `${path} cannot be read: ${why}`,
      where: path,
      remedy: "name another file with --config, or create this one",
    });
  try {
    const { size } = statSync(path);
    if (size > MAX_FILE) return unreadable(`it has ${size} bytes; ${MAX_FILE} is the bound`);
    return ok(new TextDecoder("utf-8", { fatal: true, ignoreBOM: false }).decode(readFileSync(path)));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return unreadable(
      code === "ENOENT" ? "there is no such file" : code === "ERR_ENCODING_INVALID_ENCODED_DATA" ? "it is not UTF-8" : (code ?? message),
    );
  }
}

/** The tree has the table's shape already; what is left are the three places where the type says more than the table can. */
function shaped(tree: Readonly<Record<string, unknown>>): Settings {
  const { database, repositories, witnesses, anchors, ...rest } = tree as unknown as Settings & {
    readonly database: { readonly kind: string };
  };
  return {
    ...rest,
    witnesses: witnesses ?? [],
    anchors: anchors ?? [],
    database: database.kind === "sqlite" ? { kind: "sqlite" } : database,
    repositories: (repositories ?? []).map(({ verify, ...repository }) =>
      verify?.argv === undefined ? repository : { ...repository, verify },
    ),
  };
}
