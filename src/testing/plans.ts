/** A change to a sign-in path as a proposer sends it and a connector finds it: one plan that tests share. */
import { digestOf, keyedDigestOf, type ChangeId, type PrincipalId } from "../core/base/index.ts";
import {
  assemblePlan,
  type AssembleInput,
  type Effect,
  type Plan,
  type PlanValue,
  type Proposal,
  type StepAnalysis,
} from "../core/plan/index.ts";
import type { Route } from "../core/policy/index.ts";

export const CHANGE = "chg_01k9a7q2m4" as ChangeId;
export const SECRET_KEY = new TextEncoder().encode("a key of thirty-two bytes, truly");

export const proposal: Proposal = {
  title: "Limit sign-in attempts to five per minute",
  summary:
    "Brute force against the sign-in page was seen on Tuesday.\nThis adds a limiter and drops the old captcha. No deletions of anything in use.",
  author: "agent:coder" as PrincipalId,
  proposer: "agent:coder" as PrincipalId,
  onBehalfOf: "human:jonas" as PrincipalId,
  scope: {
    systems: ["git:shop"],
    environments: ["main"],
    operations: ["create", "update"],
    resources: ["git:shop#src/auth/**", "git:shop#test/**", "git:shop#package.json"],
    limits: { effects: 5, deletes: 0 },
  },
  steps: [{ id: "step-1", connector: "git", input: { repository: "shop", base: "main" } }],
  claims: ["no:delete", "reversible", "All tests pass on my machine"],
  start: "when-authorised",
  salt: "00112233445566778899aabbccddeeff",
};

export function effect(path: string, more: Partial<Effect> = {}): Effect {
  return {
    kind: "update",
    resource: `git:shop#${path}`,
    resourceKind: "file",
    system: "git:shop",
    environment: "main",
    summary: "",
    fields: [],
    detail: { kind: "none" },
    reversibility: "reversible",
    exposure: "internal",
    privilege: "none",
    surfaces: [],
    owners: ["@acme/shop"],
    provenance: "derived",
    ...more,
  };
}

const LIMITER = `--- a/src/auth/sign-in.ts
+++ b/src/auth/sign-in.ts
@@ -12,6 +12,9 @@ export async function signIn(form: Form): Promise<Session> {
   const account = await accounts.find(form.email);
-  if (account === undefined) throw new NotFound();
+  const tries = await limiter.count(form.email, form.address);
+  if (tries > LIMIT_PER_MINUTE) throw new TooManyTries({ retryAfterSeconds: 60, reason: "sign-in", address: form.address });
+  if (account === undefined) throw new NotFound();
   return sessions.open(account);
 }
`;

const content = (version: string): PlanValue => ({ kind: "bytes", digest: digestOf(version), size: 1_204, mediaType: "text/plain" });

const OWNED = { owners: ["@acme/identity"], surfaces: ["auth"] };

export const analysis: StepAnalysis = {
  step: {
    operation: "merge",
    target: { repository: "shop", branch: "main" },
    stateDigest: digestOf("tree before"),
    payloadDigest: digestOf("tree after"),
    observations: [
      {
        subject: "tree of main",
        value: { kind: "json", value: "4b825dc642cb6eb9a060e54bf8d69288fbee4904" },
        method: "git rev-parse",
        provenance: "derived",
      },
      {
        subject: "deploy token",
        value: { kind: "secret", digest: keyedDigestOf(SECRET_KEY, "hunter2") },
        method: "configuration",
        provenance: "derived",
      },
    ],
    effects: [
      effect("src/auth/limiter.ts", {
        ...OWNED,
        kind: "create",
        summary: "A new file of 41 lines",
        detail: {
          kind: "diff",
          text: "@@ -0,0 +1,2 @@\n+export const LIMIT_PER_MINUTE = 5;\n+export class Limiter {}\n",
          added: 2,
          removed: 0,
        },
      }),
      effect("src/auth/sign-in.ts", {
        ...OWNED,
        summary: "3 lines added, 1 removed",
        fields: [{ path: "content", before: content("old"), after: content("new") }],
        detail: { kind: "diff", text: LIMITER, added: 3, removed: 1 },
      }),
      effect("src/auth/captcha.ts", {
        ...OWNED,
        kind: "delete",
        summary: "The file is removed",
        detail: { kind: "diff", text: "@@ -1 +0,0 @@\n-export const captcha = () => true;\n", added: 0, removed: 1 },
      }),
      effect("package.json", {
        fields: [
          { path: "dependencies.limiter", after: { kind: "json", value: "2.1.0" } },
          {
            path: "scripts.start",
            before: { kind: "json", value: "node ." },
            after: { kind: "json", value: "node --enable-source-maps ." },
          },
        ],
        surfaces: ["dependencies"],
      }),
      effect("assets/logo.png", {
        detail: { kind: "uninspectable", reason: "binary file of 12,044 bytes" },
        owners: [],
        exposure: "public",
      }),
    ],
    undo: { kind: "planned", text: "A revert of the merge brings the tree back as it was", provenance: "derived" },
  },
  findings: [
    {
      code: "git.dependency_added",
      severity: "warning",
      message: "limiter 2.1.0 becomes a dependency",
      resource: "git:shop#package.json",
      provenance: "derived",
    },
  ],
  impact: [
    { topic: "dependents", text: "checkout and account pages sign in through this path", provenance: "derived", source: "CODEOWNERS" },
  ],
  evidence: [
    { topic: "checks", text: "CI passed on the proposed tree", provenance: "attested", source: "workload:ci" },
    { topic: "tests.changed", text: "No test file changes", provenance: "derived", source: "git" },
  ],
  unverified: [{ topic: "load", text: "Whether the limiter holds under load", provenance: "unknown", source: "git" }],
  assumptions: [{ topic: "clock", text: "The web servers' clocks agree within a second", provenance: "claimed", source: "agent:coder" }],
  context: { base: "9c41e07", seen: "2026-11-02T03:04:05Z" },
};

export const assembleInput: AssembleInput = {
  change: CHANGE,
  proposal,
  proposalDigest: digestOf("proposal"),
  analyses: [{ id: "step-1", connector: "git", analysis }],
  names: [{ system: "git:shop", environment: "main", resources: ["git:shop#src/auth/**"] }],
};

export const samplePlan = (): Plan => assemblePlan(assembleInput);

/** The sample with other words, effects or statements. */
export function planWith(change: {
  readonly proposal?: Partial<Proposal>;
  readonly analysis?: Partial<StepAnalysis>;
  readonly step?: Partial<StepAnalysis["step"]>;
}): Plan {
  const changed = { ...analysis, ...change.analysis, step: { ...analysis.step, ...change.analysis?.step, ...change.step } };
  return assemblePlan({
    ...assembleInput,
    proposal: { ...proposal, ...change.proposal },
    analyses: [{ id: "step-1", connector: "git", analysis: changed }],
  });
}

export const sampleRoute: Route = {
  outcome: "review",
  seats: [
    { id: "identity", who: [{ kind: "owner", handle: "@acme/identity" }], count: 1, strength: "session", channels: [] },
    {
      id: "security",
      who: [
        { kind: "group", group: "security" },
        { kind: "role", role: "ciso" },
      ],
      count: 2,
      strength: "passkey",
      channels: ["console"],
    },
  ],
  reasons: [
    { rule: "auth-needs-its-owner", outcome: "review", text: "What touches the sign-in path is decided by its owners" },
    { rule: "deletes-are-seen", outcome: "review", text: "Nothing is deleted unseen" },
  ],
  instructions: [
    { rule: "tests-come-along", code: "tests.missing", message: "add a test for what changes", resource: "git:shop#src/auth/sign-in.ts" },
  ],
  holds: ["freeze: nothing starts before Monday 08:00 UTC"],
};
