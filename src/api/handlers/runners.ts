import { assert, fail, ok } from "../../core/base/index.ts";
import type { Signed } from "../../control/runners-types.ts";
import { callerOf, type Call, type Handlers } from "./call.ts";
import { crowded } from "./changes.ts";

type Names =
  | "inviteRunner"
  | "listRunners"
  | "revokeRunner"
  | "enrolRunner"
  | "openSession"
  | "takeWork"
  | "answerWork"
  | "reportRun"
  | "reportProgress";

const control = ({ deps }: Call) => deps.control.runners;

/** On a route that nobody enters without a runner's signature. */
function signedBy({ request }: Call): Signed {
  assert(request.seen.signed !== undefined, "the gate lets nobody in here without a signature");
  return request.seen.signed;
}

/** Runners elsewhere, and those who look after them. */
export const runners: Pick<Handlers, Names> = {
  inviteRunner: (call) => control(call).invite(callerOf(call), call.body ?? null),
  async listRunners(call) {
    const listed = await control(call).list(callerOf(call));
    return listed.ok ? ok({ runners: listed.value }) : listed;
  },
  revokeRunner: (call) => control(call).revoke(callerOf(call), call.id),
  enrolRunner: (call) => control(call).enrol(call.body ?? null),
  openSession: (call) => control(call).session(signedBy(call), call.body ?? null),
  async takeWork(call) {
    const { has = [], runs = [], wait = 25 } = call.query;
    const signed = signedBy(call);
    const leave = call.places.enter(signed.runner);
    if (leave === undefined) return fail(crowded());
    try {
      const signal = AbortSignal.any([call.request.signal, call.closing]);
      return await control(call).work(signed, { work: has, runs }, wait * 1000, signal);
    } finally {
      leave();
    }
  },
  answerWork: (call) => control(call).answer(signedBy(call), call.body ?? null),
  reportRun: (call) => control(call).desk(signedBy(call), call.body ?? null),
  reportProgress: (call) => control(call).progress(signedBy(call), call.body ?? null),
};
