import { PATTERNS } from "../../core/base/index.ts";
import type { Refusal } from "../../core/base/index.ts";
import type { TerraformWorkspace } from "./types.ts";

const NAME = new RegExp(PATTERNS.name);
const TERRAFORM_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,89}$/;
const ENV = /^[A-Za-z_][A-Za-z0-9_]{0,127}(=[A-Za-z_][A-Za-z0-9_]{0,127})?$/;
export const VARIABLE = /^([A-Za-z_][A-Za-z0-9_-]{0,127}):(string|number|bool)$/;

/** What Terraform itself is told by the environment is told here, by the settings. */
const OURS = /^(PATH|HOME|LD_\w*|DYLD_\w*|NODE_\w*|GIT_CONFIG\w*|TF_(?!VAR_)\w+)$/;

/** What is wrong with the operator's declarations: all of it. */
export function checkWorkspaces(workspaces: readonly TerraformWorkspace[]): readonly Refusal<"terraform_declaration_invalid">[] {
  const faults: Refusal<"terraform_declaration_invalid">[] = [];
  const names = new Set<string>();
  for (const [index, one] of workspaces.entries()) {
    const add = (member: string, message: string, remedy: string): void =>
      void faults.push({ code: "terraform_declaration_invalid", message, where: `terraform[${index}].${member}`, remedy });
    if (!NAME.test(one.name)) add("name", "a name has up to 64 lower-case letters, digits and . _ -", "choose a short name such as `net`");
    if (names.has(one.name)) add("name", `the name ${one.name} is declared twice`, "give each workspace a name of its own");
    names.add(one.name);
    if (!TERRAFORM_NAME.test(one.workspace)) add("workspace", "this cannot be a Terraform workspace", "name one, such as `default`");
    if (isRepository(one) !== (one.ref !== undefined))
      add("ref", "a repository needs a ref, and a folder has none", "name the branch that is applied, such as `main`");
    if (one.ref !== undefined && !/^[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/.test(one.ref))
      add("ref", "this is no plain name of a branch or tag", "name a branch, such as `main`");
    for (const entry of one.refs ?? [])
      if (!isRepository(one) || !/^[A-Za-z0-9*][A-Za-z0-9._/*-]{0,199}$/.test(entry) || /\*.*\*/.test(entry))
        add("refs", `${entry} names no branches of a repository`, "name a branch, or several with one `*`, such as `release/*`");
    if (/(^|\/)\.\.?(\/|$)|^\//.test(one.dir) && one.dir !== ".")
      add("dir", "the folder leaves the source", "give a path within the source, such as `prod/net`");
    for (const entry of [...one.planEnv, ...one.applyEnv])
      if (!ENV.test(entry) || OURS.test(entry.split("=")[0] ?? ""))
        add("plan_env", `${entry} cannot be handed on`, "name variables as NAME or NAME=FROM; Terraform's own options are settings here");
    for (const entry of one.variables)
      if (!VARIABLE.test(entry)) add("variables", `${entry} is no name and type`, "write it as `image_tag:string`");
    for (const entry of one.backendConfig)
      if (!/^[A-Za-z_][\w.-]*=/.test(entry))
        add("backend_config", "each is a key and its value", "write it as `path=/srv/state/net.tfstate`");
  }
  return faults;
}

/** A folder that is no repository is copied as it is; a commit is taken from anything else. */
export const isRepository = ({ source }: Pick<TerraformWorkspace, "source">): boolean =>
  /^(https|ssh|file):\/\/|^[\w.]+@[^/:]+:/.test(source) || source.endsWith(".git");

export const systemOf = ({ name, workspace }: Pick<TerraformWorkspace, "name" | "workspace">): string => `terraform:${name}/${workspace}`;

/** The names of the process's variables that are read, for those who start it with these alone. */
export const sourcesOf = (entries: readonly string[]): readonly string[] => entries.map((entry) => entry.split("=")[1] ?? entry);

/** What Terraform gets of the process's environment. */
export function handedOn(entries: readonly string[], env: Readonly<Record<string, string | undefined>>): Readonly<Record<string, string>> {
  const given = entries.map((entry) => {
    const [name = "", from = name] = entry.split("=");
    return [name, env[from]] as const;
  });
  return Object.fromEntries(given.filter((one): one is readonly [string, string] => one[1] !== undefined));
}
