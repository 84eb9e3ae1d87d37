/** Rules in a small language of their own, which is written out for Pawl and for each rival, so that all judge by the same. */
import type { Facts } from "../src/core/policy/index.ts";

export type Test =
  | { readonly op: "is"; readonly fact: string; readonly value: string }
  | { readonly op: "oneOf"; readonly fact: string; readonly values: readonly string[] }
  | { readonly op: "holds"; readonly fact: string; readonly value: string }
  | { readonly op: "over"; readonly fact: string; readonly value: number }
  | { readonly op: "not"; readonly of: Test }
  | { readonly op: "all" | "any"; readonly of: readonly Test[] };

export interface BenchRule {
  readonly id: string;
  readonly test: Test;
  readonly byHand: ByHand;
}

const is = (fact: string, value: string): Test => ({ op: "is", fact, value });
const oneOf = (fact: string, ...values: string[]): Test => ({ op: "oneOf", fact, values });
const holds = (fact: string, value: string): Test => ({ op: "holds", fact, value });
const over = (fact: string, value: number): Test => ({ op: "over", fact, value });
const not = (of: Test): Test => ({ op: "not", of });
const all = (...of: Test[]): Test => ({ op: "all", of });
const any = (...of: Test[]): Test => ({ op: "any", of });

/** As an organisation has them: rules for one system, team, agent or surface, and one in ten that looks at every change. */
const KINDS: readonly ((n: number) => Test)[] = [
  (n) => all(holds("summary.systems", `git:shop-${n}`), holds("summary.environments", "main"), not(is("proposer.kind", "human"))),
  (n) => all(is("proposer.id", `agent:coder-${n}`), over("summary.deletes", 0)),
  (n) => all(holds("summary.surfaces", `surface-${n}`), over("summary.lines_added", 20)),
  (n) => any(holds("summary.owners", `@acme/team-${n}`), holds("summary.owners", `@acme/team-${n}-leads`)),
  (n) => all(oneOf("proposer.on_behalf_of", `human:p${n}`, `human:q${n}`), holds("change.operations", "git.merge")),
  (n) => all(holds("change.operations", `sql.migrate-${n}`), over("summary.irreversible", 0), not(holds("summary.environments", "test"))),
  (n) => all(over("summary.effects", 2), holds("summary.systems", `git:shop-${n}`)),
  (n) => all(is("scope.origin", "derived"), is("proposer.owner", `human:p${n}`), over("summary.unowned", 0)),
  (n) => any(all(holds("summary.surfaces", `surface-${n}`), is("proposer.kind", "agent")), is("proposer.id", `agent:coder-${n}`)),
  (n) => all(over("summary.lines_added", 15 + (n % 70)), not(is("proposer.kind", "workload")), over("summary.updates", n % 5)),
];

type ByHand = (facts: Facts) => boolean;

/** The same kinds as somebody writes them who needs no policy language. */
const BY_HAND: readonly ((n: number) => ByHand)[] = [
  (n) => {
    const system = `git:shop-${n}`;
    return ({ summary, proposer }) =>
      summary.systems.includes(system) && summary.environments.includes("main") && proposer.kind !== "human";
  },
  (n) => {
    const id = `agent:coder-${n}`;
    return ({ summary, proposer }) => proposer.id === id && summary.deletes > 0;
  },
  (n) => {
    const surface = `surface-${n}`;
    return ({ summary }) => summary.surfaces.includes(surface) && summary.lines_added > 20;
  },
  (n) => {
    const [team, leads] = [`@acme/team-${n}`, `@acme/team-${n}-leads`];
    return ({ summary }) => summary.owners.includes(team) || summary.owners.includes(leads);
  },
  (n) => {
    const [one, other] = [`human:p${n}`, `human:q${n}`];
    return ({ proposer: { on_behalf_of: by }, change }) => (by === one || by === other) && change.operations.includes("git.merge");
  },
  (n) => {
    const operation = `sql.migrate-${n}`;
    return ({ change, summary }) =>
      change.operations.includes(operation) && summary.irreversible > 0 && !summary.environments.includes("test");
  },
  (n) => {
    const system = `git:shop-${n}`;
    return ({ summary }) => summary.effects > 2 && summary.systems.includes(system);
  },
  (n) => {
    const owner = `human:p${n}`;
    return ({ scope, proposer, summary }) => scope.origin === "derived" && proposer.owner === owner && summary.unowned > 0;
  },
  (n) => {
    const [surface, id] = [`surface-${n}`, `agent:coder-${n}`];
    return ({ summary, proposer }) => (summary.surfaces.includes(surface) && proposer.kind === "agent") || proposer.id === id;
  },
  (n) => {
    const [lines, updates] = [15 + (n % 70), n % 5];
    return ({ summary, proposer }) => summary.lines_added > lines && proposer.kind !== "workload" && summary.updates > updates;
  },
];

export const benchRules = (count: number): readonly BenchRule[] =>
  Array.from({ length: count }, (_, i) => {
    const kind = i % KINDS.length;
    const n = Math.floor(i / KINDS.length);
    return { id: `r${i}`, test: (KINDS[kind] as (n: number) => Test)(n), byHand: (BY_HAND[kind] as (n: number) => ByHand)(n) };
  });

/** A change of three files of one repository: most rules are about others. */
export function benchFacts(base: Facts): Facts {
  const [one] = base.effects;
  if (one === undefined) throw new Error("the base has an effect");
  const effects = ["src/auth/session.ts", "src/cart.ts", "README.md"].map((path) => ({
    ...one,
    path,
    resource: `git:shop-1#${path}`,
    owners: ["@acme/team-1"],
  }));
  return {
    ...base,
    proposer: { ...base.proposer, id: "agent:coder-7", kind: "agent", on_behalf_of: "human:p30", owner: "human:p30" },
    change: { ...base.change, operations: ["git.merge"] },
    effects,
    summary: {
      ...base.summary,
      effects: 3,
      updates: 3,
      lines_added: 42,
      systems: ["git:shop-1"],
      environments: ["main"],
      surfaces: ["surface-12", "surface-30"],
      owners: ["@acme/team-1"],
    },
  };
}
