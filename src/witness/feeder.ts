/** Hands each new head of the log to its witnesses, and raises the alarm when one of them remembers another log. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Store, Timers } from "../control/ports.ts";
import { fail, ok, refuse, type Refusal, type Result } from "../core/base/index.ts";
import { formatSubmission, openCosignatures, type Vkey } from "../core/ledger/index.ts";
import { readIfThere, replaceFile } from "./files.ts";
import { proofOfGrowth } from "./growth.ts";
import { anchorHead, type Anchor, type Anchoring } from "./anchors.ts";
import type { HeadGuard } from "./guard.ts";

export interface WitnessAddress {
  readonly url: string;
  readonly key: Vkey;
}

export interface FeederSettings {
  readonly store: Pick<Store, "head" | "tile">;
  readonly guard: HeadGuard;
  readonly witnesses: readonly WitnessAddress[];
  /** Where heads are written down beside. */
  readonly anchors?: readonly Anchor[];
  readonly log: Anchoring["log"];
  /** Where the newest cosigned head of each witness is kept. */
  readonly folder: string;
  readonly everyMillis: number;
  readonly timers: Timers;
  readonly report: (problem: { readonly what: string; readonly error: unknown }) => void;
}

export interface Feeder {
  /** Looks now; what is wrong is in `alarms`. */
  readonly feed: () => Promise<void>;
  /** What is wrong with the log as others remember it; empty when all is well. */
  readonly alarms: () => readonly Refusal[];
  /** The newest head of each witness with its cosignature, as kept. */
  readonly cosigned: () => readonly string[];
  readonly stop: () => void;
}

const TIMEOUT_MILLIS = 10_000;
const MAX_REPLY_BYTES = 4_096;
/** Refusals that no waiting mends; they stand until all is well, whatever else is answered meanwhile. */
const ALARMING = [
  "log_set_back",
  "head_unreadable",
  "witness_ahead",
  "witness_refuses",
  "anchor_ahead",
  "anchor_refuses",
  "anchor_unreadable",
  "anchor_lost",
];

export function startFeeder(settings: FeederSettings): Feeder {
  const { guard, witnesses, anchors = [], folder, everyMillis, timers, report } = settings;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const standing = new Map<object, Refusal>();
  const told = new Map<object, string | undefined>();
  const stop = new AbortController();
  let cancel = (): void => undefined;

  const note = (who: object, name: string, answer: Result<unknown>): void => {
    if (stop.signal.aborted) return;
    if (answer.ok) standing.delete(who);
    else if (ALARMING.includes(answer.error.code)) standing.set(who, answer.error);
    if (!answer.ok && answer.error.code !== told.get(who)) report({ what: `witnessing by ${name}`, error: answer.error });
    told.set(who, answer.ok ? undefined : answer.error.code);
  };
  /** How long each anchor has waited for its turn. */
  const waited = new Map(anchors.map((anchor) => [anchor, anchor.everyMillis]));
  const anchor = async (each: Anchor): Promise<void> => {
    waited.set(each, 0);
    const { name } = each.place;
    const at = { store: settings.store, log: settings.log, folder: join(folder, "anchors") };
    const answer = await anchorHead(at, each.place, stop.signal).catch((error: unknown) =>
      refuse("anchor_away", `the anchor ${name} cannot be asked: ${String(error)}`),
    );
    note(each, `the anchor ${name}`, answer);
  };
  const feed = async (every = true): Promise<void> => {
    const remembered = await guard
      .check()
      .catch((error: unknown) => refuse("head_not_kept", `the head cannot be remembered: ${String(error)}`));
    note(guard, "this machine", remembered);
    for (const witness of witnesses) {
      if (stop.signal.aborted) return;
      const answer = await submit(settings, witness, stop.signal).catch((error: unknown) =>
        refuse("witness_away", `the witness at ${witness.url} cannot be asked: ${String(error)}`),
      );
      note(witness, witness.key.name, answer);
    }
    for (const each of anchors) {
      if (stop.signal.aborted) return;
      if (every || (waited.get(each) ?? 0) >= each.everyMillis) await anchor(each);
    }
  };
  const tick = (): void => {
    for (const [each, millis] of waited) waited.set(each, millis + everyMillis);
    feed(false)
      .catch((error: unknown) => report({ what: "witnessing", error }))
      .finally(() => {
        if (!stop.signal.aborted) cancel = timers.after(everyMillis, tick);
      });
  };
  cancel = timers.after(everyMillis, tick);
  return {
    feed: () => feed(),
    alarms: () => [...standing.values()],
    cosigned: () => witnesses.map(({ key }) => readIfThere(placeOf(folder, key))).filter((kept) => kept !== undefined),
    stop: () => {
      stop.abort();
      cancel();
    },
  };
}

const placeOf = (folder: string, { id }: Vkey): string => join(folder, `${id.toString(16).padStart(8, "0")}.note`);

type Head = Awaited<ReturnType<Store["head"]>>;

/** How often a witness may have moved while it was asked: other nodes show it heads of the same log. */
const MAX_MOVES = 4;

/** The witness says which size it knows when it is another than we thought: then the growth is proved from there. */
async function submit(settings: FeederSettings, witness: WitnessAddress, stop: AbortSignal): Promise<Result<void>> {
  const { url, key } = witness;
  const place = placeOf(settings.folder, key);
  const kept = readIfThere(place);
  let oldSize = sizeIn(kept);
  for (let moves = 0; moves <= MAX_MOVES; moves++) {
    // Read again each time: what another node showed meanwhile was in the database before.
    const head = await settings.store.head();
    if (kept?.startsWith(head.checkpoint)) return ok(undefined);
    if (moves > 0 && oldSize > head.size) return fail(ahead(witness, oldSize, head));
    const asked = Math.min(oldSize, head.size);
    const answer = await post(settings, witness, { head, oldSize: asked, stop });
    if (answer.status === 200) return keep(place, witness, head, answer.body);
    if (answer.status !== 409) return fail(refusal(witness, answer, head));
    if (!/^\d{1,15}\n?$/.test(answer.body)) return refuse("witness_away", `${url} answered 409 without a size`);
    oldSize = Number(answer.body);
    // It knows what we know, and refuses all the same.
    if (oldSize === asked) return fail(refusal(witness, answer, head));
  }
  return refuse("witness_moved", `the witness at ${url} was shown other heads of this log all the while`);
}

/** Of all that a witness may have answered one line is kept, which was verified: auditors read the file as a note. */
function keep(place: string, { url, key }: WitnessAddress, { checkpoint }: Head, body: string): Result<void> {
  for (const line of body.split("\n")) {
    const signed = `${checkpoint}${line}\n`;
    const opened = openCosignatures(signed, [key]);
    if (!opened.ok || opened.value.length === 0) continue;
    replaceFile(place, signed);
    return ok(undefined);
  }
  return refuse("witness_away", `${url} answered with no cosignature of its key`);
}

const sizeIn = (note: string | undefined): number => Number(/^[^\n]+\n(\d{1,15})\n/.exec(note ?? "")?.[1] ?? 0);

interface Asked {
  readonly head: Head;
  readonly oldSize: number;
  readonly stop: AbortSignal;
}

async function post({ store }: FeederSettings, { url }: WitnessAddress, { head, oldSize, stop }: Asked) {
  const proof = await proofOfGrowth(store, oldSize, head.size);
  const response = await fetch(`${url.replace(/\/+$/, "")}/add-checkpoint`, {
    method: "POST",
    body: formatSubmission({ oldSize, proof, note: head.checkpoint }),
    redirect: "error",
    signal: AbortSignal.any([stop, AbortSignal.timeout(TIMEOUT_MILLIS)]),
  });
  return { status: response.status, body: await bounded(response) };
}

async function bounded(response: Response): Promise<string> {
  let text = "";
  for await (const part of response.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    text += part;
    if (text.length > MAX_REPLY_BYTES) throw new Error("the answer is too long");
  }
  return text;
}

const REMEDY = "stop Pawl, keep the database as it is, and compare it with the log that the witness has seen";

const ahead = ({ url }: WitnessAddress, known: number, head: Head): Refusal => ({
  code: "witness_ahead",
  message: `the witness at ${url} has cosigned this log with ${known} entries, and it has ${head.size} now`,
  remedy: REMEDY,
});

function refusal({ url }: WitnessAddress, { status, body }: { status: number; body: string }, head: Head): Refusal {
  const reason = body.replaceAll(/[^\x20-\x7e]/g, " ").slice(0, 200);
  const message = `the witness at ${url} answered ${status} to the head of size ${head.size}: ${reason}`;
  return status === 409 || status === 422 ? { code: "witness_refuses", message, remedy: REMEDY } : { code: "witness_away", message };
}
