/** What `propose` and `revise` share: a proposal from flags or from a file. */
import type { Command } from "commander";
import type { Context } from "./context.ts";
import { usage } from "./errors.ts";
import { changeId, gather, integer, readInput, readJsonInput } from "./inputs.ts";

/** What goes out as JSON; the server is its judge. */
type Wire = Readonly<Record<string, unknown>>;

export interface ProposalOptions {
  readonly file?: string;
  readonly repo?: string;
  readonly branch?: string;
  readonly patch?: string;
  readonly ref?: string;
  readonly commit?: string;
  readonly message?: string;
  readonly title?: string;
  readonly summary?: string;
  readonly onBehalfOf?: string;
  readonly claim?: readonly string[];
  readonly hold?: boolean;
  readonly expiresIn?: number;
  readonly notBefore?: string;
  readonly notAfter?: string;
  readonly supersedes?: string;
  readonly watch?: number;
  readonly watchEvery?: number;
  readonly scopeSystem?: readonly string[];
  readonly scopeEnvironment?: readonly string[];
  readonly scopeOperation?: readonly string[];
  readonly scopeResource?: readonly string[];
  readonly scopeLimit?: readonly string[];
}

export function proposalOptions(command: Command): Command {
  return command
    .option("--title <text>", "what the change is, in one line")
    .option("--summary <text>", "why, and whatever a reviewer should know")
    .option("--repo <name>", "the repository, by its name in the settings")
    .option("--branch <branch>", "the branch that it goes to")
    .option("--patch <file>", "a patch as `git diff` writes it; - reads it from standard input")
    .option("--ref <ref>", "instead of a patch: a branch or ref whose content is to come in")
    .option("--commit <id>", "instead of a patch: one commit, by its full id")
    .option("--message <text>", "the commit's message; otherwise title and summary")
    .option("--file <file>", "instead of all these: a whole proposal as JSON, for any connector; - reads standard input")
    .option("--on-behalf-of <principal>", "for whom, such as human:ada")
    .option("--claim <text>", "something you say of it, shown as a claim; may be repeated", gather)
    .option("--hold", "when authorised, do not start until `pawl run`")
    .option("--expires-in <seconds>", "it may not start after that", integer(60, 30 * 86_400))
    .option("--not-before <moment>", "when it may start at the earliest, such as 2026-12-24T22:00:00+01:00")
    .option("--not-after <moment>", "when it may start at the latest")
    .option("--supersedes <change>", "the open change that this one replaces", changeId)
    .option("--watch <seconds>", "how long it must hold once applied, or it is undone", integer(1, 86_400))
    .option("--watch-every <seconds>", "how often it is looked at while watched", integer(1, 3_600))
    .option("--scope-system <pattern>", "what it may touch: systems, such as git:shop; may be repeated", gather)
    .option("--scope-environment <pattern>", "environments that it may touch; may be repeated", gather)
    .option("--scope-operation <kind>", "create, update, delete, …; may be repeated", gather)
    .option("--scope-resource <pattern>", "resources, such as git:shop#docs/**; may be repeated", gather)
    .option("--scope-limit <limit>", "an upper bound, such as effects=5 or deletes=0; may be repeated", gather);
}

export async function proposalFrom(context: Context, options: ProposalOptions): Promise<unknown> {
  const { file, ...flags } = options;
  if (file === undefined) return fromFlags(context, options);
  const beside = Object.keys(flags).filter((name) => (FLAGS as readonly string[]).includes(name));
  if (beside.length > 0)
    throw usage(`--file is the whole proposal; ${beside.map(flagOf).join(", ")} cannot stand beside it`, {
      remedy: "write it into the file",
    });
  return readJsonInput(context, file, "the proposal");
}

const FLAGS = [
  "title",
  "summary",
  "repo",
  "branch",
  "patch",
  "ref",
  "commit",
  "message",
  "onBehalfOf",
  "claim",
  "hold",
  "expiresIn",
  "supersedes",
  "notBefore",
  "notAfter",
  "watch",
  "watchEvery",
  "scopeSystem",
  "scopeEnvironment",
  "scopeOperation",
  "scopeResource",
  "scopeLimit",
] as const;
const flagOf = (name: string): string => `--${name.replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;

async function fromFlags(context: Context, options: ProposalOptions): Promise<Wire> {
  const { title, summary, repo, branch, onBehalfOf, claim, hold, expiresIn, supersedes } = options;
  const missing = (["title", "repo", "branch"] as const).filter((name) => options[name] === undefined);
  if (missing.length > 0)
    throw usage(`${missing.map(flagOf).join(" and ")} ${missing.length > 1 ? "are" : "is"} missing`, {
      remedy: "a git change needs --title, --repo, --branch and one of --patch, --ref, --commit; any other comes with --file",
    });
  const scope = scopeFrom(options);
  return {
    title: title ?? "",
    ...(summary === undefined ? {} : { summary }),
    ...(onBehalfOf === undefined ? {} : { on_behalf_of: onBehalfOf }),
    ...(claim === undefined ? {} : { claims: claim }),
    ...(hold === true ? { start: "on-request" } : {}),
    ...(expiresIn === undefined ? {} : { expires_in_seconds: expiresIn }),
    ...(supersedes === undefined ? {} : { supersedes }),
    ...(scope === undefined ? {} : { scope }),
    ...(options.notBefore === undefined ? {} : { not_before: options.notBefore }),
    ...(options.notAfter === undefined ? {} : { not_after: options.notAfter }),
    ...watchFrom(options),
    steps: [
      {
        connector: "git",
        input: { repository: repo ?? "", branch: branch ?? "", ...(await sourceFrom(context, options)), message: messageFrom(options) },
      },
    ],
  };
}

function watchFrom({ watch, watchEvery }: ProposalOptions): Wire {
  if (watch === undefined && watchEvery !== undefined)
    throw usage("--watch-every says how often, but not how long", { remedy: "say --watch SECONDS as well" });
  return watch === undefined ? {} : { watch: { seconds: watch, ...(watchEvery === undefined ? {} : { every_seconds: watchEvery }) } };
}

async function sourceFrom(context: Context, { patch, ref, commit }: ProposalOptions): Promise<Wire> {
  const given = [patch, ref, commit].filter((value) => value !== undefined);
  if (given.length !== 1)
    throw usage(given.length === 0 ? "what to bring in is missing" : "--patch, --ref and --commit exclude each other", {
      remedy: "give one of --patch FILE, --ref REF or --commit ID",
    });
  if (patch !== undefined) return { patch: await readInput(context, patch, "the patch") };
  return ref === undefined ? { commit: commit ?? "" } : { ref };
}

const messageFrom = ({ message, title, summary }: ProposalOptions): string =>
  message ?? (summary === undefined ? (title ?? "") : `${title}\n\n${summary}`);

/** A scope bounds in all four ways or not at all: what is left out would otherwise be without bounds, and nobody would notice. */
function scopeFrom({ repo, scopeSystem, scopeEnvironment, scopeOperation, scopeResource, scopeLimit }: ProposalOptions): Wire | undefined {
  if ([scopeSystem, scopeEnvironment, scopeOperation, scopeResource, scopeLimit].every((part) => part === undefined)) return undefined;
  const systems = scopeSystem ?? (repo === undefined ? undefined : [`git:${repo}`]);
  if (systems === undefined || scopeEnvironment === undefined || scopeOperation === undefined || scopeResource === undefined) {
    const missing = [
      [scopeEnvironment, "--scope-environment"],
      [scopeOperation, "--scope-operation"],
      [scopeResource, "--scope-resource"],
    ]
      .filter(([part]) => part === undefined)
      .map(([, flag]) => String(flag));
    throw usage(`the scope is not whole: ${missing.join(", ")} ${missing.length > 1 ? "are" : "is"} missing`, {
      remedy: "name all of them, or none: then the narrowest scope that the request names is derived",
    });
  }
  return {
    systems,
    environments: scopeEnvironment,
    operations: scopeOperation,
    resources: scopeResource,
    ...(scopeLimit === undefined ? {} : { limits: limitsFrom(scopeLimit) }),
  };
}

function limitsFrom(given: readonly string[]): Wire {
  return Object.fromEntries(
    given.map((text) => {
      const match = /^([a-z][a-z_]*)=(\d{1,15})$/.exec(text);
      if (match === null)
        throw usage(`--scope-limit ${JSON.stringify(text.slice(0, 60))} is not name=number`, { remedy: "such as --scope-limit effects=5" });
      return [match[1] ?? "", Number(match[2])];
    }),
  );
}
