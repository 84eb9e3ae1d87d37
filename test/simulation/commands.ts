import {
  millis,
  never,
  type ChangeId,
  type Digest,
  type Millis,
  type PrincipalId,
  type RunId,
  type RunnerId,
} from "../../src/core/base/index.ts";
import type { ChangeCommand, ChangeState, Common } from "../../src/core/change/index.ts";
import { ownerOf } from "../../src/core/review/index.ts";
import type { Action, Intent } from "./actions.ts";
import { derive, evaluate, evidence, grantId, MINUTE, type Spec } from "./facts.ts";
import type { World } from "./world.ts";

type Act = Extract<Action, { readonly kind: "act" }>;

/** How long a grant may wait for its start. */
const GRANT_MINUTES = 60;
const hours = (world: World, n: number): Millis => millis(world.now + n * 60 * MINUTE);
const offer = (world: World, n: number) => ({ grant: grantId(n), grantExpiresAt: millis(world.now + GRANT_MINUTES * MINUTE) });
const namesOf = (spec: Spec): Common["steps"] => spec.wishes.map((_, n) => ({ id: `step${n}`, connector: "sim" }));

/** The commands that an intention comes to, given what its author sees. */
export function commandsFor(world: World, { n, by, change, intent }: Act, seen: ChangeState | undefined): readonly ChangeCommand[] {
  if (intent.do === "propose") return [propose(world, n, by, change, intent)];
  if (seen === undefined) return [];
  const made = planning(world, n, seen, intent) ?? people(world, n, by, seen, intent) ?? running(n, by, seen, intent);
  return made ?? [];
}

function propose(world: World, n: number, by: string, change: ChangeId, intent: Extract<Intent, { do: "propose" }>): ChangeCommand {
  const spec: Spec = { wishes: intent.wishes, risk: intent.risk };
  const proposer = by as PrincipalId;
  const parties = { proposer, onBehalfOf: intent.behalf as PrincipalId, owner: ownerOf(world.people, proposer), editors: [] };
  return {
    type: "propose",
    change,
    proposal: world.remember(spec, n),
    parties,
    steps: namesOf(spec),
    start: intent.start,
    expiresAt: hours(world, intent.hours),
  };
}

function planning(world: World, n: number, seen: ChangeState, intent: Intent): readonly ChangeCommand[] | undefined {
  switch (intent.do) {
    case "plan": {
      const plan = planCommand(world, seen);
      return intent.only ? [plan] : [plan, routeCommand(world, n, seen)];
    }
    case "route":
      return [routeCommand(world, n, seen)];
    case "refuse_plan":
      return [{ type: "refuse_plan", revision: seen.revision, because: { code: "unplannable" } }];
    case "watch": {
      if (!("stepDigests" in seen)) return [];
      const { steps } = derive(world.specOf(seen), world.values, world.bundle);
      const at = seen.stepDigests.findIndex((step, i) => step.state !== steps[i]?.state);
      const [expected, observed] = [seen.stepDigests[at]?.state, steps[at]?.state];
      return expected === undefined || observed === undefined ? [] : [{ type: "stale", expected, observed }];
    }
    default:
      return undefined;
  }
}

function planCommand(world: World, seen: ChangeState): ChangeCommand {
  const { steps, payload, review } = derive(world.specOf(seen), world.values, world.bundle);
  const object = { plan: review.plan, state: review.state };
  return { type: "plan", revision: seen.revision, object, payload, stepDigests: steps, context: review.plan, freshUntil: hours(world, 1) };
}

function routeCommand(world: World, n: number, seen: ChangeState): ChangeCommand {
  const spec = world.specOf(seen);
  const { review } = derive(spec, world.values, world.bundle);
  return { type: "route", review, ...evaluate(world.bundle, spec), directory: world.people, ...offer(world, n) };
}

function people(world: World, n: number, by: string, seen: ChangeState, intent: Intent): readonly ChangeCommand[] | undefined {
  const [voter, directory] = [by as PrincipalId, world.people];
  switch (intent.do) {
    case "vote": {
      const { identity, decision, tab, seat, channel } = intent;
      const digests = world.reviewed.get(seen.id) ?? [];
      const reviewDigest: Digest | undefined = tab === "current" && "reviewDigest" in seen ? seen.reviewDigest : digests.at(-2);
      if (reviewDigest === undefined) return [];
      const ballot = {
        voter,
        identity,
        decision,
        reviewDigest,
        channel,
        strength: "session",
        ...(seat === undefined ? {} : { seat }),
      } as const;
      return [{ type: "vote", ...ballot, directory, ...offer(world, n) }];
    }
    case "withdraw_vote":
      return [{ type: "withdraw_vote", voter, identity: intent.identity, directory }];
    case "send_back":
      return [{ type: "send_back", voter, identity: intent.identity, because: { code: "reviewer" }, directory }];
    case "revise": {
      const spec = { ...world.specOf(seen), wishes: intent.wishes };
      return [
        {
          type: "revise",
          by: voter,
          proposal: world.remember(spec, n),
          steps: namesOf(spec),
          expiresAt: hours(world, intent.hours),
          directory,
        },
      ];
    }
    case "withdraw":
      return [{ type: "withdraw", by: voter }];
    case "supersede":
      return [{ type: "supersede", by: intent.with, proposer: voter }];
    case "recheck":
      return [{ type: "recheck_votes", directory }];
    case "reconcile":
      return "run" in seen
        ? [
            {
              type: "reconcile",
              run: seen.run,
              as: truthOf(world, seen),
              by: voter,
              identity: intent.identity,
              evidence: evidence(n),
              directory,
            },
          ]
        : [];
    default:
      return undefined;
  }
}

/** What a person who looks at the target finds. */
function truthOf(world: World, seen: Extract<ChangeState, { readonly run: RunId }>): "verified" | "failed" | "undone" {
  const effects = world.effects.filter((effect) => effect.run === seen.run);
  const undone = new Set(effects.filter((effect) => effect.kind === "undo").map((effect) => effect.step));
  const applied = effects.filter((effect) => effect.kind === "apply");
  if (applied.length === 0) return "failed";
  return applied.length === seen.stepDigests.length && undone.size === 0 ? "verified" : "undone";
}

function running(n: number, by: string, seen: ChangeState, intent: Intent): readonly ChangeCommand[] {
  if (intent.do === "expire") return [{ type: "expire" }];
  if (!("run" in seen)) return [];
  const { run } = seen;
  const runner = by as RunnerId;
  const [step, because] = ["step0", { code: "intruder" }];
  if (intent.do === "abandon") return [{ type: "abandon", run, because: { code: "lease_lost" } }];
  if (intent.do !== "intrude") return [];
  switch (intent.what) {
    case "begin":
      return [{ type: "begin_effect", run, runner, step, observed: seen.stepDigests[0]?.state ?? evidence(n) }];
    case "finish":
      return [{ type: "finish_effect", run, runner, step, evidence: evidence(n) }];
    case "undo":
      return [{ type: "begin_undo", run, runner, step, because }];
    case "report":
      return [{ type: "report", run, runner, outcome: "indeterminate", because, evidence: evidence(n) }];
    default:
      return never(intent.what, "intrusion");
  }
}
