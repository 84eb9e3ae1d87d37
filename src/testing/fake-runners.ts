import { fail, ok, type Json, type JsonObject, type Result, type RunnerId } from "../core/base/index.ts";
import { readRunnerCredential } from "../core/runner/index.ts";
import type { ControlRefusal } from "../control/types.ts";
import type { Runners, RunnerView } from "../control/runners-types.ts";

/** What the fake control says to runners: whatever credential has the form is taken for good, and the ledger gets its entries. */
export function fakeRunners(append: (stream: string, n: number, event: JsonObject) => void, now: () => number): Runners {
  const runners = new Map<string, RunnerView>();
  let next = 0;
  const wrote = (id: string, type: string): void => append(`runner/${id}`, 0, { type, at: now() });
  const no = (code: ControlRefusal["code"], reason: string): Result<never, ControlRefusal> => fail({ code, reason, message: reason });
  const has = (raw: Json, name: string): boolean =>
    typeof raw === "object" && raw !== null && !Array.isArray(raw) && Object.hasOwn(raw, name);
  return {
    async invite(caller, raw) {
      if (!has(raw, "label")) return no("invalid", "invalid");
      const id = `rnr_${String((next += 1)).padStart(8, "0")}` as RunnerId;
      const view: RunnerView = {
        id,
        status: "invited",
        label: "a runner",
        invited_by: caller.principal,
        created_at: now(),
        updated_at: now(),
        allowed_environments: [],
        environments: [],
        labels: [],
        connectors: [],
        epoch: 0,
      };
      runners.set(id, view);
      wrote(id, "runner_invited");
      return ok({ token: `pawl_enrol_${id}_secret`, view });
    },
    list: async () => ok([...runners.values()]),
    async revoke(_caller, id) {
      const view = runners.get(id);
      if (view === undefined) return no("not_found", "unknown_runner");
      const revoked = { ...view, status: "revoked" as const };
      runners.set(id, revoked);
      wrote(id, "runner_revoked");
      return ok(revoked);
    },
    async enrol(raw) {
      if (!has(raw, "token")) return no("invalid", "invalid");
      wrote("rnr_00000001", "runner_enrolled");
      return ok({ runner: "rnr_00000001" as RunnerId, trust: { origin: "pawl.test/log", log_keys: [], grant_keys: {} } });
    },
    async authenticate({ authorization }) {
      const read = readRunnerCredential(authorization);
      return read === undefined ? no("unauthenticated", "bad_signature") : ok(read.claim);
    },
    async session({ runner, epoch }, raw) {
      if (!has(raw, "declared")) return no("invalid", "invalid");
      wrote(runner, "runner_session");
      return ok({ epoch });
    },
    work: async () => ok({ work: [] }),
    answer: async () => ok({ taken: false }),
    async desk({ runner }, raw) {
      if (!has(raw, "call")) return no("invalid", "invalid");
      wrote(runner, "run_started");
      return ok({ result: { ok: null } });
    },
    progress: async () => ok({ taken: true }),
    watch: () => () => undefined,
  };
}
