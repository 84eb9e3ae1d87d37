import { millis, type Millis, type PrincipalId } from "../../src/core/base/index.ts";
import type { Status } from "../../src/core/change/index.ts";
import type { Control, PrincipalKind } from "../../src/control/types.ts";
import { FakeControl, member } from "../../src/testing/fake-control.ts";

/** A control with people in it, and changes wherever a test wants them. The suites run on any world that has these. */
export interface ApiWorld {
  readonly control: Control;
  readonly clock: { now(): Millis };
  /** A credential of each kind that the world knows. The human is nobody's owner, and may vote and administer. */
  readonly bearers: Readonly<Partial<Record<PrincipalKind, string>> & { human: string; agent: string }>;
  /** What `agent` may propose. */
  proposal(title: string): unknown;
  /** A change of `agent` in this state; with `needs: 2` one approval leaves it waiting. */
  change(status: WorldStatus, options?: { readonly needs?: number }): Promise<string>;
  /** A change whose glass somebody else has broken. */
  broken(): Promise<string>;
  close(): Promise<void>;
}

export type WorldStatus = Extract<Status, "awaiting" | "authorised" | "stale" | "running" | "indeterminate">;
export type ApiWorldFactory = () => Promise<ApiWorld>;

/** A clock that stands until it is moved. */
class StillClock {
  #now = 1_795_000_000_000;

  now(): Millis {
    return millis(this.#now);
  }

  advance(by: number): void {
    this.#now += by;
  }
}

const MEMBERS = [member("human", "ada"), member("human", "bob"), member("agent", "bot"), member("workload", "ci"), member("runner", "r1")];
export const ADA = "human:ada" as PrincipalId;
export const BOB = "human:bob" as PrincipalId;

export interface FakeWorld extends ApiWorld {
  readonly fake: FakeControl;
  readonly clock: StillClock;
}

export function fakeWorld(): FakeWorld {
  const clock = new StillClock();
  const fake = new FakeControl(clock, MEMBERS);
  return {
    fake,
    clock,
    control: fake.control(),
    bearers: { human: "human-bob-token", agent: "agent-bot-token", workload: "workload-ci-token", runner: "runner-r1-token" },
    proposal: (title) => ({ title, steps: [{ connector: "fake", input: {} }] }),
    change: async (status, options) => fake.place(status, options),
    async broken() {
      const id = fake.place("awaiting");
      await fake.control().glass.break({ person: "ada" } as never, id, { reason: "x", review_digest: "x" });
      return id;
    },
    close: async () => undefined,
  };
}
