import {
  canonical,
  digestJson,
  digestOf,
  fail,
  isObject,
  ok,
  parseJson,
  type Digest,
  type Json,
  type Refusal,
  type Result,
} from "../../core/base/index.ts";
import { loadDeclarations, runTests } from "../../core/operation/index.ts";
import type { Detail, Effect, Finding, Statement } from "../../core/plan/index.ts";
import { loadBundle, runCases, type Bundle } from "../../core/policy/index.ts";
import { validateDirectory, type Directory } from "../../core/review/index.ts";
import type { Admitted, Analysed, Connector, Observed, Performed, PerformFault, RunLimits } from "../../control/ports.ts";
import { declarationEffects, declarationFindings } from "./declarations.ts";
import { directoryEffects, directoryFindings } from "./directory.ts";
import { wholeDiff } from "./diff.ts";
import { policyFindings } from "./policy.ts";

export type ConfigKind = "policy" | "directory" | "connectors";

/** Where Pawl's own rules live; replaced by compare-and-swap. */
export interface ConfigDesk {
  current(kind: ConfigKind): Promise<{ readonly digest: Digest; readonly text: string }>;
  replace(kind: ConfigKind, expected: Digest, text: string): Promise<Result<void>>;
}

const MAX_TEXT = 512 * 1024;
const SCHEMA = "pawl/config-payload/v1";
const HOUR = 3_600_000;
const MOST_FAULTS = 100;
const KINDS: readonly ConfigKind[] = ["policy", "directory", "connectors"];

interface Input {
  readonly kind: ConfigKind;
  readonly text: string;
}

interface Payload extends Input {
  readonly schema: typeof SCHEMA;
  readonly before: Digest;
  readonly before_text: string;
}

/** Pawl governs itself: its policy and its directory are replaced by changes like any other, on the text that was reviewed. */
export function pawlConnector(desk: ConfigDesk): Connector {
  const withPayload = async <T>(
    bytes: Uint8Array,
    { signal }: RunLimits,
    work: (payload: Payload) => Promise<Result<T>>,
  ): Promise<Result<T>> => {
    const payload = readPayload(bytes);
    if (!payload.ok) return payload;
    return signal?.aborted === true ? outOfTime : work(payload.value);
  };
  const writing = async (bytes: Uint8Array, limits: RunLimits, way: "forward" | "back"): Promise<Result<Performed, PerformFault>> => {
    const payload = await withPayload(bytes, limits, async (read) => ok(read));
    return payload.ok ? swap(desk, payload.value, way) : fail({ ...payload.error, effect: "none" });
  };
  return {
    name: "pawl",
    digest: digestOf(`${SCHEMA}/1`),
    admit: async (input) => admit(input),
    analyse: async (input, { signal }) => (signal?.aborted === true ? outOfTime : analyse(desk, input as unknown as Input)),
    observe: (bytes, limits) => withPayload(bytes, limits, ({ kind }) => observe(desk, kind)),
    apply: async (bytes, expected, limits) => {
      const payload = readPayload(bytes);
      if (payload.ok && stateDigest(payload.value.kind, payload.value.before) !== expected)
        return fail(moved(payload.value.kind, expected));
      return writing(bytes, limits, "forward");
    },
    verify: (bytes, _performed, limits) => withPayload(bytes, limits, (payload) => verify(desk, payload)),
    undo: (bytes, _performed, limits) => writing(bytes, limits, "back"),
  };
}

const outOfTime = fail({ code: "connector_timeout", message: "the time for this had run out before it began", remedy: "try again" });

function moved(kind: ConfigKind, expected: Digest): PerformFault {
  const message = `the ${kind} in force is not the one that this was approved on`;
  return { code: "stale_state", message, remedy: "plan the change again on what is in force now", details: { expected }, effect: "none" };
}

/** Exactly the bytes that `analyse` makes, and none that merely read alike. */
function readPayload(bytes: Uint8Array): Result<Payload> {
  const raw = parseJson(bytes, { bytes: MAX_TEXT * 8, stringLength: MAX_TEXT });
  const payload = raw.ok ? (raw.value as unknown as Partial<Payload> | null) : null;
  const known = payload?.schema === SCHEMA && KINDS.some((kind) => kind === payload.kind);
  const whole =
    typeof payload?.text === "string" && typeof payload.before_text === "string" && payload.before === digestOf(payload.before_text);
  const { schema, kind, text, before, before_text } = payload ?? {};
  if (known && whole && canonical({ schema, kind, text, before, before_text }) === new TextDecoder().decode(bytes))
    return ok(payload as Payload);
  return fail({
    code: "invalid_payload",
    message: "these are not the bytes of a change to Pawl's own rules",
    remedy: "plan the change again",
  });
}

function admit(raw: Json): Result<Admitted, readonly Refusal[]> {
  const remedy = 'the input is {"kind": "policy" | "directory" | "connectors", "text": "…"} and nothing else';
  if (!isObject(raw) || Object.keys(raw).some((k) => k !== "kind" && k !== "text")) {
    return fail([{ code: "invalid_input", message: "this does not say what to replace by what", where: "", remedy }]);
  }
  const kind = KINDS.find((each) => each === raw["kind"]);
  const text = raw["text"];
  const faults: Refusal[] = [];
  if (kind === undefined)
    faults.push({ code: "invalid_kind", message: 'must be "policy", "directory" or "connectors"', where: "/kind", remedy });
  const fits = typeof text === "string" && text.length <= MAX_TEXT && text.isWellFormed();
  if (!fits) faults.push({ code: "invalid_text", message: `must be a text of at most ${MAX_TEXT} characters`, where: "/text", remedy });
  if (kind === undefined || !fits) return fail(faults);
  const unfit = FAULTS[kind](text);
  if (unfit.length > 0)
    return fail(unfit.map((f) => ({ remedy: `mend the ${kind}`, ...f, where: `/text${f.where === undefined ? "" : ` ${f.where}`}` })));
  return ok({ input: { kind, text }, names: { system: "pawl", environment: "control", resources: [`pawl:${kind}`, `pawl:${kind}#**`] } });
}

/** A policy whose own cases fail is not put before people. */
function policyFaults(text: string): readonly Refusal[] {
  const bundle = loadBundle(text);
  if (!bundle.ok) return bundle.error;
  return runCases(bundle.value)
    .filter((c) => !c.passed)
    .slice(0, MOST_FAULTS)
    .map((c) => ({
      code: "case_failed",
      message: `case "${c.name}" expected ${canonical(c.expected)} and got ${canonical(c.actual)}`,
      remedy: "mend the rule or the case: pawl policy test FILE",
    }));
}

function readDirectory(text: string): Result<Directory, readonly Refusal[]> {
  const raw = parseJson(text, { bytes: MAX_TEXT * 4 });
  return raw.ok ? validateDirectory(raw.value) : fail([raw.error]);
}

function directoryFaults(text: string): readonly Refusal[] {
  const directory = readDirectory(text);
  return directory.ok ? [] : directory.error;
}

/** Nor are operations whose own tests fail. */
function declarationFaults(text: string): readonly Refusal[] {
  const declarations = loadDeclarations(text);
  if (!declarations.ok) return declarations.error;
  return runTests(declarations.value)
    .filter(({ passed }) => !passed)
    .slice(0, MOST_FAULTS)
    .map(({ operation, name, expected, actual }) => ({
      code: "test_failed",
      message: `${operation}: test "${name}" expected ${canonical(expected)} and got ${canonical(actual)}`,
      remedy: "mend the operation or the test: pawl connector test FILE",
    }));
}

const FAULTS: Readonly<Record<ConfigKind, (text: string) => readonly Refusal[]>> = {
  policy: policyFaults,
  directory: directoryFaults,
  connectors: declarationFaults,
};

const stateDigest = (kind: ConfigKind, digest: Digest): Digest => digestJson({ kind, digest });

async function analyse(desk: ConfigDesk, { kind, text }: Input): Promise<Result<Analysed>> {
  const now = await desk.current(kind);
  if (now.digest === digestOf(text))
    return fail({ code: "no_change", message: `the ${kind} in force is already exactly this`, remedy: "nothing needs to be proposed" });
  const payload: Payload = { schema: SCHEMA, kind, text, before: now.digest, before_text: now.text };
  const bytes = new TextEncoder().encode(canonical(payload));
  return ok({
    payload: bytes,
    freshForMillis: HOUR,
    analysis: {
      step: {
        operation: "replace",
        target: { kind },
        stateDigest: stateDigest(kind, now.digest),
        payloadDigest: digestOf(bytes),
        observations: [
          {
            subject: `pawl:${kind}`,
            value: { kind: "bytes", digest: now.digest, size: now.text.length, mediaType: "text/plain" },
            method: "read from Pawl's own store",
            provenance: "derived",
          },
        ],
        effects: effectsOf(kind, now, text),
        undo: { kind: "planned", text: `put the ${kind} that is in force now back in force`, provenance: "derived" },
      },
      findings: findingsOf(kind, now.text, text),
      impact: impactOf(kind),
      evidence: evidenceOf(kind),
      unverified: [],
      assumptions: [],
      context: { "in force": now.digest },
    },
  });
}

function effectsOf(kind: ConfigKind, now: { readonly digest: Digest; readonly text: string }, text: string): readonly Effect[] {
  const whole = replaceEffect(kind, now, text, wholeDiff(now.text, text));
  if (kind === "policy") return [whole];
  if (kind === "connectors") {
    const [old, next] = [loadDeclarations(now.text), loadDeclarations(text)];
    return old.ok && next.ok ? [whole, ...declarationEffects(old.value, next.value)] : [{ ...whole, provenance: "unknown" }];
  }
  const [before, after] = [readDirectory(now.text), readDirectory(text)];
  return before.ok && after.ok ? [whole, ...directoryEffects(before.value, after.value)] : [{ ...whole, provenance: "unknown" }];
}

function replaceEffect(kind: ConfigKind, now: { readonly digest: Digest; readonly text: string }, text: string, detail: Detail): Effect {
  const bytes = (t: string, digest: Digest) => ({ kind: "bytes" as const, digest, size: Buffer.byteLength(t), mediaType: "text/plain" });
  return {
    kind: "replace",
    resource: `pawl:${kind}`,
    resourceKind: kind,
    system: "pawl",
    environment: "control",
    summary: SUMMARIES[kind],
    fields: [{ path: "text", before: bytes(now.text, now.digest), after: bytes(text, digestOf(text)) }],
    detail,
    reversibility: "reversible",
    exposure: "internal",
    privilege: "unknown",
    surfaces: ["pawl"],
    owners: [],
    provenance: "derived",
  };
}

const SUMMARIES: Readonly<Record<ConfigKind, string>> = {
  policy: "replace the policy by which every change is judged",
  directory: "replace the directory of people, machines and groups",
  connectors: "replace the operations that may be asked of other systems",
};

/** What a reviewer must not overlook in a long text. */
function findingsOf(kind: ConfigKind, before: string, after: string): readonly Finding[] {
  const found = COMPARED[kind](before, after);
  const message = `the ${kind} in force cannot be read, so nobody can say what becomes weaker`;
  return found ?? [{ code: "pawl.not_compared", severity: "danger", message, resource: `pawl:${kind}`, provenance: "derived" }];
}

const weakened = (before: Bundle, after: Bundle): readonly Finding[] => policyFindings(before.definition, after.definition);

const COMPARED: Readonly<Record<ConfigKind, (before: string, after: string) => readonly Finding[] | undefined>> = {
  policy: (before, after) => compared(loadBundle, before, after, weakened),
  directory: (before, after) => compared(readDirectory, before, after, directoryFindings),
  connectors: (before, after) => compared(loadDeclarations, before, after, declarationFindings),
};

function compared<T>(
  read: (text: string) => Result<T, unknown>,
  before: string,
  after: string,
  compare: (before: T, after: T) => readonly Finding[],
): readonly Finding[] | undefined {
  const [old, next] = [read(before), read(after)];
  return old.ok && next.ok ? compare(old.value, next.value) : undefined;
}

function impactOf(kind: ConfigKind): readonly Statement[] {
  const text = {
    policy: "every open change is planned and routed anew; votes given under the old policy are void",
    directory: "votes of people who lose a seat are void",
    connectors: "every open change that asks for a declared operation is planned anew; where that comes to something else, votes are void",
  }[kind];
  return [{ topic: "open changes", text, provenance: "derived", source: "connector pawl" }];
}

/** Cases are run when the text is admitted; they depend on nothing else. */
function evidenceOf(kind: ConfigKind): readonly Statement[] {
  if (kind === "directory")
    return [
      {
        topic: "validity",
        text: "the directory is consistent: ids and identities are unique, owners and members exist",
        provenance: "derived",
        source: "connector pawl",
      },
    ];
  if (kind === "connectors") {
    const told = "the declarations load, and the tests of every operation passed when it was proposed";
    return [{ topic: "operation tests", text: told, provenance: "derived", source: "connector pawl" }];
  }
  const words = "the policy loads, and its cases passed when it was proposed";
  return [{ topic: "policy cases", text: words, provenance: "derived", source: "connector pawl" }];
}

async function observe(desk: ConfigDesk, kind: ConfigKind): Promise<Result<Observed>> {
  const now = await desk.current(kind);
  return ok({ stateDigest: stateDigest(kind, now.digest), context: { "in force": now.digest } });
}

async function swap(desk: ConfigDesk, payload: Payload, way: "forward" | "back"): Promise<Result<Performed, PerformFault>> {
  const [from, to] = way === "forward" ? [payload.before, payload.text] : [digestOf(payload.text), payload.before_text];
  const done = await desk.replace(payload.kind, from, to);
  if (done.ok) return ok({ facts: { kind: payload.kind, from, to: digestOf(to) } });
  if (done.error.code === "config_moved" || done.error.code === "version_conflict") return fail(moved(payload.kind, from));
  // Of a lost answer alone nobody can say whether it was written.
  return fail({ ...done.error, effect: done.error.details?.["outcome"] === "unknown" ? "possible" : "none" });
}

async function verify(desk: ConfigDesk, payload: Payload): Promise<Result<Performed>> {
  const now = await desk.current(payload.kind);
  if (now.digest === digestOf(payload.text)) return ok({ facts: { "in force": now.digest } });
  return fail({
    code: "config_moved",
    message: `the ${payload.kind} in force is ${now.digest}`,
    remedy: "somebody replaced it in between",
  });
}
