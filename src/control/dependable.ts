import { fail, type Refusal, type Result } from "../core/base/index.ts";
import type { Connector, PerformFault, RunLimits, Timers, VerifyFault } from "./ports.ts";

/** What a connector may take beyond the time it was given, to say itself that it ran out. */
const GRACE_MILLIS = 5_000;

/**
 * A connector as control and runners rely on it: it answers in time and never throws. One that did neither has told nothing, so
 * that what it was to do outside may have been done.
 */
export function dependable(connector: Connector, timers: Timers): Connector {
  const seen = <T>(limits: RunLimits, work: (limits: RunLimits) => Promise<Result<T>>) =>
    answerOf<T, Refusal>(timers, limits, work, (fault) => fault);
  const checked = <T>(limits: RunLimits, work: (limits: RunLimits) => Promise<Result<T, VerifyFault>>) =>
    answerOf<T, VerifyFault>(timers, limits, work, (fault) => ({ ...fault, inconclusive: true }));
  const done = <T>(limits: RunLimits, work: (limits: RunLimits) => Promise<Result<T, PerformFault>>) =>
    answerOf<T, PerformFault>(timers, limits, work, (fault) => ({ ...fault, effect: "possible" }));
  return {
    name: connector.name,
    digest: connector.digest,
    ...(connector.needs === undefined ? {} : { needs: connector.needs }),
    admit: async (input) => {
      try {
        return await connector.admit(input);
      } catch (error) {
        return fail([crashed(error)]);
      }
    },
    analyse: (input, limits) => seen(limits, (bounded) => connector.analyse(input, bounded)),
    observe: (payload, limits) => seen(limits, (bounded) => connector.observe(payload, bounded)),
    verify: (payload, performed, limits) => checked(limits, (bounded) => connector.verify(payload, performed, bounded)),
    apply: (payload, expected, limits) => done(limits, (bounded) => connector.apply(payload, expected, bounded)),
    undo: (payload, performed, limits) => done(limits, (bounded) => connector.undo(payload, performed, bounded)),
  };
}

async function answerOf<T, E>(
  timers: Timers,
  limits: RunLimits,
  work: (limits: RunLimits) => Promise<Result<T, E>>,
  faultOf: (fault: Refusal) => E,
): Promise<Result<T, E>> {
  const abort = new AbortController();
  const { promise: late, resolve: giveUp } = Promise.withResolvers<Result<T, E>>();
  const cancel = timers.after(limits.timeoutMillis + GRACE_MILLIS, () => {
    giveUp(fail(faultOf({ code: "connector_timeout", message: `the connector did not answer within ${limits.timeoutMillis} ms` })));
    abort.abort();
  });
  try {
    return await Promise.race([work({ ...limits, signal: abort.signal }), late]);
  } catch (error) {
    return fail(faultOf(crashed(error)));
  } finally {
    cancel();
  }
}

const crashed = (error: unknown): Refusal => ({
  code: "connector_crashed",
  message: `the connector broke: ${String(error)}`.slice(0, 1_000).toWellFormed(),
});
