import { access, chmod, copyFile, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { PerformFault } from "../../control/ports.ts";
import { fail, isObject, ok } from "../../core/base/index.ts";
import type { Json, JsonObject, Refusal, Result } from "../../core/base/index.ts";
import { readable } from "./program.ts";
import type { Outcome } from "./program.ts";
import { common, pullState } from "./session.ts";
import type { Session, Setup } from "./session.ts";
import { sameState, stateDifference } from "./state.ts";
import type { StoredState } from "./state.ts";

export const untouched = (error: Refusal): { readonly ok: false; readonly error: PerformFault } => fail({ ...error, effect: "none" });

/** A look at the state after an apply may take this long, whatever is left of the run's own time. */
const AFTERWARDS_MILLIS = 10_000;
const NAMED = 200;

/** What Terraform says while it applies: names and what is done to them, and never a value. */
class Watch {
  readonly started = new Set<string>();
  readonly completed = new Set<string>();
  readonly errored = new Set<string>();
  /** Something other than a resource was begun: a provider's action, or what a later version calls its own. */
  begun = false;
  readonly complaints: string[] = [];
  stale = false;
  readonly #progress: ((line: string) => void) | undefined;
  readonly #scrub: (text: string) => string;

  constructor(progress: ((line: string) => void) | undefined, scrub: (text: string) => string) {
    this.#progress = progress;
    this.#scrub = scrub;
  }

  line(text: string): void {
    const event = parsed(text);
    if (event === undefined) return;
    if (event["type"] === "diagnostic") return this.#complaint(event["diagnostic"]);
    if (typeof event["type"] === "string" && event["type"].endsWith("_start") && event["type"] !== "refresh_start") this.begun = true;
    const hook = isObject(event["hook"]) ? event["hook"] : {};
    const resource = isObject(hook["resource"]) ? hook["resource"] : {};
    const address = typeof resource["addr"] === "string" ? resource["addr"].slice(0, 500).toWellFormed() : undefined;
    const action = typeof hook["action"] === "string" ? hook["action"].slice(0, 20) : "change";
    if (address === undefined) return;
    switch (event["type"]) {
      case "apply_start":
        this.started.add(address);
        return this.#say(`${address}: ${action} begins`);
      case "apply_progress":
        return this.#say(`${address}: ${action} goes on, ${secondsOf(hook)} s so far`);
      case "apply_complete":
        this.completed.add(address);
        return this.#say(`${address}: ${action} is done, ${secondsOf(hook)} s`);
      case "apply_errored":
        this.errored.add(address);
        return this.#say(`${address}: ${action} failed`);
      case "provision_start":
        return this.#say(`${address}: a program of the configuration runs`);
      default:
    }
  }

  /** Only what an error is called, and where: its text may hold values. */
  #complaint(raw: Json | undefined): void {
    if (!isObject(raw) || raw["severity"] !== "error" || this.complaints.length >= 20) return;
    const summary = typeof raw["summary"] === "string" ? readable(raw["summary"], this.#scrub).slice(0, 300) : "an error without a name";
    if (/saved plan is stale/i.test(summary)) this.stale = true;
    const address = typeof raw["address"] === "string" ? `${raw["address"].slice(0, 300).toWellFormed()}: ` : "";
    this.complaints.push(`${address}${summary}`);
  }

  #say(line: string): void {
    this.#progress?.(this.#scrub(line));
  }

  facts(): JsonObject {
    const list = (names: ReadonlySet<string>): JsonObject => ({ count: names.size, addresses: [...names].slice(0, NAMED) });
    return { started: list(this.started), completed: list(this.completed), failed: list(this.errored) };
  }
}

function parsed(text: string): JsonObject | undefined {
  try {
    const value = JSON.parse(text) as Json;
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const secondsOf = (hook: JsonObject): number => (typeof hook["elapsed_seconds"] === "number" ? Math.round(hook["elapsed_seconds"]) : 0);

export interface Applied {
  readonly before: StoredState;
  readonly after: StoredState;
  readonly facts: JsonObject;
}

/** Applies one plan file, which lies in the session's own folder, and says what became of it. */
export async function applyFile(
  setup: Setup,
  session: Session,
  before: StoredState,
  progress: ((line: string) => void) | undefined,
): Promise<Result<Applied, PerformFault>> {
  const watch = new Watch(progress, session.scrub);
  const args = ["apply", "-json", ...common(session.workspace, true), join(session.root, "approved")];
  const done = await session.telling(args, (line) => watch.line(line));
  const after = await pullState(setup, session, AbortSignal.timeout(AFTERWARDS_MILLIS));
  const kept = await keepLostState(setup, session);
  if (done.kind === "exit" && done.code === 0) {
    // Applied, as Terraform says; what it left is needed to verify it and to take it back.
    if (!after.ok) return fail({ ...after.error, effect: "possible" });
    return ok({ before, after: after.value, facts: { ...watch.facts(), difference: stateDifference(before, after.value) } });
  }
  return failed(done, watch, { before, after, kept }, session);
}

/**
 * A state that could not be stored is written beside the configuration, and that copy goes with the session. It may be all that knows
 * of what was made, so it is kept, for people.
 */
async function keepLostState(setup: Setup, session: Session): Promise<string | undefined> {
  const from = join(session.root, "source", session.workspace.dir, "errored.tfstate");
  const home = join(setup.options.workDir, "errored");
  const to = join(home, `${session.workspace.name}-${setup.options.clock.now()}.tfstate`);
  try {
    await access(from);
    await mkdir(home, { recursive: true, mode: 0o700 });
    await copyFile(from, to);
    await chmod(to, 0o600);
    return to;
  } catch {
    return undefined;
  }
}

/**
 * An apply that did not end well. Nothing happened for certain only where the program ended by itself, had begun with no resource,
 * and left the state as it was: a provider that was stopped in the middle may have done what no state tells of.
 */
function failed(
  done: Outcome,
  watch: Watch,
  { before, after, kept }: { readonly before: StoredState; readonly after: Result<StoredState>; readonly kept: string | undefined },
  session: Session,
): { readonly ok: false; readonly error: PerformFault } {
  const same = after.ok && sameState(before, after.value);
  const nothing = done.kind === "exit" && watch.started.size === 0 && !watch.begun && kept === undefined && same;
  const said = watch.complaints.length > 0 ? watch.complaints.join("; ") : readable(done.stderr, session.scrub).slice(0, 300);
  const how = done.kind === "exit" ? `ended with ${done.code}` : "did not end by itself";
  const details: JsonObject = {
    ...watch.facts(),
    complaints: watch.complaints,
    state: after.ok ? (same ? "unchanged" : "changed") : "unread",
    ...(after.ok && { difference: stateDifference(before, after.value) }),
    ...(kept !== undefined && { state_that_was_not_stored: kept }),
  };
  if (nothing)
    return untouched({
      code: watch.stale ? "stale_state" : /state lock/i.test(said) ? "terraform_locked" : "terraform_apply_failed",
      message: `the apply ${how} before it began with anything: ${said}`,
      remedy: watch.stale ? "plan the change again on the state as it is now" : "mend what it complains about, and plan again",
      details,
    });
  return fail({
    code: done.kind === "exit" ? "terraform_apply_failed" : "terraform_apply_unknown",
    message: `the apply ${how}: ${watch.completed.size} of ${watch.started.size} resources that it began with were done${said === "" ? "" : `: ${said}`}`,
    remedy:
      kept === undefined
        ? "look at the resources that it names, and reconcile the change by hand"
        : `the new state could not be stored, and is kept in ${kept}: push it with \`terraform state push\` before anything else, then reconcile`,
    details,
    effect: "possible",
  });
}
