/** What control offers to runners elsewhere, and to those who look after them. */
import type { Digest, Json, PrincipalId, RunnerId } from "../core/base/index.ts";
import type { Work } from "../core/runner/index.ts";
import type { Progress } from "./runners-exchange.ts";
import type { Answer, Caller } from "./types.ts";

export type { Progress };

export interface RunnerView {
  readonly id: RunnerId;
  readonly status: "invited" | "connected" | "absent" | "revoked";
  readonly label: string;
  readonly invited_by: PrincipalId;
  readonly created_at: number;
  readonly updated_at: number;
  readonly token_ends_at?: number;
  /** The only ones that it may serve; any, where none are named. */
  readonly allowed_environments: readonly string[];
  readonly environments: readonly string[];
  readonly labels: readonly string[];
  readonly connectors: readonly { readonly name: string; readonly digest: Digest }[];
  readonly epoch: number;
}

export interface NewRunner {
  /** Shown this once. */
  readonly token: string;
  readonly view: RunnerView;
}

export interface EnrolmentView {
  readonly runner: RunnerId;
  /** What the runner believes from then on, whoever tells it otherwise. */
  readonly trust: {
    readonly origin: string;
    readonly log_keys: readonly string[];
    readonly grant_keys: Readonly<Record<string, string>>;
  };
}

/** A request whose signature holds, before its body was read. */
export interface Signed {
  readonly runner: RunnerId;
  readonly epoch: number;
  readonly body: Digest;
}

export interface Runners {
  invite(caller: Caller, raw: Json): Answer<NewRunner>;
  list(caller: Caller): Answer<readonly RunnerView[]>;
  revoke(caller: Caller, id: string): Answer<RunnerView>;
  enrol(raw: Json): Answer<EnrolmentView>;
  authenticate(asked: { readonly authorization: string; readonly method: string; readonly path: string }): Answer<Signed>;
  session(signed: Signed, raw: Json): Answer<{ readonly epoch: number }>;
  /** Waits for work; `has` is what the runner has of it already. */
  work(
    signed: Signed,
    has: { readonly work: readonly string[]; readonly runs: readonly string[] },
    waitMillis: number,
    signal: AbortSignal,
  ): Answer<{ readonly work: readonly Work[] }>;
  answer(signed: Signed, raw: Json): Answer<{ readonly taken: boolean }>;
  /** One call of the desk at which runs are reported. */
  desk(signed: Signed, raw: Json): Answer<{ readonly result: Json }>;
  progress(signed: Signed, raw: Json): Answer<{ readonly taken: boolean }>;
  /** Told of what runners say while they work; it is kept nowhere. */
  watch(listener: (progress: Progress) => void): () => void;
}
