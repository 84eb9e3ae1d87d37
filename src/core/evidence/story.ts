/** A bundle whose entries are proven, read for the checks of what they tell. */
import { digestOf, fromBase64, fromUtf8, parseJson, utf8, type Digest, type Json } from "../base/index.ts";
import { evolve, fold, type ChangeEvent, type ChangeState } from "../change/index.ts";
import { documentsOf } from "./digests.ts";
import { readEntry, type ReadEntry } from "./ledger-checks.ts";
import { no, plural, yes, type Check, type EvidenceBundle, type EvidencePayload, type EvidenceTrust } from "./types.ts";

export interface Told {
  readonly index: number;
  readonly event: ChangeEvent;
  /** The change as it was before. */
  readonly before: ChangeState | undefined;
}

export interface Story {
  readonly bundle: EvidenceBundle;
  readonly trust: EvidenceTrust;
  readonly told: readonly Told[];
  readonly end: ChangeState;
  /** Entries of other streams. */
  readonly context: readonly ReadEntry[];
  readonly payloads: ReadonlyMap<Digest, EvidencePayload>;
}

export type EventOf<T extends ChangeEvent["type"]> = Extract<ChangeEvent, { readonly type: T }>;

export function toldOf<T extends ChangeEvent["type"]>({ told }: Story, type: T): readonly (Told & { readonly event: EventOf<T> })[] {
  return told.filter((each): each is Told & { readonly event: EventOf<T> } => each.event.type === type);
}

/** The events follow from each other as the lifecycle has them. */
export function lifecycle(
  bundle: EvidenceBundle,
  trust: EvidenceTrust,
  read: readonly ReadEntry[],
): { readonly check: Check; readonly story?: Story } {
  const told: Told[] = [];
  let before: ChangeState | undefined;
  try {
    for (const { index, event } of read) {
      told.push({ index, event: event as unknown as ChangeEvent, before });
      before = evolve(before, event as unknown as ChangeEvent);
    }
  } catch (error) {
    return { check: no("lifecycle", `the events do not follow from each other: ${messageOf(error)}`) };
  }
  const end = fold(told.map(({ event }) => event));
  if (end === undefined || end.id !== bundle.change) return { check: no("lifecycle", "the events are of another change") };
  const context = bundle.context.map(readEntry);
  const strange = context.indexOf(undefined);
  if (strange >= 0) return { check: no("lifecycle", `entry ${bundle.context[strange]?.index} is not an entry in canonical JSON`) };
  const payloads = new Map(bundle.payloads.map((payload) => [payload.digest, payload]));
  const story = { bundle, trust, told, end, context: context.filter((each) => each !== undefined), payloads };
  return { check: yes("lifecycle", `the events follow from each other and lead to ${end.status}`), story };
}

export const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

function bytesOf(payload: EvidencePayload | undefined): Uint8Array | undefined {
  if (payload?.as === "text") return utf8(payload.text);
  return payload?.as === "base64" ? fromBase64(payload.base64) : undefined;
}

/** A document by its digest, or why it is not to be had. */
export function documentOf(story: Story, digest: Digest): { readonly value: Json } | { readonly missing: string } {
  const payload = story.payloads.get(digest);
  const bytes = bytesOf(payload);
  if (bytes === undefined)
    return { missing: payload?.as === "erased" ? "was erased" : payload === undefined ? "is not here" : "was left out" };
  const parsed = parseJson(bytes, { bytes: bytes.length, stringLength: bytes.length });
  return parsed.ok ? { value: parsed.value } : { missing: `cannot be read: ${parsed.error.message}` };
}

export function textOf(story: Story, digest: Digest): string | undefined {
  const bytes = bytesOf(story.payloads.get(digest));
  return bytes === undefined ? undefined : fromUtf8(bytes);
}

/** Texts of rules and people are named by entries of the configuration. */
const named = ({ told, context }: Story): ReadonlySet<Digest> =>
  new Set([
    ...told.flatMap(({ event }) => documentsOf(event as unknown as Json)),
    ...context.filter(({ stream }) => stream.startsWith("config/")).map(({ event }) => event["digest"] as Digest),
  ]);

/** Every document that an entry names is here under its digest or named as gone, and nothing else is. */
export function payloadsCheck(story: Story): Check {
  const { payloads } = story.bundle;
  for (const [at, payload] of payloads.entries()) {
    const bytes = bytesOf(payload);
    if (bytes !== undefined && digestOf(bytes) !== payload.digest)
      return no("documents", `the document ${payload.digest} has another digest`);
    if (at > 0 && payload.digest <= (payloads[at - 1]?.digest ?? "")) return no("documents", "the documents are not in order, each once");
  }
  const wanted = named(story);
  const missing = [...wanted].find((digest) => !story.payloads.has(digest));
  if (missing !== undefined) return no("documents", `the entries name ${missing}, which is not here`);
  const strange = payloads.find(({ digest }) => !wanted.has(digest));
  if (strange !== undefined) return no("documents", `no entry names ${strange.digest}`);
  const of = (as: EvidencePayload["as"]): readonly EvidencePayload[] => payloads.filter((payload) => payload.as === as);
  const gone = [
    ...of("erased").map(({ digest }) => `${digest} was erased, as its exporter says`),
    ...of("left_out").map(({ digest }) => `${digest} is too large`),
  ];
  const here = payloads.length - gone.length;
  return yes(
    "documents",
    `${plural(here, "document")} under the digests that the entries name${gone.length === 0 ? "" : `; ${gone.join(", ")}`}`,
  );
}
