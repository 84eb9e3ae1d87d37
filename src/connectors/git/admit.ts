import type { Admitted } from "../../control/ports.ts";
import { GLOB_MAX, fail, isObject, matchesPattern, ok } from "../../core/base/index.ts";
import type { Json, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import { Faults } from "../kit.ts";
import { isOid, refFault } from "./names.ts";
import { readPatch } from "./patch.ts";
import type { PatchShape } from "./patch.ts";
import { findSecrets } from "./secrets.ts";
import type { GitInput, GitLimits, GitRepository } from "./types.ts";

export type AdmitCode =
  | "git_input_invalid"
  | "git_repository_unknown"
  | "git_branch_refused"
  | "git_ref_refused"
  | "git_message_refused"
  | "git_patch_too_large"
  | "git_patch_malformed"
  | "git_path_refused"
  | "git_secret";

const SHAPES =
  "{ repository, branch, patch, message } or { repository, branch, ref, message? } or { repository, branch, commit, message? }";
const KEYS = new Set(["repository", "branch", "patch", "ref", "commit", "message"]);

/** Everything about an input that can be known without looking at the repository. */
export async function admitInput(
  input: Json,
  repositories: ReadonlyMap<string, GitRepository>,
  limits: GitLimits,
): Promise<Result<Admitted, readonly Refusal[]>> {
  const read = readInput(input, repositories, limits);
  if (!read.ok) return read;
  const value = read.value;
  const faults = new Faults<AdmitCode>();
  const shape = value.from === "patch" ? readPatch(value.patch) : undefined;
  const paths = shape === undefined ? undefined : patchPaths(shape, limits, faults);
  await noSecrets("message", value.message, faults);
  if (value.from === "patch") await noSecretsInPatch(value.patch, shape?.encoded ?? [], faults);
  if (faults.list.length > 0) return fail(faults.list);
  const repository = repositories.get(value.repository);
  const system = `git:${value.repository}`;
  return ok({
    input: input as JsonObject,
    names: {
      system,
      environment: repository?.environment ?? "",
      resources: (paths?.map(asPattern) ?? ["**"]).map((path) => `${system}#${path}`),
    },
  });
}

/** A path as a pattern that matches it: stars in a name may not widen the scope, and a pattern has its bound. */
function asPattern(path: string): string {
  const plain = path.replaceAll("*", "?");
  const room = GLOB_MAX - 100;
  return plain.length <= room ? plain : `${plain.slice(0, room - 2).toWellFormed()}**`;
}

/** The input's shape and names. Also read again before each analysis: what is stored may have been declared otherwise since. */
export function readInput(
  input: Json,
  repositories: ReadonlyMap<string, GitRepository>,
  limits: GitLimits,
): Result<GitInput, readonly Refusal[]> {
  const faults = new Faults<AdmitCode>();
  if (!isObject(input)) {
    faults.add("git_input_invalid", "the input of a git step is not an object", "input", `send ${SHAPES}`);
    return fail(faults.list);
  }
  for (const key of Object.keys(input).filter((name) => !KEYS.has(name))) {
    faults.add("git_input_invalid", `the member ${JSON.stringify(key.slice(0, 60))} is not known`, "input", `send ${SHAPES}`);
  }
  const repository = readRepository(input["repository"], repositories, faults);
  const branch = readBranch(input["branch"], repository, faults);
  const source = readSource(input, faults);
  const message = readMessage(input["message"], source, branch, limits, faults);
  if (source?.from === "patch" && Buffer.byteLength(source.patch) > limits.patchBytes) {
    faults.add(
      "git_patch_too_large",
      `the patch is larger than ${limits.patchBytes} bytes`,
      "input.patch",
      "split the change, or push it to a branch and propose that branch as `ref`",
    );
  }
  if (faults.list.length > 0 || repository === undefined || branch === undefined || source === undefined || message === undefined)
    return fail(faults.list);
  return ok({ repository: repository.name, branch, message, ...source });
}

function readRepository(
  value: Json | undefined,
  repositories: ReadonlyMap<string, GitRepository>,
  faults: Faults<AdmitCode>,
): GitRepository | undefined {
  const known = [...repositories.keys()].toSorted().join(", ") || "none is declared";
  if (typeof value !== "string")
    return faults.add(
      "git_input_invalid",
      "`repository` is not a string",
      "input.repository",
      `name one of the declared repositories: ${known}`,
    );
  const found = repositories.get(value);
  return (
    found ??
    faults.add(
      "git_repository_unknown",
      `no repository ${JSON.stringify(value.slice(0, 100))} is declared`,
      "input.repository",
      `name one of: ${known}; an operator declares others`,
    )
  );
}

function readBranch(value: Json | undefined, repository: GitRepository | undefined, faults: Faults<AdmitCode>): string | undefined {
  if (typeof value !== "string")
    return faults.add(
      "git_input_invalid",
      "`branch` is not a string",
      "input.branch",
      "name the branch that the change goes to, such as `main`",
    );
  const shown = JSON.stringify(value.slice(0, 100));
  const why = value.startsWith("refs/") ? "begins with refs/" : refFault(value);
  if (why !== undefined)
    return faults.add("git_branch_refused", `the branch name ${shown} ${why}`, "input.branch", "give a plain branch name, such as `main`");
  if (repository === undefined || branchAllowed(repository, value)) return value;
  return faults.add(
    "git_branch_refused",
    `the branch ${shown} of ${repository.name} may not be changed through Pawl`,
    "input.branch",
    `choose a branch that matches: ${repository.branches?.join(", ") ?? ""}`,
  );
}

export const branchAllowed = ({ branches }: GitRepository, branch: string): boolean =>
  branches === undefined || branches.some((pattern) => matchesPattern(pattern, branch));

type Source =
  | { readonly from: "patch"; readonly patch: string }
  | { readonly from: "ref"; readonly ref: string }
  | { readonly from: "commit"; readonly commit: string };

function readSource(input: JsonObject, faults: Faults<AdmitCode>): Source | undefined {
  const given = (["patch", "ref", "commit"] as const).filter((key) => input[key] !== undefined);
  const from = given[0];
  if (from === undefined || given.length > 1) {
    return faults.add(
      "git_input_invalid",
      given.length === 0 ? "neither `patch`, `ref` nor `commit` is given" : `${given.join(" and ")} are given together`,
      "input",
      `send ${SHAPES}`,
    );
  }
  const value = input[from];
  if (typeof value !== "string" || value === "")
    return faults.add("git_input_invalid", `\`${from}\` is not a text`, `input.${from}`, `send ${SHAPES}`);
  if (!value.isWellFormed())
    return faults.add("git_input_invalid", `\`${from}\` holds half of a surrogate pair`, `input.${from}`, "send well-formed Unicode");
  if (from === "patch") return { from, patch: value };
  const shown = JSON.stringify(value.slice(0, 100));
  if (from === "commit") {
    return isOid(value)
      ? { from, commit: value }
      : faults.add(
          "git_ref_refused",
          `${shown} is not a full commit id`,
          "input.commit",
          "give all 40 (or 64) lower-case hex digits, or use `ref`",
        );
  }
  const why =
    refFault(value) ??
    (value.startsWith("refs/") && !/^refs\/(heads|tags|pull|merge-requests)\/./.test(value)
      ? "is not below refs/heads, refs/tags, refs/pull or refs/merge-requests"
      : undefined);
  return why === undefined
    ? { from, ref: value }
    : faults.add("git_ref_refused", `the ref ${shown} ${why}`, "input.ref", "give a branch name, or a full name such as refs/tags/v1");
}

function readMessage(
  value: Json | undefined,
  source: Source | undefined,
  branch: string | undefined,
  limits: GitLimits,
  faults: Faults<AdmitCode>,
): string | undefined {
  if (value === undefined && source?.from !== "patch") {
    const what = source === undefined ? "" : source.from === "ref" ? source.ref : source.commit;
    return `Bring ${what} into ${branch ?? ""}\n`;
  }
  if (typeof value !== "string" || value.trim() === "")
    return faults.add("git_message_refused", "`message` is missing", "input.message", "say in one line what the commit does");
  if (Buffer.byteLength(value) > limits.messageBytes)
    return faults.add("git_message_refused", `the message is larger than ${limits.messageBytes} bytes`, "input.message", "shorten it");
  if (/(?![\n\t])\p{Cc}/u.test(value) || !value.isWellFormed())
    return faults.add("git_message_refused", "the message contains control characters", "input.message", "use plain text with line feeds");
  // What is sealed is in normal form C, as everything that is hashed.
  return `${value.trim().normalize("NFC")}\n`;
}

function patchPaths(shape: PatchShape, limits: GitLimits, faults: Faults<AdmitCode>): readonly string[] {
  for (const fault of shape.faults.slice(0, 50)) {
    const code = fault.message.startsWith("names the path") ? "git_path_refused" : "git_patch_malformed";
    faults.add(
      code,
      `the patch ${fault.message}`,
      `input.patch, line ${fault.line}`,
      code === "git_path_refused" ? "name files by plain paths inside the repository" : "send the output of `git diff`, whole",
    );
  }
  if (shape.paths.length > limits.files) {
    faults.add(
      "git_patch_too_large",
      `the patch touches ${shape.paths.length} paths; ${limits.files} is the bound`,
      "input.patch",
      "split the change",
    );
  }
  return shape.paths;
}

const SECRET_REMEDY =
  "take the value out and read it from the environment or a secret store; if it was ever real, replace it where it is used";

async function noSecrets(name: string, text: string, faults: Faults<AdmitCode>): Promise<void> {
  for (const hit of await findSecrets(text, name)) {
    faults.add("git_secret", `the ${name} holds what looks like a secret (${hit.rule})`, `input.${name}, line ${hit.line}`, SECRET_REMEDY);
  }
}

/** Read twice: as it stands, and without the first column, since a key of many lines is broken up by its plus signs. */
async function noSecretsInPatch(patch: string, encoded: PatchShape["encoded"], faults: Faults<AdmitCode>): Promise<void> {
  const hits = [...(await findSecrets(patch, "patch")), ...(await findSecrets(patch.replace(/^[ +-]/gm, ""), "patch"))];
  for (const { line, bytes } of encoded)
    hits.push(...(await findSecrets(Buffer.from(bytes).toString("latin1"), "patch")).map((hit) => ({ ...hit, line })));
  const seen = new Set<string>();
  for (const hit of hits) {
    const key = `${hit.rule} ${hit.line}`;
    if (seen.has(key) || seen.size >= 50) continue;
    seen.add(key);
    faults.add(
      "git_secret",
      `the patch holds what looks like a secret (${hit.rule})`,
      `input.patch, line ${hit.line}`,
      `${SECRET_REMEDY}; a patch that only removes it is proposed as a \`ref\``,
    );
  }
}
