import type { Analysed } from "../../control/ports.ts";
import { canonical, digestOf, fail, ok } from "../../core/base/index.ts";
import type { Json, JsonObject, Result } from "../../core/base/index.ts";
import {
  ABSENT,
  afterLooking,
  differences,
  effectOf,
  maskedValue,
  operationName,
  resolveExpectation,
  resolveHttpUndo,
  resolveLook,
  resolveRequest,
  type Asked,
  type Expectation,
  type HttpLook,
  type HttpRequest,
  type ResolvedUndo,
} from "../../core/operation/index.ts";
import type { Observation, Statement, StepAnalysis } from "../../core/plan/index.ts";
import { bearerFor } from "./credentials.ts";
import { lookAt, type Seen } from "./look.ts";
import { encodePayload, stateDigest } from "./payload.ts";
import type { HttpOptions } from "./types.ts";

const FRESH_MILLIS = 5 * 60_000;

/** Everything that is known before the system is looked at. */
interface Prepared {
  readonly asked: Asked<"http">;
  readonly where: { readonly origin: string; readonly credential?: string; readonly read_credential?: string };
  readonly request: HttpRequest;
  readonly look?: HttpLook;
  readonly expected?: Expectation;
}

export async function analyseAsked(options: HttpOptions, asked: Asked<"http">, signal: AbortSignal): Promise<Result<Analysed>> {
  const prepared = prepare(options, asked);
  if (!prepared.ok) return prepared;
  const { where, look, expected } = prepared.value;
  const seen: Result<Seen> = look === undefined ? ok({ state: ABSENT, document: null }) : await lookAt(options, where, look, signal);
  if (!seen.ok) return seen;
  if (expected !== undefined && differences(seen.value.state, expected).length === 0)
    return fail({ code: "no_change", message: "what was asked for is already so", remedy: "nothing needs to be proposed" });
  if (prepared.value.request.compare?.kind === "etag" && seen.value.state.present && !isStrong(seen.value.etag))
    return fail({
      code: "http_no_etag",
      message: "the API gives no strong ETag that the write could be compared by",
      remedy: "declare another compare, or none",
    });
  return analysed(options, prepared.value, seen.value);
}

export const isStrong = (etag: string | undefined): etag is string => etag !== undefined && /^"[\x21\x23-\x7e]*"$/.test(etag);

function prepare(options: HttpOptions, asked: Asked<"http">): Result<Prepared> {
  const { system, operation, args } = asked;
  const where = {
    origin: system.origin,
    ...(system.credential === undefined ? {} : { credential: system.credential }),
    ...(system.readCredential === undefined ? {} : { read_credential: system.readCredential }),
  };
  const known = bearerFor(options, where.read_credential ?? where.credential, where.origin);
  if (!known.ok) return known;
  const request = resolveRequest(operation, { args });
  if (!request.ok) return request;
  const look = operation.probe && resolveLook(operation.probe, { args });
  if (look?.ok === false) return look;
  const expected = operation.verify && resolveExpectation(operation.verify, { args });
  if (expected?.ok === false) return expected;
  return ok({ asked, where, request: request.value, ...(look && { look: look.value }), ...(expected && { expected: expected.value }) });
}

function analysed(options: HttpOptions, prepared: Prepared, seen: Seen): Result<Analysed> {
  const { asked, where, request, look, expected } = prepared;
  const { system, operation, args } = asked;
  const undo = resolveHttpUndo(system, operation, args, seen.state);
  const before = stateDigest(options.secretKey, where.origin, look, seen.state);
  const payload = encodePayload({
    operation: operationName(system, operation),
    ...where,
    request,
    ...(look && { look }),
    ...(expected && { verify: expected }),
    ...(undo.kind === "planned" && { undo: { operation: undo.operation, request: undo.act } }),
    before,
  });
  const effect = effectOf({
    system,
    operation,
    values: { args },
    before: seen.state,
    ...(expected && { expected }),
    select: look?.select ?? {},
    asked: { path: "request", after: { kind: "json", value: shownRequest(where, request) } },
    // What nobody looks at, before and after, is only what the declaration says.
    provenance: look !== undefined && expected !== undefined ? "derived" : "claimed",
    secretKey: options.secretKey,
  });
  if (!effect.ok) return effect;
  const analysis: StepAnalysis = {
    step: {
      operation: operation.name,
      target: { system: system.name, environment: system.environment, origin: where.origin },
      stateDigest: before,
      payloadDigest: digestOf(payload),
      observations: look === undefined ? [] : [observation(options, asked.resource, look, seen)],
      effects: [effect.value],
      undo: {
        kind: undo.kind,
        text: undoText(where.origin, undo, look !== undefined),
        provenance: undo.kind === "manual" ? "claimed" : "derived",
      },
    },
    findings: [],
    ...statementsOf(prepared),
    context:
      look === undefined
        ? {}
        : { looked_at: `${where.origin}${look.target}`, ...(seen.etag === undefined ? {} : { etag: seen.etag.slice(0, 200) }) },
  };
  return ok({ analysis, payload, freshForMillis: FRESH_MILLIS });
}

/** The request as it will be sent, less what is read right before: nothing of it is hidden from whoever signs. */
function shownRequest(where: Prepared["where"], { method, target, headers, body, compare, idempotency }: HttpRequest): JsonObject {
  return {
    method,
    url: `${where.origin}${target}`,
    ...(where.credential === undefined ? {} : { credential: where.credential }),
    ...(Object.keys(headers).length === 0 ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
    ...(compare === undefined
      ? {}
      : { compared_by: compare.kind === "etag" ? "etag" : `version at ${compare.at}, sent as ${compare.member}` }),
    ...(idempotency === undefined ? {} : { idempotency_key: idempotency.header }),
  };
}

function observation({ secretKey }: HttpOptions, subject: string, { select, target }: HttpLook, { state }: Seen): Observation {
  const shown = Object.entries(state.fields).map(([name, value]) => {
    const masked = maskedValue(select[name], value, secretKey);
    return [name, masked.kind === "secret" ? { $secret: { digest: masked.digest } } : value];
  });
  const value: Json = state.present ? (Object.fromEntries(shown) as JsonObject) : { absent: true };
  return { subject, value: { kind: "json", value }, method: `GET ${target}`, provenance: "derived" };
}

function undoText(origin: string, undo: ResolvedUndo<HttpRequest>, looked: boolean): string {
  if (undo.kind !== "planned") return undo.text;
  const { method, target, headers, body } = undo.act;
  const shown = [
    ...(Object.keys(headers).length === 0 ? [] : [` under ${canonical(headers)}`]),
    ...(body === undefined ? [] : [` with ${canonical(body)}`]),
  ].join("");
  return `${undo.operation}: ${method} ${origin}${target}${shown}, ${afterLooking(looked)}`.slice(0, 8_000).toWellFormed();
}

const SOURCE = "connector http";
const unknown = (topic: string, text: string, resource: string): Statement => ({
  topic,
  text,
  resource,
  provenance: "unknown",
  source: SOURCE,
});

function statementsOf({
  asked,
  request,
  look,
  expected,
}: Prepared): Pick<StepAnalysis, "impact" | "evidence" | "unverified" | "assumptions"> {
  const { operation, resource, args } = asked;
  const { audience } = operation.effect;
  const open = [
    ...(look === undefined
      ? [unknown("state", "What is there now, and whether it is still so when this runs: nothing is declared that looks at it", resource)]
      : []),
    ...(request.compare === undefined
      ? [unknown("window", "Whether it moves between the last look and the write: nothing is declared that the API compares by", resource)]
      : []),
    ...(expected === undefined ? [unknown("outcome", "Whether it had the effect: nothing is declared that verifies it", resource)] : []),
    unknown("consequence", "What else the API does when it is asked this", resource),
  ];
  return {
    impact:
      audience === undefined
        ? []
        : [{ topic: "audience", text: `Reaches ${filled(audience, args)}`, resource, provenance: "claimed", source: "declaration" }],
    evidence: [
      {
        topic: "operation tests",
        text: "the tests of this operation passed when it was declared",
        resource,
        provenance: "derived",
        source: SOURCE,
      },
    ],
    unverified: open,
    assumptions: expected === undefined ? [] : [afterwards(expected, resource)],
  };
}

function afterwards({ present, fields }: Expectation, resource: string): Statement {
  const wanted = Object.entries(fields).map(([name, value]) => `${name} ${canonical(value)}`);
  const what = present ? `this must be so: ${wanted.join(", ")}` : "it must be gone";
  const text = `After it is applied, ${what.slice(0, 4_000).toWellFormed()}, or the change is taken back`;
  return { topic: "check", text, resource, provenance: "derived", source: SOURCE };
}

const filled = (template: string, args: Asked<"http">["args"]): string =>
  template.replaceAll(/\{([a-z][a-z0-9_]*)\}/g, (whole, name: string) => (Object.hasOwn(args, name) ? String(args[name]) : whole));
