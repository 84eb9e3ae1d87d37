/** Hands each new head of the log to its witnesses, and raises the alarm when one of them remembers another log. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Store, Timers } from "../control/ports.ts";
import { fail, ok, refuse, type Refusal, type Result } from "../core/base/index.ts";
import { formatSubmission, openCosignatures, type Vkey } from "../core/ledger/index.ts";
import { readIfThere, replaceFile } from "./files.ts";
import { proofOfGrowth } from "./growth.ts";
import type { HeadGuard } from "./memory.ts";

export interface WitnessAddress {
  readonly url: string;
  readonly key: Vkey;
}

export interface FeederSettings {
  readonly store: Pick<Store, "head" | "tile">;
  readonly guard: HeadGuard;
  readonly witnesses: readonly WitnessAddress[];
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
  readonly stop: () => void;
}

const TIMEOUT_MILLIS = 10_000;
const MAX_REPLY_BYTES = 4_096;
/** Refusals that no waiting mends. */
const ALARMING = ["log_set_back", "head_unreadable", "witness_ahead", "witness_refuses"];

export function startFeeder(settings: FeederSettings): Feeder {
  const { guard, witnesses, folder, everyMillis, timers, report } = settings;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const standing = new Map<string, Refusal>();
  let stopped = false;
  let cancel = (): void => undefined;

  const note = (who: string, answer: Result<unknown>): void => {
    const before = standing.get(who)?.code;
    if (answer.ok) standing.delete(who);
    else if (ALARMING.includes(answer.error.code)) standing.set(who, answer.error);
    if (!answer.ok && answer.error.code !== before) report({ what: `witnessing by ${who}`, error: answer.error });
  };
  const feed = async (): Promise<void> => {
    note("this machine", await guard.check());
    for (const witness of witnesses) {
      const answer = await submit(settings, witness).catch((error: unknown) =>
        refuse("witness_away", `the witness at ${witness.url} cannot be asked: ${String(error)}`),
      );
      note(witness.key.name, answer);
    }
  };
  const tick = (): void => {
    feed()
      .catch((error: unknown) => report({ what: "witnessing", error }))
      .finally(() => {
        if (!stopped) cancel = timers.after(everyMillis, tick);
      });
  };
  cancel = timers.after(everyMillis, tick);
  return {
    feed,
    alarms: () => [...standing.values()],
    stop: () => {
      stopped = true;
      cancel();
    },
  };
}

type Head = Awaited<ReturnType<Store["head"]>>;

/** The witness says which size it knows when it is another than we thought: then the growth is proved from there, once. */
async function submit(settings: FeederSettings, witness: WitnessAddress): Promise<Result<void>> {
  const head = await settings.store.head();
  const place = join(settings.folder, `${witness.key.id.toString(16).padStart(8, "0")}.note`);
  const cosigned = sizeIn(readIfThere(place));
  if (cosigned === head.size) return ok(undefined);
  let answer = await post(settings, witness, head, Math.min(cosigned, head.size));
  if (answer.status === 409) {
    const known = Number(answer.body.trim());
    if (!Number.isSafeInteger(known) || known < 0) return refuse("witness_away", `${witness.url} answered 409 without a size`);
    if (known > head.size) return fail(ahead(witness, known, head));
    answer = await post(settings, witness, head, known);
  }
  if (answer.status !== 200) return fail(refusal(witness, answer, head));
  const signed = `${head.checkpoint}${answer.body}`;
  const opened = openCosignatures(signed, [witness.key]);
  if (!opened.ok || opened.value.length === 0) return refuse("witness_away", `${witness.url} answered with no cosignature of its key`);
  replaceFile(place, signed);
  return ok(undefined);
}

const sizeIn = (note: string | undefined): number => Number(note?.split("\n")[1] ?? 0);

async function post({ store }: FeederSettings, { url }: WitnessAddress, head: Head, oldSize: number) {
  const proof = await proofOfGrowth(store, oldSize, head.size);
  const response = await fetch(new URL("/add-checkpoint", url), {
    method: "POST",
    body: formatSubmission({ oldSize, proof, note: head.checkpoint }),
    redirect: "error",
    signal: AbortSignal.timeout(TIMEOUT_MILLIS),
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
