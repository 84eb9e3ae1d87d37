import { fail, isId, ok, type ChangeId, type RunnerId } from "../core/base/index.ts";
import type { ChangeState } from "../core/change/index.ts";
import { appendAudit } from "./audit.ts";
import { changeStream, loadChange } from "./commit.ts";
import { parseDirectoryJson, readConfig } from "./config.ts";
import * as deciding from "./deciding.ts";
import type { Deps } from "./deps.ts";
import { health } from "./health.ts";
import { ledgerReader } from "./ledger.ts";
import { propose, revise } from "./propose.ts";
import * as reading from "./reading.ts";
import { noSuchChange } from "./refusals.ts";
import * as rules from "./rules.ts";
import { isGranted, issueGrant } from "./running.ts";
import * as tokens from "./tokens.ts";
import type { Control } from "./types.ts";
import { waitFor } from "./waiting.ts";

/** Starts an authorised change by hand; given by whoever has a runner. */
export type StartRun = (change: ChangeId) => void;

/** The use cases behind one face. Nothing is decided here. */
export function createControl(deps: Deps, runner: RunnerId, startRun: StartRun): Control {
  return {
    authenticate: (bearer, channel) => tokens.authenticate(deps, bearer, channel),
    whoami: (caller) => tokens.whoami(deps, caller),
    propose: (caller, raw, key) => propose(deps, caller, raw, key),
    revise: (caller, change, raw) => revise(deps, caller, change, raw),
    read: (caller, change) => reading.read(deps, caller, change),
    plan: (caller, change) => reading.plan(deps, caller, change),
    events: (caller, change, from, limit) => reading.events(deps, caller, change, from, limit),
    list: (caller, query) => reading.list(deps, caller, query),
    wait: (caller, change, since, timeoutMillis, signal) => waitFor(deps, caller, change, since, timeoutMillis, signal),
    vote: (caller, change, raw) => deciding.vote(deps, caller, change, raw),
    withdrawVote: (caller, change) => deciding.withdrawVote(deps, caller, change),
    sendBack: (caller, change, raw) => deciding.sendBack(deps, caller, change, raw),
    withdraw: (caller, change) => deciding.withdraw(deps, caller, change),
    replan: (caller, change) => deciding.replan(deps, caller, change),
    async run(caller, change) {
      const state = await loadChange(deps, change);
      if (state === undefined) return fail(noSuchChange(change));
      if (state.status !== "authorised") return fail({ code: "not_now", reason: "not_authorised", message: `change ${change} is ${state.status}; only an authorised change can start`, remedy: "`pawl show` tells what it waits for" });
      startRun(state.id);
      return reading.read(deps, caller, change);
    },
    reconcile: (caller, change, raw) => deciding.reconcile(deps, caller, change, raw),
    async grant(_caller, change) {
      const state = await loadChange(deps, change);
      if (state === undefined) return fail(noSuchChange(change));
      if (!isGranted(state)) return fail({ code: "not_now", reason: "not_authorised", message: `change ${change} is ${state.status}; there is no grant` });
      return issueGrant(deps, state, "run" in state ? state.runner : runner);
    },
    policy: () => rules.policy(deps),
    policyCheck: (_caller, text) => rules.policyCheck(text),
    policyTest: (_caller, text) => rules.policyTest(text),
    policyExplain: (caller, change, text) => rules.policyExplain(deps, caller, change, text),
    directory: async () => ok(parseDirectoryJson((await readConfig(deps, "directory")).text)),
    createToken: (caller, raw) => tokens.createToken(deps, caller, raw),
    listTokens: (caller) => tokens.listTokens(deps, caller),
    revokeToken: (caller, id) => tokens.revokeToken(deps, caller, id),
    recordRefusal: (caller, what, code) => appendAudit(deps, { type: "refused", by: caller.principal, identity: caller.identity, what, code }),
    subscribe: (listener) =>
      deps.store.watch((streams) => {
        for (const stream of streams) void announce(deps, stream, listener);
      }),
    ledger: ledgerReader(deps),
    health: () => health(deps),
  };
}

async function announce(deps: Deps, stream: string, listener: (changed: { change: ChangeId; version: number; status: ChangeState["status"] }) => void): Promise<void> {
  const id = stream.startsWith("change/") ? stream.slice("change/".length) : "";
  if (!isId(id) || stream !== changeStream(id)) return;
  try {
    const state = await loadChange(deps, id);
    if (state !== undefined) listener({ change: state.id, version: state.version, status: state.status });
  } catch (error) {
    deps.report({ what: `announcing ${stream}`, error });
  }
}
