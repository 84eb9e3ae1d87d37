/** Bugs in what is written, what is acknowledged, and what is done afterwards. */
import { edit, type Plant } from "./plant.ts";

const DECIDE = "src/store/write/decide.ts";
const SEQUENCER = "src/store/write/sequencer.ts";
const TREE = "src/store/write/commit.ts";
const STORE = "src/store/store.ts";
const COMMIT = "src/control/commit.ts";
const WORKER = "src/control/worker.ts";

export const STORED: readonly Plant[] = [
  {
    name: "conflict-ignored",
    what: "a write is accepted on whatever version, and overwrites what it has not seen",
    breaks: [4, 5, 6, 7, 8, 9, 10, 11, 13],
    edits: [
      edit(DECIDE, 'if (expected !== "any" && expected !== now.version)', 'if (expected !== "any" && expected > now.version)'),
      edit(DECIDE, "const start = before?.version ?? 0;", 'const start = expected === "any" ? (before?.version ?? 0) : expected;'),
    ],
  },
  {
    name: "guards-ignored",
    what: "policy and people may move between a decision and its write",
    breaks: [4, 5, 6, 7, 11],
    edits: [edit(DECIDE, "guardFault(draft, request.guards)", "guardFault(draft, request.guards.slice(0, 0))")],
  },
  {
    name: "acknowledged-early",
    what: "an append is acknowledged before its commit",
    breaks: [8, 9, 10, 13, 17],
    edits: [
      edit(
        SEQUENCER,
        "export function sequencer(",
        "const early = new WeakMap<Admitted, (answer: Answer) => void>();\n\nexport function sequencer(",
      ),
      edit(
        SEQUENCER,
        "queue.push({ request, answer: resolve, reject });",
        "queue.push({ request, answer: resolve, reject });\n      early.set(request, resolve);",
      ),
      edit(
        SEQUENCER,
        "attempt.head = set.head;",
        'attempt.head = set.head;\n    requests.forEach((request, i) => {\n      const made = decided.decisions[i];\n      if (made?.kind === "accepted") early.get(request)?.(ok({ indexes: made.indexes, size: set.head.size, checkpoint: set.head.checkpoint }));\n    });',
      ),
    ],
  },
  {
    name: "failure-acknowledged",
    what: "a commit that failed, or may have, is acknowledged",
    breaks: [8, 9, 10, 13, 17],
    edits: [
      edit(SEQUENCER, 'if (outcome.kind === "failed") return', 'if (outcome.kind === "failed" && head === undefined) return'),
      edit(SEQUENCER, 'if (outcome.kind === "unknown") return', 'if (outcome.kind === "unknown" && head === undefined) return'),
      edit(SEQUENCER, 'assert(outcome.kind === "committed" && head,', "assert(head,"),
    ],
  },
  {
    name: "unknown-is-done",
    what: "control takes an append whose outcome is unknown for written, and does not look",
    breaks: [8, 9, 10, 13],
    edits: [
      edit(
        COMMIT,
        'if (refusal.code === "store_unavailable") unsure.push(decided.value);',
        'if (refusal.code === "store_unavailable") return ok({ ...knownAfter(decided.value), written: intended });',
      ),
    ],
  },
  {
    name: "signed-before-commit",
    what: "a checkpoint is published when it is signed, although its commit failed",
    breaks: [13],
    edits: [
      edit(SEQUENCER, "export function sequencer(", "export const signed = new WeakMap<object, Head>();\n\nexport function sequencer("),
      edit(
        SEQUENCER,
        'if (outcome.kind === "conflict" || outcome.kind === "moved") return',
        'if (attempt.head) signed.set(sequence.backend, attempt.head);\n  if (outcome.kind === "conflict" || outcome.kind === "moved") return',
      ),
      edit(STORE, "import { sequencer }", "import { sequencer, signed }"),
      edit(
        STORE,
        "const { size, root, checkpoint } = head;",
        "const ahead = signed.get(backend) ?? head;\n      const { size, root, checkpoint } = ahead.size > head.size ? ahead : head;",
      ),
    ],
  },
  {
    name: "old-root-signed",
    what: "the checkpoint of a commit of several entries has the new size and the old root",
    breaks: [13],
    edits: [edit(TREE, "origin: head.origin, size, root }", "origin: head.origin, size, root: entries.length > 1 ? head.root : root }")],
  },
  {
    name: "leaves-mixed",
    what: "the leaves of one batch are mixed up, and the bytes are not hashed again before they are signed",
    breaks: [13],
    edits: [
      edit(DECIDE, "stream, ordinal, bytes, leaf });", "stream, ordinal, bytes, leaf: draft.entries[0]?.leaf ?? leaf });"),
      edit(TREE, "checkLeaves(entries, tiles);", "if (entries.length === 0) checkLeaves(entries, tiles);"),
    ],
  },
  {
    name: "stale-tree",
    what: "after a commit that failed the next one builds on the tree in memory, if only its size is right",
    breaks: [13],
    edits: [
      edit(
        SEQUENCER,
        'if (outcome.kind === "conflict" ||',
        'if (outcome.kind !== "nothing") sequence.edge = attempt.edge;\n  if (outcome.kind === "conflict" ||',
      ),
      edit(TREE, "=== head.batch ? known", "=== head.batch || known?.tree.frontier().size === head.size ? known"),
    ],
  },
  {
    name: "plan-job-lost",
    what: "a new revision is not planned",
    breaks: [17],
    edits: [edit(COMMIT, 'state.status === "proposed" ? [{', 'state.status === "proposed" && event.type === "proposed" ? [{')],
  },
  {
    name: "run-job-lost",
    what: "a change that people signed is not started",
    breaks: [17],
    edits: [
      edit(COMMIT, 'return state.start === "when-authorised" ?', 'return state.start === "when-authorised" && state.votes.length === 0 ?'),
    ],
  },
  {
    name: "run-key-of-change",
    what: "the start of a change is asked for once, whatever becomes of its first grant",
    breaks: [17],
    edits: [edit(COMMIT, "key: `run/${state.grant}`", "key: `run/${state.id}`")],
  },
  {
    name: "expiry-key-of-change",
    what: "the expiry of a revised change is never looked at",
    breaks: [17],
    edits: [edit(COMMIT, "key: `expire/${state.id}/${state.revision}`", "key: `expire/${state.id}`")],
  },
  {
    name: "job-settled-first",
    what: "a job is settled before it is done, and dies with its process",
    breaks: [17],
    edits: [edit(WORKER, "const end = await perform(", "await deps.store.settle(item.id);\n    const end = await perform(")],
  },
  {
    name: "lease-without-end",
    what: "the job of a process that died is never taken again",
    breaks: [17],
    edits: [edit(STORE, "millis(now + lease)", "millis(now + lease * 1_000_000)")],
  },
  {
    name: "place-not-freed",
    what: "a job that is done keeps its place, until there is none left",
    breaks: [17],
    edits: [edit("src/control/places.ts", "this.#under.delete(item.id);", "")],
  },
];
