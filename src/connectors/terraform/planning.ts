import { join } from "node:path";
import type { Analysed } from "../../control/ports.ts";
import { canonical, digestOf, ok, refuse } from "../../core/base/index.ts";
import type { Json, Result } from "../../core/base/index.ts";
import type { Finding, Statement, Undo } from "../../core/plan/index.ts";
import { analyseApart } from "./thread.ts";
import type { PlanAnalysis } from "./analyse-plan.ts";
import { systemOf } from "./declare.ts";
import { isStateful } from "./kinds.ts";
import { recall } from "./folders.ts";
import { contextOf, look } from "./observe.ts";
import type { Looked } from "./observe.ts";
import { PAYLOAD_SCHEMA, claimStateDigest, encodeClaim, encodePayload, isRecipe, stateDigestOf } from "./payload.ts";
import { inSession, makePlan, plansOf } from "./session.ts";
import type { Session, Setup } from "./session.ts";
import { parentOf } from "./source.ts";
import type { Recipe, TerraformInput, TerraformPayload, TerraformWorkspace } from "./types.ts";
import { judgedWhereabouts } from "./whereabouts.ts";

/** An observation older than this is made again before a decision rests on it. */
const FRESH_MILLIS = 5 * 60_000;
type Apply = TerraformInput & { from: "configuration" };

/** Makes the plan here, keeps its file, and says what it will do. */
export async function planApply(setup: Setup, workspace: TerraformWorkspace, input: Apply, signal: AbortSignal): Promise<Result<Analysed>> {
  const made = await inSession(setup, workspace, { start: { from: "proposal", pin: input.pin }, mode: "read" }, signal, (session) =>
    planned(setup, session, input),
  );
  if (!made.ok) return made;
  const undo = await undoOf(setup, workspace, made.value, signal);
  const { recipe, looked, plan } = made.value;
  const { analysis } = looked.planned;
  const program = setup.programs.get(workspace.name);
  const payload: TerraformPayload = {
    schema: PAYLOAD_SCHEMA,
    workspace: workspace.name,
    recipe,
    plan,
    plan_json: analysis.digest,
    program: { version: analysis.version, digest: program?.digest ?? digestOf("") },
    state: looked.state,
    ...(undo.previous !== undefined && { previous: undo.previous }),
  };
  return ok(described(workspace, payload, made.value, undo.undo));
}

interface Made {
  readonly recipe: Recipe;
  readonly looked: Looked;
  readonly plan: TerraformPayload["plan"];
  readonly foreignModules: readonly string[];
  readonly ownProviders: boolean;
  readonly whereabouts: { readonly findings: readonly Finding[]; readonly evidence: Statement };
}

async function planned(setup: Setup, session: Session, input: Apply): Promise<Result<Made>> {
  const { variables, targets, destroy } = input;
  const recipe: Recipe = { configuration: session.configuration, variables, targets, destroy };
  const looked = await look(setup, session, recipe);
  if (!looked.ok) return looked;
  const open = openVariables(looked.value.planned.analysis, recipe);
  if (!open.ok) return open;
  const whereabouts = await judgedWhereabouts(setup.options, session.workspace, looked.value.state.lineage, session.whereabouts);
  if (!whereabouts.ok) return whereabouts;
  const fit = fitToApply(looked.value.planned.analysis, recipe);
  if (!fit.ok) return fit;
  const { digest } = looked.value.planned.analysis;
  const program = setup.programs.get(session.workspace.name)?.digest ?? "";
  const identity = canonical({
    system: systemOf(session.workspace),
    name: session.workspace.name,
    recipe,
    digest,
    state: looked.value.state,
    program,
  });
  const plan = await plansOf(setup, session.workspace).keep(looked.value.planned.file, identity, setup.options.clock.now());
  const { foreignModules, ownProviders } = session;
  return plan.ok
    ? ok({ recipe, looked: looked.value, plan: plan.value, foreignModules, ownProviders, whereabouts: whereabouts.value })
    : plan;
}

/** What a proposer sets stands in payloads and evidence for everybody to read. */
function openVariables({ secretVariables }: PlanAnalysis, { variables }: Recipe): Result<void> {
  const secret = secretVariables.filter((name) => Object.hasOwn(variables, name));
  if (secret.length === 0) return ok(undefined);
  return refuse("terraform_variable_refused", `the configuration keeps the value of ${secret.join(", ")} secret, and this one is not`, {
    where: `input.variables.${secret[0] ?? ""}`,
    remedy: "let the operator hand it on by the environment, as TF_VAR_…; if it was ever real, replace it where it is used",
  });
}

/** What a plan says of itself. Terraform may end without complaint and still have written one that must not be applied. */
function fitToApply(analysis: PlanAnalysis, recipe: Pick<Recipe, "targets">): Result<void> {
  if (analysis.nothingToDo)
    return refuse("terraform_no_change", "there is nothing to apply: the objects are as this configuration wants them", {
      remedy: "propose another configuration, or withdraw the change",
    });
  if (!analysis.applyable)
    return refuse("terraform_plan_not_applyable", "Terraform says that this plan cannot be applied", {
      remedy: "see what `terraform plan` says about it",
    });
  if (!analysis.complete && recipe.targets.length === 0)
    return refuse("terraform_plan_incomplete", "the plan is not complete: some of it was put off, or failed", {
      remedy: "apply what it waits for first, as a change of its own",
    });
  return ok(undefined);
}

function described(workspace: TerraformWorkspace, payload: TerraformPayload, made: Made, undo: Undo): Analysed {
  const { analysis } = made.looked.planned;
  const system = systemOf(workspace);
  const bytes = encodePayload(payload);
  return {
    payload: bytes,
    freshForMillis: FRESH_MILLIS,
    analysis: {
      step: {
        operation: payload.recipe.destroy ? "destroy" : "apply",
        target: { workspace: workspace.name, terraform_workspace: workspace.workspace, environment: workspace.environment },
        stateDigest: stateDigestOf(system, payload.state),
        payloadDigest: digestOf(bytes),
        observations: [
          {
            subject: system,
            value: {
              kind: "json",
              value: {
                lineage: payload.state.lineage,
                serial: payload.state.serial,
                content: payload.state.content,
                seen: payload.state.seen,
              },
            },
            method: "terraform state pull, terraform plan",
            provenance: "derived",
          },
        ],
        effects: analysis.effects,
        undo,
      },
      findings: [...analysis.findings, ...made.whereabouts.findings, ...findingsOf(payload, made)],
      impact: analysis.impact,
      evidence: [...evidenceOf(payload), made.whereabouts.evidence],
      unverified: [...analysis.unverified, ...unverifiedOf(made)],
      assumptions: [
        derived(
          "terraform.window",
          "What somebody changes outside Terraform between the refresh right before the apply and the apply itself is not noticed; a change of the state is",
        ),
      ],
      context: { ...contextOf(workspace, payload.state), [payload.recipe.configuration.kind]: payload.recipe.configuration.value },
    },
  };
}

const derived = (topic: string, text: string): Statement => ({ topic, text, provenance: "derived", source: "terraform" });
const unknown = (topic: string, text: string): Statement => ({ topic, text, provenance: "unknown", source: "terraform" });

function findingsOf({ recipe }: TerraformPayload, { looked, ownProviders }: Made): readonly Finding[] {
  const found: Finding[] = [];
  if (ownProviders)
    found.push({
      code: "terraform.own_providers",
      severity: "danger",
      message: "The configuration brings programs of providers along: whoever writes it decides what they do, and what this plan says",
      remedy: "take providers from a registry or from the operator's plugin_dir",
      provenance: "derived",
    });
  if (recipe.targets.length > 0)
    found.push({
      code: "terraform.targets",
      severity: "warning",
      message: `Only ${recipe.targets.slice(0, 10).join(", ")} and what they need are applied`,
      provenance: "derived",
    });
  if (recipe.destroy)
    found.push({
      code: "terraform.destroy_all",
      severity: "danger",
      message: "Everything in the workspace is destroyed",
      provenance: "derived",
    });
  if (looked.planned.analysis.version === "unknown")
    found.push({ code: "terraform.version", severity: "warning", message: "The plan does not say what made it", provenance: "derived" });
  return found;
}

const evidenceOf = ({ recipe, program, plan_json }: TerraformPayload): readonly Statement[] => [
  derived(
    "terraform.plan",
    `Planned here by version ${program.version}, in a clean copy of the configuration: ${recipe.configuration.kind} ${recipe.configuration.value}`,
  ),
  ...(recipe.configuration.modules === undefined
    ? []
    : [
        derived(
          "terraform.modules_digest",
          `What it was planned with from elsewhere has the digest ${recipe.configuration.modules}; it is applied with nothing else`,
        ),
      ]),
  derived("terraform.plan_digest", `The plan as text has the keyed digest ${plan_json}`),
  ...Object.entries(recipe.variables).map(([name, value]) =>
    derived("terraform.variable", `The proposer sets ${name} to ${JSON.stringify(value).slice(0, 1_000)}`),
  ),
];

const unverifiedOf = ({ foreignModules }: Made): readonly Statement[] => [
  unknown("consequence", "What the providers do beyond what they planned"),
  ...(foreignModules.length === 0
    ? []
    : [
        unknown(
          "terraform.modules",
          `What modules from elsewhere hold, which is not in the pinned configuration: ${foreignModules.slice(0, 20).join(", ")}`,
        ),
      ]),
];

interface UndoPlan {
  readonly undo: Undo;
  readonly previous?: Recipe;
}

const impossible = (why: string): UndoPlan => ({
  undo: { kind: "impossible", text: `It cannot be undone: ${why}`, provenance: "derived" },
});

/** An undo is planned only from a configuration of which a plan showed that it describes the state as it is now. */
async function undoOf(setup: Setup, workspace: TerraformWorkspace, made: Made, signal: AbortSignal): Promise<UndoPlan> {
  const obstacle = obstacleIn(made.looked.planned.analysis);
  if (obstacle !== undefined) return impossible(obstacle);
  if (made.looked.objects === 0 && !made.recipe.destroy)
    return plannedUndo({ ...made.recipe, destroy: true }, "there was nothing before, so everything that it makes is destroyed", made);
  for (const candidate of await candidates(setup, workspace, made.recipe, signal)) {
    const tried = await inSession(
      setup,
      workspace,
      { start: { from: "history", configuration: candidate.configuration }, mode: "read" },
      signal,
      async (session) => {
        const plan = await makePlan(setup, session, candidate);
        return plan.ok ? ok({ analysis: plan.value.analysis, configuration: session.configuration }) : plan;
      },
    );
    if (tried.ok && tried.value.analysis.nothingToDo && openVariables(tried.value.analysis, candidate).ok)
      return plannedUndo(
        { ...candidate, configuration: tried.value.configuration },
        `the configuration ${candidate.configuration.value} is planned and applied again, which describes the state as it is now`,
        made,
      );
  }
  return impossible("no configuration is known that describes the state as it is now");
}

function plannedUndo(previous: Recipe, text: string, { looked }: Made): UndoPlan {
  const anew = looked.planned.analysis.touched.filter(({ doing }) => doing === "delete" || doing === "replace").length;
  const lost = anew === 0 ? "" : ` ${anew} destroyed resources are made anew, with other identities and without what they held.`;
  return { previous, undo: { kind: "planned", text: `A plan in reverse: ${text}.${lost}`, provenance: "derived" } };
}

function obstacleIn({ touched }: PlanAnalysis): string | undefined {
  const of = (doing: string): string | undefined => touched.find((one) => one.doing === doing)?.address;
  const destroyed = touched.find(({ doing, type }) => (doing === "delete" || doing === "replace") && isStateful(type))?.address;
  if (destroyed !== undefined) return `${destroyed} holds what cannot be made again`;
  if (of("forget") !== undefined) return `a plan in reverse would make ${of("forget") ?? ""} a second time`;
  if (of("import") !== undefined) return `a plan in reverse would destroy ${of("import") ?? ""}, which was there before`;
  if (of("move") !== undefined) return `a plan in reverse would destroy ${of("move") ?? ""} and make it under its earlier name`;
  return undefined;
}

/** What was applied here last, and the commit before. */
async function candidates(setup: Setup, workspace: TerraformWorkspace, recipe: Recipe, signal: AbortSignal): Promise<readonly Recipe[]> {
  const applied = await recall(appliedPath(setup, workspace));
  const found: Recipe[] = isRecipe(applied) ? [applied as unknown as Recipe] : [];
  if (recipe.configuration.kind === "commit") {
    const parent = await parentOf(setup.sources, workspace, recipe.configuration.value, signal);
    if (parent !== undefined)
      found.push({ configuration: { kind: "commit", value: parent }, variables: recipe.variables, targets: [], destroy: false });
  }
  const named = ({ configuration, ...rest }: Recipe): string => canonical({ ...rest, of: configuration.value });
  const seen = new Set<string>();
  return found.filter((one) => one.targets.length === 0 && !seen.has(named(one)) && seen.add(named(one)));
}

export const appliedPath = (setup: Setup, { name }: TerraformWorkspace): string => join(setup.options.workDir, "applied", `${name}.json`);

/** What a proposer brought is told as a claim, and there is nothing to execute. */
export async function describeClaim(setup: Setup, workspace: TerraformWorkspace, plan: Uint8Array): Promise<Result<Analysed>> {
  const system = systemOf(workspace);
  const read = await analyseApart({
    bytes: plan,
    system,
    environment: workspace.environment,
    provenance: "claimed",
    secretKey: setup.options.secretKey,
  });
  if (!read.ok) return read;
  const { effects, findings, impact, unverified, digest } = read.value;
  const payload = encodeClaim(workspace.name, digest);
  const value: Json = { plan_json: digest };
  const refused: Finding = {
    code: "terraform.claim_only",
    severity: "refused",
    message: "This plan was brought by its proposer: it can be read, and is never executed",
    remedy: "propose the configuration, so that the runner makes the plan",
    provenance: "derived",
  };
  return ok({
    payload,
    freshForMillis: FRESH_MILLIS,
    analysis: {
      step: {
        operation: "apply",
        target: { workspace: workspace.name, terraform_workspace: workspace.workspace, environment: workspace.environment },
        stateDigest: claimStateDigest(system),
        payloadDigest: digestOf(payload),
        observations: [{ subject: system, value: { kind: "json", value }, method: "as the proposer says", provenance: "claimed" }],
        effects,
        undo: { kind: "impossible", text: "Nothing is executed, so that nothing is undone", provenance: "derived" },
      },
      findings: [...findings, refused],
      impact,
      evidence: [],
      unverified: [...unverified, unknown("terraform.claim", "Whether any configuration leads to this plan")],
      assumptions: [],
      context: { workspace: system },
    },
  });
}
