/**
 * One queue per process: whatever arrived while the last commit ran becomes the next commit, with one transaction and one
 * signature. Each request is still accepted or refused on its own.
 */
import type { Receipt, Signer, StoreRefusal } from "../../control/ports.ts";
import { assert, equalBytes, fail, ok, type Result } from "../../core/base/index.ts";
import type { Admitted } from "./admit.ts";
import { CorruptTree, writeSet, type Edge } from "./commit.ts";
import { decide, needOf, type Decision } from "./decide.ts";
import { MAX_ALONE_BYTES, MAX_ATTEMPTS, MAX_BATCH_BYTES, MAX_BATCH_REQUESTS, MAX_QUEUED } from "../limits.ts";
import type { Backend, Facts, Head, Outcome, WriteSet } from "../model.ts";

export type Answer = Result<Receipt, StoreRefusal>;

interface Waiting {
  readonly request: Admitted;
  readonly answer: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

export interface Sequencer {
  append(request: Admitted): Promise<Answer>;
  /** A head that somebody was shown. */
  saw(head: Head): void;
  /** Refuses what comes later; resolves when what was queued has been answered. */
  close(): Promise<void>;
}

/** What a commit needs. */
interface Writing {
  readonly backend: Pick<Backend, "transact" | "gather">;
  readonly signer: Signer;
  /** A name for the next attempt that no other has. */
  readonly nextBatch: () => string;
}

interface Sequence extends Writing {
  /** The tree's right edge after the last commit. */
  edge: Edge | undefined;
  /** The batch is one small request, and no other waits. */
  alone: boolean;
  /** The highest head that was committed or read here: a database that falls behind it has lost what was acknowledged. */
  seen: Head | undefined;
  /** Why nothing more is written: it stays so however the database grows from there. */
  setBack: StoreRefusal | undefined;
}

export function sequencer(writing: Writing): Sequencer {
  const sequence: Sequence = { ...writing, edge: undefined, alone: false, seen: undefined, setBack: undefined };
  const queue: Waiting[] = [];
  let running: Promise<void> | undefined;
  let closed = false;

  const drain = async (): Promise<void> => {
    while (queue.length > 0) {
      if (writing.backend.gather) await writing.backend.gather();
      const batch = takeBatch(queue);
      sequence.alone = batch.length === 1 && queue.length === 0 && (batch[0]?.request.bytes ?? 0) <= MAX_ALONE_BYTES;
      await settle(sequence, batch);
    }
    running = undefined;
  };
  return {
    append: (request) => {
      if (closed) return Promise.resolve(unavailable("the store is closed", "none"));
      if (queue.length >= MAX_QUEUED) return Promise.resolve(unavailable(`${MAX_QUEUED} appends are waiting already`, "none"));
      const { promise, resolve, reject } = Promise.withResolvers<Answer>();
      queue.push({ request, answer: resolve, reject });
      running ??= drain();
      return promise;
    },
    saw: (head) => void (sequence.seen = higher(sequence.seen, head)),
    close: async () => {
      closed = true;
      await running;
    },
  };
}

function takeBatch(queue: Waiting[]): Waiting[] {
  let count = 0;
  let bytes = 0;
  while (count < queue.length && count < MAX_BATCH_REQUESTS && bytes < MAX_BATCH_BYTES) bytes += queue[count++]?.request.bytes ?? 0;
  return queue.splice(0, count);
}

/**
 * A constraint that refuses a batch, or a fault while it is decided, cannot say which request was the cause: then nothing was written,
 * and the requests are tried one by one.
 */
async function settle(sequence: Sequence, batch: readonly Waiting[]): Promise<void> {
  try {
    const answers = await commit(sequence, batch);
    if (answers) return batch.forEach(({ answer }, i) => answer(answers[i] as Answer));
  } catch (error) {
    if (batch.length === 1) return batch[0]?.reject(error);
  }
  for (const waiting of batch) await settle(sequence, [waiting]);
}

/** Decides and commits until no other writer is faster. No answers when a constraint refused what several requests wanted. */
async function commit(sequence: Sequence, batch: readonly Waiting[]): Promise<readonly Answer[] | undefined> {
  const requests = batch.map(({ request }) => request);
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
    const answers = await tryCommit(sequence, requests);
    if (answers === "conflict" && batch.length > 1) return undefined;
    if (typeof answers !== "string") return answers;
  }
  return requests.map(() => unavailable("other writers were always first", "none"));
}

/** What the decision callback leaves behind for the answers. */
interface Attempt {
  decisions: readonly Decision[];
  head?: Head;
  edge?: Edge | undefined;
  corrupt?: StoreRefusal | undefined;
}

async function tryCommit(sequence: Sequence, requests: readonly Admitted[]): Promise<Answer[] | "conflict" | "moved"> {
  const attempt: Attempt = { decisions: [] };
  const known = latest(sequence);
  // Whatever breaks from here on, the tree in memory may be ahead of the stored one.
  sequence.edge = undefined;
  const need = { ...needOf(requests), alone: sequence.alone, ...(known && { known: known.head }) };
  const outcome = await sequence.backend.transact(need, (facts) => decideOn(facts, requests, sequence, known, attempt));
  if (outcome.kind === "nothing") sequence.edge = attempt.corrupt === undefined ? known : undefined;
  else if (outcome.kind === "committed") {
    sequence.edge = attempt.edge;
    if (attempt.head) sequence.seen = higher(sequence.seen, attempt.head);
  }
  if (outcome.kind === "conflict" || outcome.kind === "moved") return outcome.kind;
  return requests.map((_, i) => answerOf(attempt, outcome, attempt.decisions[i]));
}

/** None when somebody was shown a later head: another process was here, and its edge has to be read. */
const latest = ({ edge, seen }: Sequence): Edge | undefined => (edge && seen && seen.size > edge.head.size ? undefined : edge);

function decideOn(
  facts: Facts,
  requests: readonly Admitted[],
  sequence: Sequence,
  known: Edge | undefined,
  attempt: Attempt,
): WriteSet | undefined {
  const { signer, nextBatch } = sequence;
  attempt.corrupt = sequence.setBack ??= setBack(facts.head, sequence.seen);
  if (attempt.corrupt !== undefined) return undefined;
  sequence.seen = higher(sequence.seen, facts.head);
  const decided = decide(facts, requests);
  attempt.decisions = decided.decisions;
  if (decided.decisions.every(({ kind }) => kind === "refused")) return undefined;
  try {
    const { set, edge } = writeSet(facts, decided, signer, nextBatch(), known);
    attempt.head = set.head;
    attempt.edge = edge;
    return set;
  } catch (error) {
    if (!(error instanceof CorruptTree)) throw error;
    attempt.corrupt = corrupt(error.message, "run `pawl ledger fsck`; nothing was written");
    return undefined;
  }
}

const higher = (seen: Head | undefined, head: Head): Head => (seen === undefined || head.size > seen.size ? head : seen);

/** A failover to a replica that lagged, or a backup: what is left is not the log that was acknowledged. */
function setBack(head: Head, seen: Head | undefined): StoreRefusal | undefined {
  if (seen === undefined || head.size > seen.size || (head.size === seen.size && equalBytes(head.root, seen.root))) return undefined;
  return corrupt(
    `the log has ${head.size} entries, and this process has seen it with ${seen.size}: the database was set back`,
    "nothing was written; start Pawl again, and it says what to do",
  );
}

const corrupt = (message: string, remedy: string): StoreRefusal => ({ code: "store_corrupt", message, remedy });

type Final = Exclude<Outcome, { kind: "conflict" | "moved" }>;

/** A refusal may rest on an earlier request of the same batch, so it is given only when that batch's end is known. */
function answerOf({ head, corrupt: wrong }: Attempt, outcome: Final, decision: Decision | undefined): Answer {
  if (outcome.kind === "failed") return unavailable(outcome.message, "none");
  if (wrong !== undefined) return fail(wrong);
  assert(decision, "a batch that was committed was decided");
  if (outcome.kind === "unknown") return unavailable(outcome.message, decision.kind === "refused" ? "none" : "unknown");
  if (decision.kind === "refused") return fail(decision.refusal);
  assert(outcome.kind === "committed" && head, "an accepted request was committed");
  return ok({ indexes: decision.indexes, size: head.size, checkpoint: head.checkpoint });
}

function unavailable(message: string, outcome: "none" | "unknown"): Answer {
  const remedy = outcome === "none" ? "nothing was written: try again later" : "it may have been written: read before trying again";
  return fail({ code: "store_unavailable", message, remedy, details: { outcome } });
}
