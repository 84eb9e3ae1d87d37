import type { Clock } from "../../control/ports.ts";
import type { Digest, KeyedDigest } from "../../core/base/index.ts";

/** A workspace as the operator declares it. Proposers name it; they give no address, no program and no credential. */
export interface TerraformWorkspace {
  readonly name: string;
  /** A folder on this machine, or a repository that git knows, from which commits are taken. */
  readonly source: string;
  /** Where `source` is a repository: the branch or tag that is taken when a proposer names no commit. */
  readonly ref?: string;
  /** Further branches whose commits a proposer may name; one `*` stands for any text. */
  readonly refs?: readonly string[];
  /** The configuration's folder within the source. */
  readonly dir: string;
  readonly environment: string;
  /** Terraform's own workspace. */
  readonly workspace: string;
  /** `terraform`, `tofu`, or a path. */
  readonly binary: string;
  /** Variables of the environment to plan with: `NAME`, or `NAME=FROM` where Terraform is to know it by another name. */
  readonly planEnv: readonly string[];
  /** Those to apply with, beside them and instead of those of the same name. */
  readonly applyEnv: readonly string[];
  /** What a proposer may set: `name:string`, `name:number` or `name:bool`. */
  readonly variables: readonly string[];
  readonly backendConfig: readonly string[];
  readonly pluginDir?: string;
  readonly allowTargets: boolean;
  readonly planLock: boolean;
  readonly parallelism: number;
  readonly lockTimeoutSeconds: number;
  readonly planLifetimeSeconds: number;
}

export interface TerraformOptions {
  readonly workspaces: readonly TerraformWorkspace[];
  /** Copies of configurations and kept plans live here. It belongs to Pawl alone. */
  readonly workDir: string;
  /** Key for the digests of what holds secrets: plans, states, sensitive values. */
  readonly secretKey: Uint8Array;
  readonly clock: Clock;
  /** Where PATH and the declared variables come from. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** What looks like a secret in what a proposer sets. */
  readonly findSecrets?: (words: string) => Promise<readonly { readonly rule: string }[]>;
}

export type VariableValue = string | number | boolean;

/** What a step asks, once read. */
export type TerraformInput =
  | {
      readonly from: "configuration";
      readonly workspace: string;
      /** A commit of the repository, or the digest of the folder's content. */
      readonly pin?: string;
      readonly variables: Readonly<Record<string, VariableValue>>;
      readonly targets: readonly string[];
      readonly destroy: boolean;
    }
  | { readonly from: "plan"; readonly workspace: string; readonly plan: Uint8Array };

/** A configuration, named by what it is and not by where it lies. */
export interface Configuration {
  readonly kind: "commit" | "digest";
  readonly value: string;
  /** Of the modules that Terraform fetched for it from elsewhere, where it did. */
  readonly modules?: Digest;
  /** Of the programs of providers: a lock file without fitting checksums lets others through. */
  readonly providers?: Digest;
}

/** One way of planning: everything that Terraform is told beside the state. */
export interface Recipe {
  readonly configuration: Configuration;
  readonly variables: Readonly<Record<string, VariableValue>>;
  readonly targets: readonly string[];
  readonly destroy: boolean;
}

/** What must still be so when it runs. */
export interface Fingerprint {
  readonly lineage: string;
  readonly serial: number;
  /** Of the state as it is stored. */
  readonly content: KeyedDigest;
  /** Of the objects as a refresh sees them. */
  readonly seen: KeyedDigest;
}

export interface TerraformPayload {
  readonly schema: "pawl/terraform-payload/v1";
  readonly workspace: string;
  readonly recipe: Recipe;
  /** Of the kept plan file: this and nothing else is applied. */
  readonly plan: KeyedDigest;
  /** Of what the plan says, without when it was made. */
  readonly plan_json: KeyedDigest;
  /** Which program made it. */
  readonly program: { readonly version: string; readonly digest: Digest };
  readonly state: Fingerprint;
  /** The configuration that described the state before: what an undo plans with. */
  readonly previous?: Recipe;
}
