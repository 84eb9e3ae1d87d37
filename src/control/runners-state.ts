import { assert, fromBase64, never, type Digest, type Json, type Millis, type PrincipalId, type RunnerId } from "../core/base/index.ts";
import type { Declaration } from "../core/runner/index.ts";
import type { StreamWrite } from "./ports.ts";

/** Who may enrol, and who has. A runner begins as an invitation, and once it is revoked it stays so. */
export interface RunnerState {
  readonly runner: RunnerId;
  readonly status: "invited" | "enrolled" | "revoked";
  /** Digest of the one-time token: the token itself is told once and kept nowhere. */
  readonly hash: Digest;
  readonly tokenEndsAt: Millis;
  readonly by: PrincipalId;
  readonly createdAt: Millis;
  readonly updatedAt: Millis;
  /** What it is called, as salted words in the payload store. */
  readonly label?: Digest;
  /** The only environments that it may serve; any, where none are named. */
  readonly allowed: readonly string[];
  /** Its raw Ed25519 key, in base64. */
  readonly key?: string;
  /** Rises with each life of its process: what an earlier one says counts for nothing. */
  readonly epoch: number;
  readonly declared?: Declaration;
}

export type RunnerEvent = { readonly at: Millis; readonly runner: RunnerId } & (
  | {
      readonly type: "runner_invited";
      readonly by: PrincipalId;
      readonly hash: Digest;
      readonly tokenEndsAt: Millis;
      readonly allowed: readonly string[];
      readonly label?: Digest;
    }
  | { readonly type: "runner_enrolled"; readonly key: string; readonly declared: Declaration }
  | { readonly type: "runner_session"; readonly epoch: number; readonly declared: Declaration }
  | { readonly type: "runner_revoked"; readonly by: PrincipalId }
);

export const runnerStream = (id: string): string => `runner/${id}`;

export function runnerAfter(events: readonly RunnerEvent[]): RunnerState {
  const state = events.reduce<RunnerState | undefined>(evolve, undefined);
  assert(state !== undefined, "a runner begins with its invitation");
  return state;
}

export function evolve(state: RunnerState | undefined, event: RunnerEvent): RunnerState {
  const updatedAt = event.at;
  if (event.type === "runner_invited") {
    assert(state === undefined, "a runner is invited once");
    const { runner, hash, tokenEndsAt, by, at: createdAt, allowed, label } = event;
    const named = label === undefined ? {} : { label };
    return { runner, status: "invited", hash, tokenEndsAt, by, createdAt, updatedAt, allowed, epoch: 0, ...named };
  }
  assert(state !== undefined, "a runner begins with its invitation");
  switch (event.type) {
    case "runner_enrolled":
      return { ...state, status: "enrolled", key: event.key, declared: event.declared, updatedAt };
    case "runner_session":
      return { ...state, epoch: event.epoch, declared: event.declared, updatedAt };
    case "runner_revoked":
      return { ...state, status: "revoked", updatedAt };
    default:
      return never(event, "event of a runner");
  }
}

/** The write that takes a runner from the version before these events to the state after them. */
export function runnerWrite(state: RunnerState, version: number, events: readonly RunnerEvent[]): StreamWrite {
  const { runner, status, by, createdAt, updatedAt } = state;
  const body = state as unknown as Json;
  return {
    stream: runnerStream(runner),
    expected: version,
    events: events as unknown as readonly Json[],
    state: { body, status, proposer: by, createdAt, updatedAt },
  };
}

export function keyOf({ key }: RunnerState): Uint8Array {
  const raw = key === undefined ? undefined : fromBase64(key);
  assert(raw?.length === 32, "an enrolled runner has a key");
  return raw;
}
