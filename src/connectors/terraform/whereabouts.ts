import { join } from "node:path";
import { canonical, fail, isObject, keyedDigestOf, ok } from "../../core/base/index.ts";
import type { Json, JsonObject, KeyedDigest, Refusal, Result } from "../../core/base/index.ts";
import type { Finding, Statement } from "../../core/plan/index.ts";
import { recall, remember } from "./folders.ts";
import { shownText } from "./shown.ts";
import type { TerraformOptions, TerraformWorkspace } from "./types.ts";

/** Where a configuration keeps its state. The configuration says so itself, and whoever writes it may say another place. */
export interface Whereabouts {
  /** For people: the kind, and what of its settings names the place. */
  readonly place: string;
  /** Of all its settings, which may hold credentials. */
  readonly digest: KeyedDigest;
}

/** Settings of Terraform's own backends that say where, and hold no secret. */
const PLACES = [
  "path",
  "workspace_dir",
  "bucket",
  "key",
  "prefix",
  "address",
  "storage_account_name",
  "container_name",
  "schema_name",
  "secret_suffix",
];

export function whereaboutsOf(type: string, config: JsonObject, key: Uint8Array): Whereabouts {
  const told = PLACES.flatMap((name) => (typeof config[name] === "string" ? [`${name} ${config[name].replace(/\/\/[^/@]*@/, "//")}`] : []));
  return {
    place: shownText([type, ...told].join(", ")).slice(0, 1_000),
    digest: keyedDigestOf(key, `pawl/terraform-backend/v1\n${canonical({ type, config: JSON.stringify(config) })}`),
  };
}

interface Known {
  readonly lineage: string;
  readonly backend: string;
}

const pathOf = ({ workDir }: Pick<TerraformOptions, "workDir">, name: string): string => join(workDir, "whereabouts", `${name}.json`);

/** The state that was applied to is this workspace's own from then on. */
export const settle = (options: TerraformOptions, { name }: TerraformWorkspace, lineage: string, { digest }: Whereabouts): Promise<void> =>
  remember(pathOf(options, name), { lineage, backend: digest });

const knownOf = (read: Json | undefined): Known | undefined =>
  isObject(read) && typeof read["lineage"] === "string" && typeof read["backend"] === "string"
    ? { lineage: read["lineage"], backend: read["backend"] }
    : undefined;

/**
 * The name, the environment and the policy of a workspace stand for one state. A configuration that reaches for the state of another
 * declared workspace is refused; one whose state is elsewhere than it was, or another one, is told apart.
 */
export async function judgedWhereabouts(
  options: TerraformOptions,
  workspace: TerraformWorkspace,
  lineage: string,
  { place, digest }: Whereabouts,
): Promise<Result<{ readonly findings: readonly Finding[]; readonly evidence: Statement }, Refusal<"terraform_state_of_another">>> {
  for (const other of options.workspaces.filter(({ name }) => name !== workspace.name)) {
    const theirs = knownOf(await recall(pathOf(options, other.name)));
    if (theirs === undefined || ((lineage === "" || theirs.lineage !== lineage) && theirs.backend !== digest)) continue;
    return fail({
      code: "terraform_state_of_another",
      message: `this configuration works on the state of the workspace ${other.name} (${place})`,
      remedy: `keep the state of ${workspace.name} in a place of its own, or propose the change to ${other.name}`,
    });
  }
  const mine = knownOf(await recall(pathOf(options, workspace.name)));
  const findings: Finding[] = [];
  if (mine !== undefined && (mine.lineage !== lineage || mine.backend !== digest))
    findings.push({
      code: "terraform.other_state",
      severity: "danger",
      message: `The state is another one, or is kept elsewhere, than what was applied here last: it is now ${place}`,
      remedy: "find out why the configuration's backend changed: whoever chooses the state chooses what is destroyed",
      provenance: "derived",
    });
  const evidence: Statement = {
    topic: "terraform.backend",
    text: `The configuration keeps its state here: ${place}`,
    provenance: "derived",
    source: "terraform",
  };
  return ok({ findings, evidence });
}
