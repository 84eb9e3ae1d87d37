/** A whole Pawl but for its command line: real control and API on SQLite, a connector that costs nothing, and a policy of twenty rules. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createServer } from "../src/api/index.ts";
import { findSecretsInWords } from "../src/connectors/git/index.ts";
import { idsBy } from "../src/chance.ts";
import { createControl, dependable, issueToken, seedConfig, startWorker, type Deps } from "../src/control/index.ts";
import type { Control } from "../src/control/types.ts";
import { canonical, millis, type PrincipalId, type RunnerId } from "../src/core/base/index.ts";
import { vkey } from "../src/core/ledger/index.ts";
import { openSqlite, type OpenStore } from "../src/store/index.ts";
import { testSigner } from "../src/testing/ledger.ts";
import { bundleText } from "../src/testing/policy.ts";
import { Outside } from "../src/testing/scripted-connector.ts";

const ORIGIN = "pawl.bench/http";
const RUNNER = "rnr_bench00001" as RunnerId;
const clock = { now: () => millis(Date.now()) };
const AGENT = "agent:bot" as PrincipalId;

/** One rule lets low risk pass; the others are of the kinds that people write, and are all evaluated. */
const RULES = [
  { id: "low-risk", outcome: "auto", when: 'size(findings) == 0 && effects.all(e, glob(e.path, ["docs/**", "notes/**"]))' },
  ...["auth", "billing", "iam", "network", "customer-data", "secrets"].map((name) => ({
    id: `surface-${name}`,
    outcome: "escalate",
    when: `"${name}" in summary.surfaces`,
  })),
  ...["payments", "identity", "ledger", "search", "mobile", "data"].map((team) => ({
    id: `paths-${team}`,
    when: `effects.exists(e, has(e.path) && glob(e.path, ["services/${team}/**", "libs/${team}-*/**"]))`,
  })),
  { id: "irreversible", outcome: "escalate", when: "summary.irreversible > 0" },
  { id: "many", outcome: "revise", when: "summary.effects > 200 || summary.lines_added > 2000" },
  { id: "deletes", when: "summary.deletes + summary.replaces > 0" },
  { id: "night", when: 'proposer.kind == "human" && (time.hour < 0 || time.hour > 23)' },
  { id: "public", outcome: "escalate", when: 'effects.exists(e, e.exposure == "public" || e.exposure == "external")' },
  { id: "rights", outcome: "escalate", when: 'effects.exists(e, e.privilege == "gained")' },
  { id: "warned", when: 'findings.exists(f, f.severity == "danger" || f.severity == "refused")' },
];

const DIRECTORY = canonical({
  persons: [
    { id: "ada", name: "Ada", active: true, identities: [], roles: ["admin"] },
    { id: "bob", name: "Bob", active: true, identities: [], roles: [] },
  ],
  machines: [{ id: AGENT, owner: "human:ada", actsFor: ["human:ada"], active: true }],
  groups: [{ name: "maintainers", members: ["ada", "bob"], handles: [] }],
});

export interface BenchWorld {
  readonly control: Control;
  readonly deps: Deps;
  readonly store: OpenStore;
  readonly folder: string;
  /** Database file. */
  readonly path: string;
  readonly bearer: string;
  readonly outside: Outside;
  close(): Promise<void>;
}

export async function benchWorld(): Promise<BenchWorld> {
  assert.equal(RULES.length, 20);
  const folder = mkdtempSync(join(tmpdir(), "pawl-bench-"));
  const path = join(folder, "pawl.db");
  const signer = testSigner(ORIGIN, 1);
  const opened = await openSqlite({ path, origin: ORIGIN, signer, now: () => performance.now() });
  assert.ok(opened.ok, opened.ok ? "" : opened.error.message);
  const store = opened.value;
  const outside = new Outside();
  const deps = depsOn(store, signer.publicKey, outside);
  assert.ok((await seedConfig(deps, "policy", bundleText(RULES))).ok);
  assert.ok((await seedConfig(deps, "directory", DIRECTORY)).ok);
  const issued = await issueToken(deps, AGENT, "bench", "first-start");
  assert.ok(issued.ok);
  // As in a server that runs: jobs are looked for after every commit.
  const run = async () => ({ kind: "not_started", error: { code: "bench", message: "nothing runs here" } }) as const;
  const worker = startWorker(deps, { leaseMillis: 60_000, tickMillis: 1_000, parallel: 4, runner: RUNNER, run });
  const close = async (): Promise<void> => {
    await worker.stop();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  };
  return { control: createControl(deps, RUNNER), deps, store, folder, path, bearer: issued.value.token, outside, close };
}

function depsOn(store: OpenStore, publicKey: Uint8Array, outside: Outside): Deps {
  const timers: Deps["timers"] = {
    after(delay, fn) {
      const timer = setTimeout(fn, delay);
      return () => clearTimeout(timer);
    },
  };
  return {
    store,
    clock,
    ids: idsBy(clock),
    timers,
    connectors: new Map([["tool", dependable(outside.connector("tool"), timers)]]),
    findSecrets: findSecretsInWords,
    secretKey: new Uint8Array(32).fill(7),
    grantSigner: testSigner("grants", 2),
    logKeys: [vkey(ORIGIN, publicKey)],
    origin: ORIGIN,
    limits: {
      changeLifetimeMillis: 86_400_000,
      grantLifetimeMillis: 3_600_000,
      clockSkewMillis: 60_000,
      planTimeoutMillis: 10_000,
      runTimeoutMillis: 10_000,
      openChangesPerProposer: 1e9,
    },
    report: ({ what, error }) => {
      throw new Error(what, { cause: error });
    },
  };
}

/** A tool call as an agent proposes it: nobody need look at it, and it starts when somebody says so. */
export const proposal = (n: string, path = "docs"): string =>
  JSON.stringify({
    title: `Publish page ${n}`,
    summary: "The page says what changed in this release, and where to read more of it.",
    steps: [
      { connector: "tool", input: { target: `wiki#${path}/page-${n}`, set: `Release notes ${n}: nothing but words.`, owners: ["@docs"] } },
    ],
    claims: ["reversible"],
    start: "on-request",
  });

export async function serve(control: Control): Promise<{ readonly port: number; readonly close: () => Promise<void> }> {
  const plenty = { perSecond: 1e9, burst: 1e9 };
  const settings = { port: 0, rate: { credential: plenty, reserved: plenty, address: plenty } };
  const app = createServer({ control, clock, settings });
  await app.listen({ host: "127.0.0.1", port: 0 });
  return { port: (app.server.address() as AddressInfo).port, close: () => app.close() };
}
