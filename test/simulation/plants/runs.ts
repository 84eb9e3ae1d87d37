/** Bugs between the grant and the end of its run. */
import { edit, type Plant } from "./plant.ts";

const RUNNER = "src/runner/runner.ts";
const RUNNING = "src/core/change/running.ts";
const RUN = "src/core/change/run.ts";
const WATCHING = "src/core/change/watching.ts";
const EVOLVE = "src/core/change/evolve.ts";
const VERIFY = "src/core/grant/verify.ts";
const DESK = "src/control/running.ts";
const JOBS = "src/control/jobs.ts";
const COMMIT = "src/control/commit.ts";
const TARGETS = "src/control/targets.ts";
const HOLDING = "src/core/target/holding.ts";

const NOT_COMPARED = [
  edit(RUNNER, "if (observed.value.stateDigest !== step.state) return this.#moved(step, observed.value.stateDigest);", ""),
  edit(
    RUNNER,
    "step.connector.apply(step.payload, step.state, this.#limits(step))",
    "step.connector.apply(step.payload, observed.value.stateDigest, this.#limits(step))",
  ),
];

/** The consume is neither checked in the lifecycle nor a unique row. */
const REUSABLE = [
  edit(RUNNING, 'if ("run" in state && state.grant === command.grant) {', 'if ((false as boolean) && "run" in state) {'),
  edit(
    RUNNING,
    'inStatus(state, at, ["authorised"]);',
    'inStatus(state, at, ["authorised", "running"] as unknown as readonly ["authorised"]);',
  ),
  edit(
    EVOLVE,
    'assert(state.status === "authorised" && state.grant === event.grant,',
    'assert((state.status === "authorised" || state.status === "running") && state.grant === event.grant,',
  ),
  edit(COMMIT, "key: event.grant, value: event.run", "key: event.run, value: event.run"),
];

const LATE_EFFECTS = [
  edit(RUNNING, "if (at >= grantExpiresAt)", "if (false as boolean)"),
  edit(RUNNER, "if (now >= expiresAt - skew)", "if (expiresAt < 0)"),
];

export const RUNS: readonly Plant[] = [
  {
    name: "busy-ignored",
    what: "a start takes what another run has",
    breaks: [18],
    edits: [
      edit(JOBS, "if (holder !== undefined) return { until", "if (holder !== undefined && (false as boolean)) return { until"),
      edit(TARGETS, "if (holder !== undefined) return fail(busy(id, holder.change));", ""),
      edit(HOLDING, 'assert(holderAmong(state, resources) === undefined, "what is held is not taken");', ""),
    ],
  },
  {
    name: "unknown-given-back",
    what: "a run of which nobody knows the end gives back what it held",
    breaks: [18],
    edits: [edit(TARGETS, '["running", "applied", "indeterminate"];', '["running", "applied"];')],
  },
  {
    name: "state-not-reread",
    what: "the runner applies to whatever it finds, and tells the desk that it found the approved state",
    breaks: [2],
    edits: [
      ...NOT_COMPARED,
      edit(RUNNER, "desk.begin(ref, step.id, observed.value.stateDigest, seen)", "desk.begin(ref, step.id, step.state, seen)"),
    ],
  },
  {
    name: "state-not-compared",
    what: "the state is read again, and neither the runner nor the desk compares it",
    breaks: [2],
    edits: [...NOT_COMPARED, edit(RUNNING, "if (command.observed !== next.state)", "if (false as boolean)")],
  },
  {
    name: "apply-again",
    what: "the runner applies a second time when it does not know whether the first did anything",
    breaks: [9, 10],
    edits: [
      edit(
        RUNNER,
        "const applied = await step.connector.apply(step.payload, step.state, this.#limits(step));",
        'let applied = await step.connector.apply(step.payload, step.state, this.#limits(step));\n    if (!applied.ok && applied.error.effect === "possible") applied = await step.connector.apply(step.payload, step.state, this.#limits(step));',
      ),
    ],
  },
  {
    name: "grant-reused",
    what: "a grant that has started a run starts another: the consume is neither checked nor a unique row",
    breaks: [3, 8, 9, 10],
    edits: REUSABLE,
  },
  {
    name: "lost-run-restarted",
    what: "a run whose runner is gone is started again on the same grant rather than given up",
    breaks: [8, 9, 10],
    edits: [
      ...REUSABLE,
      edit(
        JOBS,
        'return endOf(deps, `giving up the run of ${change}`, await abandon(deps, change, state.run, "runner_lost"));',
        "return start(deps, settings, state as unknown as Authorised);",
      ),
      edit(
        DESK,
        'if (state.status !== "authorised") return fail(notAuthorised(state, "there is nothing to run"));',
        'if (!("grant" in state)) return fail(notAuthorised(state, "there is nothing to run"));',
      ),
    ],
  },
  {
    name: "indeterminate-retried",
    what: "a change whose outcome is unknown is planned and run again: its job asks, and the lifecycle lets it",
    breaks: [9, 10],
    edits: [
      edit(
        JOBS,
        'return (await isOpenStill(deps, state)) ? "later" : "settled";',
        'return (await isOpenStill(deps, state)) || (report.kind === "ended" && report.end === "indeterminate") ? "later" : "settled";',
      ),
      edit(
        JOBS,
        'return endOf(deps, `giving up the run of ${change}`, await abandon(deps, change, state.run, "runner_lost"));',
        'return endOf(deps, `giving up the run of ${change}`, await abandon(deps, change, state.run, "runner_lost"));\n    case "indeterminate":\n      return endOf(deps, `running ${change} again`, await planChange(deps, change));',
      ),
      edit(
        "src/control/planning.ts",
        '["proposed", "planned", "stale", "awaiting", "authorised"];',
        '["proposed", "planned", "stale", "awaiting", "authorised", "indeterminate"];',
      ),
      edit(
        "src/core/change/planning.ts",
        'const PLANNABLE = ["proposed", "planned", "awaiting", "authorised", "stale"] as const;',
        'const PLANNABLE = ["proposed", "planned", "awaiting", "authorised", "stale", "indeterminate"] as const;',
      ),
    ],
  },
  {
    name: "expired-grant-starts",
    what: "nobody looks whether the grant has expired: not its job, not the runner, not the consume",
    breaks: [7, 14],
    edits: [
      ...LATE_EFFECTS,
      edit(RUNNING, "if (at >= state.grantExpiresAt)", "if (false as boolean)"),
      edit(VERIFY, "if (now >= grant.expiresAt - trust.skewMillis)", "if (false as boolean)"),
      edit(JOBS, "deps.clock.now() < state.grantExpiresAt ?", "deps.clock.now() < state.expiresAt ?"),
    ],
  },
  {
    name: "late-effects",
    what: "a run that began in time goes on after its grant has expired",
    breaks: [14],
    edits: LATE_EFFECTS,
  },
  {
    name: "clock-not-checked",
    what: "a clock that is behind the one that authorised decides and runs nevertheless",
    breaks: [14],
    edits: [
      edit(RUNNING, "if (at >= authorisedAt - CLOCK_SKEW_MILLIS) return undefined;", "if (at >= 0) return undefined;"),
      edit(VERIFY, "if (now < grant.issuedAt - trust.skewMillis)", "if (false as boolean)"),
    ],
  },
  {
    name: "skew-not-drawn-in",
    what: "the runner takes its own clock for the issuer's",
    breaks: [14],
    edits: [
      edit(VERIFY, "grant.expiresAt - trust.skewMillis", "grant.expiresAt"),
      edit(RUNNER, "if (now >= expiresAt - skew)", "if (now >= expiresAt)"),
    ],
  },
  {
    name: "bytes-not-checked",
    what: "the runner does not compare the bytes it is given with the approved digests",
    breaks: [1, 2],
    edits: [
      edit(
        VERIFY,
        "digestOf(payloads[n] ?? new Uint8Array()) !== step.payload",
        "digestOf(payloads[n] ?? new Uint8Array()) === undefined && step.payload === undefined",
      ),
    ],
  },
  {
    name: "other-bytes-executed",
    what: "the runner remembers bytes by what they are applied to, and executes those it remembers",
    breaks: [1, 2, 3, 9],
    edits: [
      edit(RUNNER, "function stepsOf(", "const remembered = new WeakMap<object, Map<string, Uint8Array>>();\n\nfunction stepsOf("),
      edit(
        RUNNER,
        "const payload = payloads[position];",
        "const known = remembered.get(deps.connectors) ?? new Map<string, Uint8Array>();\n    remembered.set(deps.connectors, known);\n    const payload = known.get(`${step.connector} ${step.state}`) ?? payloads[position];\n    if (payload !== undefined) known.set(`${step.connector} ${step.state}`, payload);",
      ),
    ],
  },
  {
    name: "intent-after-effect",
    what: "the intent is recorded once the effect is done",
    breaks: [10, 15],
    edits: [
      edit(
        RUNNER,
        "const begun = await this.#tell((desk, ref) => desk.begin(ref, step.id, observed.value.stateDigest, seen));",
        "const begun: Result<void> = ok(undefined);",
      ),
      edit(
        RUNNER,
        "this.#done.push({",
        "await this.#tell((desk, ref) => desk.begin(ref, step.id, observed.value.stateDigest, seen));\n    this.#done.push({",
      ),
    ],
  },
  {
    name: "intent-not-awaited",
    what: "the desk acknowledges an intent before it is durable",
    breaks: [10],
    edits: [
      edit(
        DESK,
        'return tell(ref, { type: "begin_effect", ...who(ref), step, observed, ...evidence }, seen === undefined ? [] : [seen]);',
        'tell(ref, { type: "begin_effect", ...who(ref), step, observed, ...evidence }).catch(() => undefined);\n      return Promise.resolve(ok(undefined));',
      ),
    ],
  },
  {
    name: "possible-is-failed",
    what: "an effect that may have happened is reported as failed before any effect",
    breaks: [9, 10],
    edits: [edit(RUNNER, 'return this.#end("indeterminate", error.code, evidenceOf(error));', "return this.#giveUp(error);")],
  },
  {
    name: "silence-is-no-effect",
    what: "a connector that breaks or does not answer is taken to have done nothing",
    breaks: [9, 10],
    edits: [edit("src/control/dependable.ts", '({ ...fault, effect: "possible" })', '({ ...fault, effect: "none" })')],
  },
  {
    name: "abandoned-is-failed",
    what: "a run that is given up after a begun effect ends as failed before any",
    breaks: [9, 10],
    edits: [edit(RUNNING, "if (begun.length > 0) return ok(", "if (false as boolean) return ok(")],
  },
  {
    name: "undo-forgotten",
    what: "a run is called undone and nothing was undone",
    breaks: [9, 10],
    edits: [
      edit(
        RUNNER,
        "const back = await done.connector.undo(done.payload, done.performed, this.#limits(done));\n    if (!back.ok) return back;",
        'if (code !== "") return ok(done.performed);\n    const back = await done.connector.undo(done.payload, done.performed, this.#limits(done));\n    if (!back.ok) return back;',
      ),
    ],
  },
  {
    name: "other-runner-reports",
    what: "a runner that does not hold the run speaks for it",
    breaks: [2, 3, 9, 10],
    edits: [edit(RUN, "return run.run === command.run && run.runner === command.runner ?", "return run.run === command.run ?")],
  },
  {
    name: "restart-forgets-runs",
    what: "a run whose runner is gone is never given up: not at the restart, and not by its job",
    breaks: [17],
    edits: [
      edit(
        DESK,
        "if (state?.runner !== runner || state.run === undefined) continue;",
        "if (state?.runner !== runner || state.run === undefined || row.version > 0) continue;",
      ),
      edit(
        JOBS,
        'if (!isLost(deps, settings, state)) return "later";',
        'if (!isLost(deps, settings, state) || state.version > 0) return "later";',
      ),
    ],
  },
  {
    name: "undo-without-grant",
    what: "the runner undoes whatever it was answered, without looking at the grant of the undo",
    breaks: [3],
    edits: [edit(RUNNER, "if (!verified.ok) return verified;", "")],
  },
  {
    name: "failed-check-ignored",
    what: "a look that finds it wrong while it is watched is recorded, and the watch goes on",
    breaks: [10],
    edits: [
      edit(RUNNER, 'if (look.result === "failed" || (isLast && look.result === "unknown"))', 'if (isLast && look.result === "unknown")'),
      edit(WATCHING, 'if (checked?.result === "failed") return checkFailed(applied.value);', ""),
      edit(WATCHING, 'if (checked?.result === "failed") return checkFailed(state);', ""),
      edit(
        WATCHING,
        'if (checked?.result === "held" && checked.at >= until && at >= until) return undefined;',
        "if (checked !== undefined && at >= until) return undefined;",
      ),
    ],
  },
  {
    name: "watch-cut-short",
    what: "what is watched counts as verified with the first look: neither the runner nor the lifecycle waits",
    breaks: [10],
    edits: [
      edit(RUNNER, "const isLast = waited >= window;", "const isLast = waited >= 0;"),
      edit(WATCHING, "const until = appliedAt + watch.seconds * 1000;", "const until = appliedAt;"),
    ],
  },
  {
    name: "stopped-run-goes-on",
    what: "a run that somebody stopped begins its next step all the same",
    breaks: [7],
    edits: [edit(RUNNING, "if (running.value.stopped !== undefined) return stoppedRun(running.value);", "")],
  },
];
