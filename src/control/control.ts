import { isId, ok, type ChangeId, type RunnerId } from "../core/base/index.ts";
import type { Status } from "../core/change/index.ts";
import { appendAudit } from "./audit.ts";
import { changeStream, findChange } from "./commit.ts";
import { declarationsInForce, directoryDocument } from "./config.ts";
import * as deciding from "./deciding.ts";
import type { Deps } from "./deps.ts";
import { exportBundle } from "./evidence.ts";
import { exportPage } from "./export.ts";
import * as glass from "./glass.ts";
import { health } from "./health.ts";
import { ledgerReader } from "./ledger.ts";
import { outcome } from "./outcome.ts";
import { propose, revise } from "./propose.ts";
import * as reading from "./reading.ts";
import { runnersControl } from "./runners-control.ts";
import * as rules from "./rules.ts";
import { readGrant, requestRun } from "./running.ts";
import * as tokens from "./tokens.ts";
import type { Control } from "./types.ts";
import { waitFor } from "./waiting.ts";

/** The use cases behind one face. Nothing is decided here. `runner` is this process's own. */
export function createControl(deps: Deps, runner: RunnerId): Control {
  return {
    authenticate: (bearer, channel) => tokens.authenticate(deps, bearer, channel),
    whoami: (caller) => tokens.whoami(deps, caller),
    propose: (caller, raw, key, millis = 0, closing) => propose(deps, caller, raw, key, { millis, ...(closing && { closing }) }),
    revise: (caller, change, raw, millis = 0, closing) => revise(deps, caller, change, raw, { millis, ...(closing && { closing }) }),
    read: (_caller, change) => reading.read(deps, change),
    plan: (_caller, change) => reading.plan(deps, change),
    events: (_caller, change, from, limit) => reading.events(deps, change, from, limit),
    list: (caller, query) => reading.list(deps, caller, query),
    wait: (_caller, change, since, timeoutMillis, signal) => waitFor(deps, change, since, timeoutMillis, signal),
    vote: (caller, change, raw) => deciding.vote(deps, caller, change, raw),
    withdrawVote: (caller, change) => deciding.withdrawVote(deps, caller, change),
    sendBack: (caller, change, raw) => deciding.sendBack(deps, caller, change, raw),
    withdraw: (caller, change) => deciding.withdraw(deps, caller, change),
    replan: (_caller, change) => deciding.replan(deps, change),
    run: (caller, change) => requestRun(deps, caller, change, runner),
    stop: (caller, change) => deciding.stop(deps, caller, change),
    outcome: (caller, change) => outcome(deps, caller, change),
    reconcile: (caller, change, raw) => deciding.reconcile(deps, caller, change, raw),
    glass: {
      break: (caller, change, raw) => glass.breakGlass(deps, caller, change, raw),
      review: (caller, change, raw) => glass.reviewGlass(deps, caller, change, raw),
      list: () => glass.listGlass(deps),
    },
    grant: (_caller, change) => readGrant(deps, change, runner),
    exportPage: (caller, query) => exportPage(deps, caller, query),
    bundle: (caller, change) => exportBundle(deps, caller, change, runner),
    policy: () => rules.policy(deps),
    policyCheck: (_caller, text) => rules.policyCheck(text),
    policyTest: (_caller, text) => rules.policyTest(text),
    policyExplain: (_caller, change, text) => rules.policyExplain(deps, change, text),
    directory: async () => ok(await directoryDocument(deps)),
    connectors: async () => ok(await declarationsInForce(deps)),
    createToken: (caller, raw) => tokens.createToken(deps, caller, raw),
    listTokens: (caller) => tokens.listTokens(deps, caller),
    revokeToken: (caller, id) => tokens.revokeToken(deps, caller, id),
    recordRefusal: (caller, what, code) =>
      appendAudit(deps, { type: "refused", by: caller.principal, identity: caller.identity, what, code }),
    subscribe: (listener) =>
      deps.store.watch((streams) => {
        for (const stream of streams) void announce(deps, stream, listener);
      }),
    ledger: ledgerReader(deps),
    runners: runnersControl(deps),
    health: () => health(deps),
  };
}

async function announce(
  deps: Deps,
  stream: string,
  listener: (changed: { change: ChangeId; version: number; status: Status }) => void,
): Promise<void> {
  const id = stream.startsWith("change/") ? stream.slice("change/".length) : "";
  if (!isId(id) || stream !== changeStream(id)) return;
  try {
    const found = await findChange(deps, id);
    if (found.ok) listener({ change: found.value.state.id, version: found.value.state.version, status: found.value.state.status });
  } catch (error) {
    deps.report({ what: `announcing ${stream}`, error });
  }
}
