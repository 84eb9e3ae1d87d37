/** Connector `git`: brings an approved tree onto a branch by compare and swap. Its rules are in docs/spec/git.md. */
import { resolve } from "node:path";
import type { Analysed, Connector, Observed, PerformFault, Performed, RunLimits } from "../../control/ports.ts";
import { assert, digestJson, fail, ok } from "../../core/base/index.ts";
import type { Json, Result } from "../../core/base/index.ts";
import { REMOTE_ENV, deadline, pathOf, remoteEnv } from "../kit.ts";
import { admitInput, branchAllowed, readInput } from "./admit.ts";
import { analyseInput, pinOf } from "./analyse.ts";
import { checkRepositories } from "./declare.ts";
import { applyPayload, currentHead, undoPayload } from "./execute.ts";
import type { ExecuteContext } from "./execute.ts";
import { localPath, mirrors } from "./mirror.ts";
import { decodePayload, stateDigest } from "./payload.ts";
import { gitConfig } from "./process.ts";
import type { GitProgram } from "./process.ts";
import { GIT_LIMITS } from "./types.ts";
import type { GitLimits, GitOptions, GitRepository } from "./types.ts";
import { verifyPayload } from "./verify.ts";

export { checkRepositories } from "./declare.ts";
export { findSecretsInWords } from "./words.ts";
export type { GitLimits, GitOptions, GitRepository, Identity } from "./types.ts";

/** Raised with every change to what the connector derives or does. */
const VERSION = 2;

/** The declarations, opened: what every operation of the connector starts from. */
interface Setup {
  readonly options: GitOptions;
  readonly limits: GitLimits;
  readonly repositories: ReadonlyMap<string, GitRepository>;
  readonly openMirror: ReturnType<typeof mirrors>;
}

export function gitConnector(options: GitOptions): Connector {
  const faults = checkRepositories(options.repositories);
  assert(faults.length === 0, `the repositories were checked when they were read: ${faults[0]?.message ?? ""}`);
  const limits = { ...GIT_LIMITS, ...options.limits };
  const repositories = new Map(options.repositories.map((repository) => [repository.name, repository]));
  const setup: Setup = { options, limits, repositories, openMirror: mirrors(programOf(options), resolve(options.workDir)) };
  return {
    name: "git",
    // Of these every operation needs those that reach the repository.
    needs: { read: REMOTE_ENV, write: [] },
    digest: digestJson({
      connector: "git",
      version: VERSION,
      repositories: options.repositories.map(declaration),
      submitter: { ...options.submitterIdentity },
    }),
    admit: (input) => admitInput(input, repositories, limits),
    analyse: (input, run) => analyse(setup, input, run),
    observe: (payload, run) => observe(setup, payload, run),
    apply: (payload, expected, run) => write(setup, payload, run, (context) => applyPayload(context, expected)),
    verify: async (payload, performed, run) => {
      const context = await execution(setup, payload, run);
      return context.ok ? verifyPayload(context.value, performed) : context;
    },
    undo: (payload, performed, run) => write(setup, payload, run, (context) => undoPayload(context, performed)),
  };
}

async function analyse({ options, limits, repositories, openMirror }: Setup, input: Json, run: RunLimits): Promise<Result<Analysed>> {
  const read = readInput(input, repositories, limits);
  if (!read.ok) return fail(read.error[0] ?? { code: "git_input_invalid", message: "the input is not a git step" });
  const repository = repositories.get(read.value.repository);
  assert(repository !== undefined, "an input that was read names a declared repository");
  const signal = deadline(run);
  const mirror = await openMirror(repository, signal);
  if (!mirror.ok) return mirror;
  const author = repository.author ?? options.submitterIdentity;
  return analyseInput({ mirror: mirror.value, input: read.value, limits, author, secretKey: options.secretKey, signal });
}

async function observe(setup: Setup, payload: Uint8Array, run: RunLimits): Promise<Result<Observed>> {
  const context = await execution(setup, payload, run);
  if (!context.ok) return context;
  const { mirror, signal } = context.value;
  const { repository, branch } = context.value.payload;
  const head = await mirror.locked(() => currentHead(mirror, branch, signal));
  if (!head.ok) return head;
  const { commit, tree } = head.value;
  return ok({ stateDigest: stateDigest(repository, branch, tree), context: { repository, branch, commit, tree } });
}

async function write(
  setup: Setup,
  payload: Uint8Array,
  run: RunLimits,
  work: (context: ExecuteContext) => Promise<Result<Performed, PerformFault>>,
): Promise<Result<Performed, PerformFault>> {
  const context = await execution(setup, payload, run);
  return context.ok ? context.value.mirror.locked(() => work(context.value)) : fail({ ...context.error, effect: "none" });
}

/** What an operation on a payload works with, if this deployment still declares what the payload names. */
async function execution(setup: Setup, bytes: Uint8Array, run: RunLimits): Promise<Result<ExecuteContext>> {
  const { options, limits, repositories, openMirror } = setup;
  const decoded = decodePayload(bytes);
  if (!decoded.ok) return decoded;
  const { repository: name, branch } = decoded.value.payload;
  const repository = repositories.get(name);
  if (repository === undefined || !branchAllowed(repository, branch)) {
    const message = `the branch ${branch} of a repository ${name} is not declared here`;
    return fail({ code: "git_repository_unknown", message, remedy: "declare it, or plan the change again" });
  }
  const signal = deadline(run);
  const mirror = await openMirror(repository, signal);
  if (!mirror.ok) return mirror;
  const { clock, submitterIdentity: committer, secretKey } = options;
  return ok({ mirror: mirror.value, ...decoded.value, secretKey, pin: pinOf(bytes), limits, clock, committer, signal });
}

function programOf(options: GitOptions): GitProgram {
  const env = options.env ?? process.env;
  return {
    binary: options.gitBinary ?? "git",
    configFile: resolve(options.workDir, "gitconfig"),
    config: gitConfig(options.repositories.flatMap(({ url }) => localPath(url) ?? [])),
    path: pathOf(env),
    remoteEnv: remoteEnv(env),
  };
}

const declaration = (repository: GitRepository): Record<string, unknown> =>
  JSON.parse(JSON.stringify(repository)) as Record<string, unknown>;
