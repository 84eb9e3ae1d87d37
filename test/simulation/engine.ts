import { millis, never } from "../../src/core/base/index.ts";
import type { ChangeCommand } from "../../src/core/change/index.ts";
import type { Directory } from "../../src/core/review/index.ts";
import type { Action } from "./actions.ts";
import { commandsFor } from "./commands.ts";
import { bundleDigest } from "./facts.ts";
import { Invariants } from "./invariants.ts";
import { stepRunner } from "./runners.ts";
import type { Answer, System } from "./system.ts";
import { World } from "./world.ts";

/** A world at its beginning, whose invariants are watched. */
export function newWorld(system: System): World {
  const world = new World(system);
  world.watch = new Invariants(world);
  return world;
}

/** One step. Deterministic: the same actions make the same world. */
export function step(world: World, action: Action): void {
  switch (action.kind) {
    case "act":
      return act(world, action);
    case "deliver":
      return deliver(world, action);
    case "duplicate": {
      const message = world.messages.get(action.message);
      if (message !== undefined) world.messages.set(action.n, { ...message, id: action.n });
      return;
    }
    case "lose":
      world.messages.delete(action.message);
      return;
    case "runner":
      return stepRunner(world, action);
    case "crash":
      world.runner(action.runner).job = undefined;
      return;
    case "active":
    case "member":
    case "identity":
      world.people = withPeople(world.people, action);
      return;
    case "policy":
      world.bundle = action.bundle;
      return;
    case "drift":
      world.values.set(action.resource, action.value);
      return;
    case "tick":
      world.now = millis(world.now + action.millis);
      return;
    case "clock":
      world.clocks[action.node] = action.offset;
      return;
    default:
      never(action, "action");
  }
}

function act(world: World, action: Extract<Action, { readonly kind: "act" }>): void {
  const seen = world.system.read(action.change);
  const commands = commandsFor(world, action, seen);
  if (commands.length > 0) world.send({ id: action.n, change: action.change, by: action.by, seen, commands });
}

/** As a node does it: decide on what was read, and once more on a fresh read if somebody else was faster. */
function deliver(world: World, { message: id, node, loseReply }: Extract<Action, { readonly kind: "deliver" }>): void {
  const message = world.messages.get(id);
  if (message === undefined) return;
  world.messages.delete(id);
  const { change, by } = message;
  const at = millis(world.now + (world.clocks[node] ?? 0));
  const commands = message.commands.map((command) => asOfNow(world, command));
  let answer = world.system.write({ change, seen: message.seen, commands, by, at });
  if (!answer.ok && answer.code === "version_conflict")
    answer = world.system.write({ change, seen: world.system.read(change), commands, by, at });
  world.outcomes.push(`${change} ${commands.map(({ type }) => type).join("+")} by ${by}: ${saidOf(answer)}`);
  if (answer.ok) for (const entry of answer.entries) world.watch.entry(entry);
  for (const entry of answer.ok ? answer.entries : []) {
    if (entry.event.type === "routed")
      world.reviewed.set(change, [...(world.reviewed.get(change) ?? []), entry.event.reviewDigest].slice(-4));
  }
  const job = message.runner === undefined ? undefined : world.runner(message.runner).job;
  if (job !== undefined && job.waiting === message.answers && !loseReply) job.answer ??= answer;
}

/** People and policy are read when a decision is made; a plan and its route were made with what stood when it was derived. */
function asOfNow(world: World, command: ChangeCommand): ChangeCommand {
  if (command.type === "route") return command;
  if (command.type === "start") return { ...command, directory: world.people, bundle: bundleDigest(world.bundle) };
  return "directory" in command ? { ...command, directory: world.people } : command;
}

const saidOf = (answer: Answer): string =>
  answer.ok ? answer.entries.map(({ event }) => event.type).join(", ") || "nothing to do" : `refused, ${answer.code}`;

function withPeople(people: Directory, action: Extract<Action, { readonly kind: "active" | "member" | "identity" }>): Directory {
  const add = <T extends string>(list: readonly T[], item: T, has: boolean): readonly T[] => [
    ...list.filter((each) => each !== item),
    ...(has ? [item] : []),
  ];
  const persons = people.persons.map((each) => {
    if (each.id !== action.person) return each;
    if (action.kind === "active") return { ...each, active: action.active };
    return action.kind === "identity" ? { ...each, identities: add(each.identities, action.identity, action.has) } : each;
  });
  const groups = people.groups.map((group) =>
    action.kind === "member" && group.name === action.group
      ? { ...group, members: add(group.members, action.person as (typeof group.members)[number], action.member) }
      : group,
  );
  return { ...people, persons, groups };
}
