/** The desk of a control plane elsewhere. What it answers is believed in one thing: whether to go on. */
import { fail, isId, ok, type GrantId, type Json, type JsonObject, type Refusal, type Result, type RunId } from "../core/base/index.ts";
import type { Envelope } from "../core/grant/index.ts";
import { bytesOf, exactly, listOf, objectOf, readRefusal } from "../core/runner/index.ts";
import type { RunDesk, RunRef } from "../control/ports.ts";
import type { Client } from "./client.ts";
import type { NonceStore } from "./nonces.ts";

const MOST_PAYLOADS = 100;
const strange: Refusal = {
  code: "unavailable",
  message: "the desk's answer makes no sense",
  remedy: "look at the versions here and there",
};

/** An outage of a moment should not cost a grant. */
const PATIENCE_MILLIS = [500, 2_000, 10_000];

export interface DeskOptions {
  readonly client: Client;
  readonly nonces: NonceStore;
  readonly now: () => number;
  /** 16 unpredictable bytes in hexadecimal, by which a start is known again whose answer was lost. */
  readonly startKey: () => string;
  readonly pause: (millis: number) => Promise<void>;
}

/** Each grant is used here once, whatever the desk says: it is written down before the start is asked for. */
export function httpDesk({ client, nonces, now, startKey, pause }: DeskOptions): RunDesk {
  async function call<T>(name: string, members: JsonObject, read: (value: Json | undefined) => T | undefined): Promise<Result<T>> {
    const answered = await client.post("/v1/runner/desk", { call: name, ...members });
    if (!answered.ok) return answered;
    const result = objectOf(exactly(answered.value, ["result"])?.["result"]);
    if (result === undefined) return fail(strange);
    if (Object.hasOwn(result, "ok")) {
      const value = read(result["ok"]);
      return value === undefined ? fail(strange) : ok(value);
    }
    return fail(readRefusal(result["error"]) ?? strange);
  }
  const told = async (name: string, { change, run }: RunRef, members: JsonObject): Promise<Result<void>> => {
    const done = await call(name, { change, run, ...members }, () => true);
    return done.ok ? ok(undefined) : done;
  };
  return {
    offer: (change) => call("offer", { change }, readOffer),
    async start(change, grant, runner) {
      if (!nonces.claim(grant, now())) return fail(used(grant));
      const key = startKey();
      let started = await call("start", { change, grant, key }, readRef);
      for (let again = 0; again < PATIENCE_MILLIS.length && !started.ok && started.error.code === "unavailable"; again += 1) {
        await pause(PATIENCE_MILLIS[again] ?? 0);
        started = await call("start", { change, grant, key }, readRef);
      }
      if (started.ok) return ok({ change, run: started.value, runner });
      // A clear no is no start; after silence nobody knows, and it stays used.
      if (started.error.code !== "unavailable" && started.error.code !== "grant_consumed") nonces.release(grant);
      return started;
    },
    begin: (ref, step, observed, evidence) => told("begin", ref, { step, observed, ...(evidence && { evidence }) }),
    finish: (ref, step, evidence) => told("finish", ref, { step, evidence }),
    check: (ref, n, result, evidence) => told("check", ref, { n, result, evidence }),
    standing: (ref) => told("standing", ref, {}),
    beginUndo: ({ change, run }, step, code, evidence) =>
      call("beginUndo", { change, run, step, code, evidence }, (value) => objectOf(value) as unknown as Envelope | undefined),
    stale: (ref, expected, observed) => told("stale", ref, { expected, observed }),
    report: (ref, end, code, evidence) => told("report", ref, { end, code, evidence }),
  };
}

const used = (grant: GrantId): Refusal => ({
  code: "grant_used",
  message: `this runner has used grant ${grant} already, and uses none twice`,
  where: grant,
  remedy: "plan the change again: `pawl replan`",
});

const readOffer = (value: Json | undefined) => {
  const raw = exactly(value, ["envelope", "payloads"]);
  const payloads = listOf(raw?.["payloads"], MOST_PAYLOADS, bytesOf);
  // What is in the envelope is verified, not believed.
  return raw === undefined || payloads === undefined ? undefined : { envelope: raw["envelope"] as unknown as Envelope, payloads };
};

function readRef(value: Json | undefined): RunId | undefined {
  const run = objectOf(value)?.["run"];
  return typeof run === "string" && isId(run) ? (run as RunId) : undefined;
}
