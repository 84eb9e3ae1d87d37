import {
  digestJson,
  millis,
  type ChangeId,
  type Digest,
  type GrantId,
  type Millis,
  type RunId,
  type RunnerId,
} from "../../src/core/base/index.ts";
import type { ChangeCommand, ChangeState } from "../../src/core/change/index.ts";
import type { GrantBody } from "../../src/core/grant/index.ts";
import type { Directory } from "../../src/core/review/index.ts";
import { directory, FIRST_BUNDLE, RESOURCES, VALUES, type Bundle, type Spec, type Wish } from "./facts.ts";
import type { Answer, Entry, System } from "./system.ts";

const START = millis(1_800_000_000_000);

/** On its way from somebody to a node. What it says was made from the state its sender saw. */
export interface Message {
  readonly id: number;
  readonly change: ChangeId;
  readonly by: string;
  readonly seen: ChangeState | undefined;
  readonly commands: readonly ChangeCommand[];
  /** The runner that waits for the answer to message `answers`. */
  readonly runner?: RunnerId;
  readonly answers: number;
}

/** Something that really happened to the target. */
export interface Effect {
  readonly kind: "apply" | "undo";
  readonly at: Millis;
  readonly change: ChangeId;
  readonly run: RunId;
  readonly runner: RunnerId;
  readonly step: string;
  readonly resource: string;
  readonly before: string;
  readonly after: string;
  readonly payload: Digest;
}

export type Phase = "starting" | "ready" | "beginning" | "finishing" | "undoing" | "reporting";

export interface Job {
  readonly change: ChangeId;
  readonly run: RunId;
  readonly grant: GrantBody;
  readonly wishes: readonly Wish[];
  readonly done: Effect[];
  phase: Phase;
  waiting: number | undefined;
  answer: Answer | undefined;
}

export interface Runner {
  readonly id: RunnerId;
  /** How far its clock is off: within the declared skew. */
  readonly offset: number;
  /** Grants it has started; survives crashes. */
  readonly used: Set<GrantId>;
  job: Job | undefined;
}

/** Looks at everything that becomes of the world. */
export interface Watch {
  entry(entry: Entry): void;
  effect(effect: Effect): void;
}

/** Everything there is. Deterministic: the same actions make the same world. */
export class World {
  now: Millis = START;
  /** How far each node's clock is off. Runners keep theirs within the declared skew. */
  readonly clocks: number[] = [0, 0, 0];
  people: Directory = directory;
  bundle: Bundle = FIRST_BUNDLE;
  readonly values = new Map<string, string>(RESOURCES.map((resource) => [resource, VALUES[0]]));
  readonly specs = new Map<Digest, Spec>();
  readonly reviewed = new Map<ChangeId, Digest[]>();
  readonly messages = new Map<number, Message>();
  readonly effects: Effect[] = [];
  readonly runners: readonly Runner[] = [-20_000, 0, 25_000].map((offset, n) => ({
    id: `rnr_00000${n}` as RunnerId,
    offset,
    used: new Set(),
    job: undefined,
  }));
  readonly system: System;
  watch: Watch = { entry: () => undefined, effect: () => undefined };
  /** What came of each accepted or refused message, newest last, for the report. */
  readonly outcomes: string[] = [];

  constructor(system: System) {
    this.system = system;
  }

  runner(id: RunnerId): Runner {
    const runner = this.runners.find((each) => each.id === id);
    if (runner === undefined) throw new Error(`no runner ${id}`);
    return runner;
  }

  send(message: Omit<Message, "answers">): void {
    this.messages.set(message.id, { ...message, answers: message.id });
  }

  record(effect: Effect): void {
    this.effects.push(effect);
    this.watch.effect(effect);
  }

  specOf(state: ChangeState): Spec {
    const spec = this.specs.get(state.proposal);
    if (spec === undefined) throw new Error(`no proposal ${state.proposal}`);
    return spec;
  }

  remember(spec: Spec, n: number): Digest {
    const digest = digestJson({ spec, n });
    this.specs.set(digest, spec);
    return digest;
  }
}
