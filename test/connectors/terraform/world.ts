import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { terraformConnector } from "../../../src/connectors/terraform/index.ts";
import type { TerraformOptions, TerraformWorkspace } from "../../../src/connectors/terraform/index.ts";
import type { Analysed, Connector, Performed } from "../../../src/control/ports.ts";
import { millis } from "../../../src/core/base/index.ts";
import type { Digest, Json } from "../../../src/core/base/index.ts";

export const BINARY = ["/usr/local/bin/terraform", "/usr/bin/terraform"].find((path) => existsSync(path));
/** For `test`'s options: without the program there is nothing to try. */
export const skip = BINARY === undefined ? "terraform is not installed" : false;
export const LIMITS = { timeoutMillis: 60_000 };

/** A configuration under a name, its state in a file, and a connector that works on it. */
export class World {
  readonly root: string;
  readonly source: string;
  readonly statePath: string;
  readonly workDir: string;
  initArgs: readonly string[] = [];

  constructor(t: TestContext) {
    this.root = mkdtempSync(join(tmpdir(), "pawl-tf-"));
    t.after(() => rmSync(this.root, { recursive: true, force: true }));
    this.source = join(this.root, "config");
    this.statePath = join(this.root, "state", "net.tfstate");
    this.workDir = join(this.root, "work");
    mkdirSync(this.source);
    mkdirSync(dirname(this.statePath));
    this.file("backend.tf", `terraform {\n  backend "local" {\n    path = ${JSON.stringify(this.statePath)}\n  }\n}\n`);
  }

  file(name: string, text: string): void {
    mkdirSync(dirname(join(this.source, name)), { recursive: true });
    writeFileSync(join(this.source, name), text);
  }

  workspace(more: Partial<TerraformWorkspace> = {}): TerraformWorkspace {
    return {
      name: "net",
      source: this.source,
      dir: ".",
      environment: "production",
      workspace: "default",
      binary: BINARY ?? "terraform",
      planEnv: [],
      applyEnv: [],
      variables: ["size:number", "colour:string", "on:bool"],
      backendConfig: [],
      allowTargets: false,
      planLock: true,
      parallelism: 10,
      lockTimeoutSeconds: 10,
      planLifetimeSeconds: 3_600,
      ...more,
    };
  }

  connector(more: Partial<TerraformWorkspace> = {}, options: Partial<TerraformOptions> = {}): Connector {
    return terraformConnector({
      workspaces: [this.workspace(more)],
      workDir: this.workDir,
      secretKey: new Uint8Array(32).fill(9),
      clock: { now: () => millis(Date.now()) },
      env: { PATH: process.env["PATH"], ...options.env },
      ...options,
    });
  }

  get state(): string {
    return readFileSync(this.statePath, "utf8");
  }

  /** Somebody works beside Pawl, in a folder of their own, with what the configuration says now. */
  beside(...args: readonly string[]): string {
    const dir = mkdtempSync(join(this.root, "beside-"));
    execFileSync("cp", ["-r", `${this.source}/.`, dir]);
    const env = { PATH: process.env["PATH"] ?? "", HOME: dir, CHECKPOINT_DISABLE: "1", TF_IN_AUTOMATION: "1" };
    const run = (words: readonly string[]): string => execFileSync(BINARY ?? "", words, { cwd: dir, env, encoding: "utf8", stdio: "pipe" });
    run(["init", "-input=false", ...this.initArgs]);
    return run(args);
  }

  git(): Repository {
    return new Repository(this);
  }
}

/** The same configuration as a repository, with commits to pin. */
export class Repository {
  readonly path: string;
  readonly #world: World;

  constructor(world: World) {
    this.#world = world;
    this.path = join(world.root, "config.git");
    this.#git("init", "--quiet", "-b", "main", world.source);
    execFileSync("git", ["init", "--quiet", "--bare", "-b", "main", this.path]);
  }

  #git(...args: readonly string[]): string {
    const identity = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b", GIT_COMMITTER_NAME: "a", GIT_COMMITTER_EMAIL: "a@b" };
    return execFileSync("git", args, { cwd: this.#world.root, encoding: "utf8", env: { PATH: process.env["PATH"], ...identity } });
  }

  /** Everything as it is in the folder now, and pushed. */
  commit(): string {
    const at = ["-C", this.#world.source];
    this.#git(...at, "add", "-A");
    this.#git(...at, "commit", "--quiet", "--allow-empty", "-m", "change");
    this.#git(...at, "push", "--quiet", "--force", this.path, "HEAD:main");
    return this.#git(...at, "rev-parse", "HEAD").trim();
  }

  /** A commit that the remote serves beside its branches, as proposals are. */
  elsewhere(ref: string): string {
    const at = ["-C", this.#world.source];
    this.#git(...at, "commit", "--quiet", "--allow-empty", "-m", "proposal");
    this.#git(...at, "push", "--quiet", this.path, `HEAD:${ref}`);
    return this.#git(...at, "rev-parse", "HEAD").trim();
  }
}

export async function planned(connector: Connector, input: Json = APPLY): Promise<Analysed> {
  const admitted = await connector.admit(input);
  assert.ok(admitted.ok, admitted.ok ? "" : JSON.stringify(admitted.error));
  const answer = await connector.analyse(admitted.value.input, LIMITS);
  assert.ok(answer.ok, answer.ok ? "" : `${answer.error.code} ${answer.error.message}`);
  return answer.value;
}

export const APPLY: Json = { workspace: "net", operation: "apply" };

export async function applied(connector: Connector, plan: Analysed): Promise<Performed> {
  const done = await connector.apply(plan.payload, plan.analysis.step.stateDigest, LIMITS);
  assert.ok(done.ok, done.ok ? "" : `${done.error.code} ${done.error.message} ${JSON.stringify(done.error.details)}`);
  return done.value;
}

export async function observed(connector: Connector, plan: Analysed): Promise<Digest> {
  const seen = await connector.observe(plan.payload, LIMITS);
  assert.ok(seen.ok, seen.ok ? "" : `${seen.error.code} ${seen.error.message}`);
  return seen.value.stateDigest;
}

/** Plans, applies and verifies, as a change that everybody agreed with. */
export async function settled(connector: Connector, input: Json = APPLY): Promise<Analysed> {
  const plan = await planned(connector, input);
  const performed = await applied(connector, plan);
  const seen = await connector.verify(plan.payload, performed, LIMITS);
  assert.ok(seen.ok, seen.ok ? "" : `${seen.error.code} ${seen.error.message}`);
  return plan;
}

export const data = (name: string, body: string): string => `resource "terraform_data" "${name}" {\n${body}\n}\n`;
