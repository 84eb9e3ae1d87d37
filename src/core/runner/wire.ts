import {
  fromBase64,
  isDigest,
  isId,
  type ChangeId,
  type Digest,
  type Json,
  type JsonObject,
  type Refusal,
  type Result,
} from "../base/index.ts";
import type { StepAnalysis } from "../plan/index.ts";
import { exactly, listOf, objectOf, textOf, wholeOf } from "./members.ts";

/** What control asks of a runner elsewhere. Bytes travel as base64. */
export type Work = { readonly id: string } & (
  | { readonly kind: "admit"; readonly connector: string; readonly input: Json }
  | { readonly kind: "analyse"; readonly connector: string; readonly input: Json; readonly timeoutMillis: number }
  | { readonly kind: "observe"; readonly connector: string; readonly payload: string; readonly timeoutMillis: number }
  | { readonly kind: "run"; readonly change: ChangeId }
);

const MOST_WORK = 64;
const MOST_MILLIS = 24 * 3_600_000;

/** What a control plane handed out, or undefined when any of it is none of this. */
export const readWorks = (value: Json): readonly Work[] | undefined => listOf(exactly(value, ["work"])?.["work"], MOST_WORK, readWork);

function readWork(value: Json): Work | undefined {
  const raw = objectOf(value);
  if (raw === undefined || textOf(raw["id"], 64) === undefined) return undefined;
  const connector = textOf(raw["connector"], 64) !== undefined;
  const timed = wholeOf(raw["timeoutMillis"], MOST_MILLIS) !== undefined;
  const good = (names: readonly string[], fits: boolean): Work | undefined =>
    fits && exactly(raw, ["id", "kind", ...names]) !== undefined ? (raw as unknown as Work) : undefined;
  switch (raw["kind"]) {
    case "admit":
      return good(["connector", "input"], connector);
    case "analyse":
      return good(["connector", "input", "timeoutMillis"], connector && timed);
    case "observe":
      return good(["connector", "payload", "timeoutMillis"], connector && timed && bytesOf(raw["payload"]) !== undefined);
    case "run":
      return good(["change"], typeof raw["change"] === "string" && isId(raw["change"]));
    default:
      return undefined;
  }
}

export const bytesOf = (value: Json | undefined): Uint8Array | undefined => (typeof value === "string" ? fromBase64(value) : undefined);

const digestIn = (value: Json | undefined): Digest | undefined => (typeof value === "string" && isDigest(value) ? value : undefined);

/** A refusal as somebody else tells it: bounded, and of nothing but what a refusal has. */
export function readRefusal(value: Json | undefined): Refusal | undefined {
  const raw = exactly(value, ["code", "message", "where?", "remedy?", "details?", "effect?", "inconclusive?"]);
  const code = raw?.["code"];
  if (typeof code !== "string" || !/^[a-z][a-z0-9_.]{0,63}$/.test(code) || typeof raw?.["message"] !== "string") return undefined;
  const cut = (name: string): string | undefined => {
    const text = raw[name];
    return typeof text === "string" ? text.slice(0, 4_096).toWellFormed() : undefined;
  };
  const [where, remedy, details] = [cut("where"), cut("remedy"), objectOf(raw["details"])];
  return {
    code,
    message: raw["message"].slice(0, 4_096).toWellFormed(),
    ...(where === undefined ? {} : { where }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(details === undefined || JSON.stringify(details).length > 16_384 ? {} : { details }),
  };
}

/** `{"ok": …}` or `{"error": …}`, each part read by its own reader; undefined when it is neither. */
function readResult<T, E>(
  value: Json | undefined,
  read: (value: Json | undefined) => T | undefined,
  readError: (value: Json | undefined) => E | undefined,
): Result<T, E> | undefined {
  const raw = objectOf(value);
  if (raw === undefined || Object.keys(raw).length !== 1) return undefined;
  if (Object.hasOwn(raw, "ok")) {
    const good = read(raw["ok"]);
    return good === undefined ? undefined : { ok: true, value: good };
  }
  const error = readError(raw["error"]);
  return error === undefined ? undefined : { ok: false, error };
}

/** As it travels. What JSON does not know is left out, as it is where evidence is stored. */
export const toWire = (result: Result<unknown, unknown>): JsonObject =>
  (result.ok ? { ok: result.value === undefined ? null : result.value } : { error: result.error }) as JsonObject;

const names = (value: Json | undefined) => {
  const raw = exactly(value, ["system", "environment", "resources"]);
  const system = textOf(raw?.["system"], 256);
  const environment = textOf(raw?.["environment"], 256);
  const resources = listOf(raw?.["resources"], 100_000, (each) => textOf(each, 4_096));
  return system === undefined || environment === undefined || resources === undefined ? undefined : { system, environment, resources };
};

export const readAdmitted = (value: Json | undefined) =>
  readResult(
    value,
    (good) => {
      const raw = exactly(good, ["input", "names"]);
      const named = names(raw?.["names"]);
      return raw === undefined || named === undefined ? undefined : { input: raw["input"] as Json, names: named };
    },
    (bad) => listOf(bad, 1_000, readRefusal),
  );

/** The plan's own shape is judged where the plan is made; what that does not see is judged here. */
export const readAnalysed = (value: Json | undefined) =>
  readResult(
    value,
    (good) => {
      const raw = exactly(good, ["analysis", "payload", "freshForMillis"]);
      const analysis = objectOf(raw?.["analysis"]);
      const payload = bytesOf(raw?.["payload"]);
      const freshForMillis = wholeOf(raw?.["freshForMillis"], MOST_MILLIS);
      const lists = ["findings", "impact", "evidence", "unverified", "assumptions"].every((name) => Array.isArray(analysis?.[name]));
      const whole = lists && objectOf(analysis?.["step"]) !== undefined && readContext(analysis?.["context"]) !== undefined;
      if (!whole || payload === undefined || freshForMillis === undefined) return undefined;
      return { analysis: analysis as unknown as StepAnalysis, payload, freshForMillis };
    },
    readRefusal,
  );

function readContext(value: Json | undefined): Readonly<Record<string, string>> | undefined {
  const raw = objectOf(value);
  const entries = Object.entries(raw ?? {});
  const short =
    entries.length <= 64 && entries.every(([key, text]) => key.length <= 64 && typeof text === "string" && text.length <= 4_096);
  return raw !== undefined && short ? (raw as Readonly<Record<string, string>>) : undefined;
}

export const readObserved = (value: Json | undefined) =>
  readResult(
    value,
    (good) => {
      const raw = exactly(good, ["stateDigest", "context"]);
      const [stateDigest, context] = [digestIn(raw?.["stateDigest"]), readContext(raw?.["context"])];
      return stateDigest === undefined || context === undefined ? undefined : { stateDigest, context };
    },
    readRefusal,
  );

/** What was done, or why not; a fault that does not promise otherwise may have touched something. */
export const readPerformed = (value: Json | undefined) =>
  readResult(
    value,
    (good) => {
      const facts = objectOf(exactly(good, ["facts"])?.["facts"]);
      return facts === undefined ? undefined : { facts };
    },
    (bad) => {
      const refusal = readRefusal(bad);
      const effect: "none" | "possible" = objectOf(bad)?.["effect"] === "none" ? "none" : "possible";
      return refusal === undefined ? undefined : { ...refusal, effect };
    },
  );

export const readVerified = (value: Json | undefined) =>
  readResult(
    value,
    (good) => {
      const facts = objectOf(exactly(good, ["facts"])?.["facts"]);
      return facts === undefined ? undefined : { facts };
    },
    (bad) => {
      const refusal = readRefusal(bad);
      if (refusal === undefined) return undefined;
      return objectOf(bad)?.["inconclusive"] === true ? { ...refusal, inconclusive: true as const } : refusal;
    },
  );
