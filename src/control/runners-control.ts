/** What runners elsewhere and their keepers ask for, behind one face. */
import { fail, ok, visible, type ChangeId, type Json, type RunnerId } from "../core/base/index.ts";
import { exactly, listOf, textOf } from "../core/runner/index.ts";
import { findChange, runItem } from "./commit.ts";
import type { Deps } from "./deps.ts";
import type { OutboxItem } from "./ports.ts";
import { invalid } from "./refusals.ts";
import { deskCall } from "./runners-desk.ts";
import { gone } from "./runners-exchange.ts";
import type { Runners, Signed } from "./runners-types.ts";
import { authenticateRunner, enrolRunner, findRunner, inviteRunner, listRunners, Nonces, openSession, revokeRunner } from "./runners.ts";
import { abandonRunsOf } from "./running.ts";
import type { Answer } from "./types.ts";

const MOST_LINES = 100;
const MOST_LINE = 1_000;

export function runnersControl(deps: Deps): Runners {
  const nonces = new Nonces(deps.clock.now());
  return {
    invite: (caller, raw) => inviteRunner(deps, caller, raw),
    list: () => listRunners(deps),
    async revoke(caller, id) {
      const revoked = await revokeRunner(deps, caller, id);
      if (!revoked.ok) return revoked;
      deps.runners?.drop(revoked.value.id, gone("it was revoked"));
      // It cannot report any more: what it had begun is for a person to find out.
      await abandonRunsOf(deps, revoked.value.id, "runner_revoked");
      return revoked;
    },
    enrol: (raw) => enrolRunner(deps, raw),
    authenticate: (asked) => authenticateRunner(deps, nonces, asked),
    async session(signed, raw) {
      const opened = await openSession(deps, signed, raw);
      if (!opened.ok) return opened;
      await abandonRunsOf(deps, signed.runner);
      await wakeRuns(deps, signed);
      return opened;
    },
    async work(signed, has, waitMillis, signal) {
      const declared = (await findRunner(deps, signed.runner))?.state.declared;
      if (declared === undefined || deps.runners === undefined) return ok({ work: [] });
      return ok({ work: await deps.runners.take({ runner: signed.runner, declared }, has, waitMillis, signal) });
    },
    async answer({ runner }, raw) {
      const body = exactly(raw, ["id", "answer"]);
      const id = textOf(body?.["id"], 64);
      if (body === undefined || id === undefined) return fail(invalid('the body must be {"id", "answer"}'));
      return ok({ taken: deps.runners?.answer(runner, id, body["answer"] as Json) ?? false });
    },
    desk: (signed, raw) => deskCall(deps, signed, raw),
    progress: (signed, raw) => progress(deps, signed, raw),
    watch: (listener) => deps.runners?.watch(listener) ?? (() => undefined),
  };
}

async function progress(deps: Deps, { runner }: Signed, raw: Json): Answer<{ readonly taken: boolean }> {
  const body = exactly(raw, ["change", "lines"]);
  const change = textOf(body?.["change"], 64);
  const lines = listOf(body?.["lines"], MOST_LINES, (line) => textOf(line, MOST_LINE));
  if (change === undefined || lines === undefined)
    return fail(invalid(`the body must be {"change", "lines"}: up to ${MOST_LINES} lines of up to ${MOST_LINE} characters`));
  const taken = await isRunBy(deps, runner, change);
  // A runner makes its lines harmless itself; one that does not is not believed.
  if (taken) deps.runners?.tell({ change: change as ChangeId, runner, lines: lines.map((line) => visible(line).slice(0, MOST_LINE)) });
  return ok({ taken });
}

/** Nobody speaks in the name of a run that is not theirs. */
async function isRunBy(deps: Deps, runner: RunnerId, change: string): Promise<boolean> {
  const found = await findChange(deps, change);
  return found.ok && "runner" in found.value.state && found.value.state.runner === runner;
}

/** What waited for this runner starts now, and not when its job would have been looked at again. */
async function wakeRuns(deps: Deps, { runner, epoch }: Signed): Promise<void> {
  const { rows } = await deps.store.list({ prefix: "change/", statuses: ["authorised"], limit: 200 });
  const outbox: OutboxItem[] = [];
  for (const { stream } of rows) {
    const found = await findChange(deps, stream.slice("change/".length));
    if (!found.ok || found.value.state.status !== "authorised" || found.value.state.holds.length > 0) continue;
    const { state } = found.value;
    const wanted = state.start === "when-authorised" || (await deps.store.claim("run_request", state.grant)) !== undefined;
    if (wanted) outbox.push({ ...runItem(state, deps.clock.now()), key: `run/${state.grant}/${runner}/${epoch}` });
  }
  const written = outbox.length === 0 ? ok(undefined) : await deps.store.append({ writes: [], outbox });
  if (!written.ok) deps.report({ what: `waking what waits for ${runner}`, error: written.error });
}
