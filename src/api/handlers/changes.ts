import { fail, ok, type Json } from "../../core/base/index.ts";
import { patienceMillis } from "../prefer.ts";
import { refused } from "../problems.ts";
import { planText } from "./plan-text.ts";
import { callerOf, Raw, type Call, type Handlers } from "./call.ts";

const KEY = /^[\x21-\x7e]{1,128}$/;

type Names =
  | "propose"
  | "listChanges"
  | "readChange"
  | "readPlan"
  | "readEvents"
  | "waitForChange"
  | "withdraw"
  | "revise"
  | "replan"
  | "run"
  | "readGrant";

export const changes: Pick<Handlers, Names | "vote" | "withdrawVote" | "sendBack" | "stop" | "readOutcome" | "reconcile"> = {
  async propose(call) {
    const key = call.request.headers["idempotency-key"];
    if (key !== undefined && (typeof key !== "string" || !KEY.test(key))) {
      return fail(refused("invalid", "idempotency_key", "the key must be 1 to 128 visible ASCII characters", { where: "Idempotency-Key" }));
    }
    const proposed = await held(call, (patience) => control(call).propose(callerOf(call), bodyOf(call), key, patience, call.closing));
    if (proposed.ok) void call.reply.header("location", `/v1/changes/${proposed.value.id}`);
    return proposed;
  },
  listChanges(call) {
    const { status, limit = 50, ...rest } = call.query;
    return control(call).list(callerOf(call), { ...rest, limit, ...(status === undefined ? {} : { statuses: status }) });
  },
  readChange: (call) => control(call).read(callerOf(call), call.id),
  async readPlan(call) {
    const { format, width = 100, color = false } = call.query;
    const wanted = format ?? preferred(call.request.headers.accept);
    void call.reply.header("vary", "accept");
    const plan = await control(call).plan(callerOf(call), call.id);
    if (!plan.ok || wanted === "json") return plan;
    return ok(new Raw("text/plain; charset=utf-8", planText(plan.value, { width, color })));
  },
  async readEvents(call) {
    const { from = 0, limit = 100 } = call.query;
    const events = await control(call).events(callerOf(call), call.id, from, limit);
    return events.ok ? ok({ events: events.value }) : events;
  },
  async waitForChange(call) {
    const { since = 0, timeout = 25 } = call.query;
    const caller = callerOf(call);
    const leave = call.places.enter(caller.identity);
    if (leave === undefined) return fail(crowded());
    try {
      const signal = AbortSignal.any([call.request.signal, call.closing]);
      return await control(call).wait(caller, call.id, since, timeout * 1000, signal);
    } finally {
      leave();
    }
  },
  vote: (call) => control(call).vote(callerOf(call), call.id, bodyOf(call)),
  withdrawVote: (call) => control(call).withdrawVote(callerOf(call), call.id),
  sendBack: (call) => control(call).sendBack(callerOf(call), call.id, bodyOf(call)),
  withdraw: (call) => control(call).withdraw(callerOf(call), call.id),
  revise: (call) => held(call, (patience) => control(call).revise(callerOf(call), call.id, bodyOf(call), patience, call.closing)),
  replan: (call) => control(call).replan(callerOf(call), call.id),
  run: (call) => control(call).run(callerOf(call), call.id),
  stop: (call) => control(call).stop(callerOf(call), call.id),
  readOutcome: (call) => control(call).outcome(callerOf(call), call.id),
  reconcile: (call) => control(call).reconcile(callerOf(call), call.id, bodyOf(call)),
  readGrant: (call) => control(call).grant(callerOf(call), call.id),
};

const control = (call: Call) => call.deps.control;

/** Whoever wants to wait longer than everybody may takes a place, as all who wait do; without one nobody is held. */
async function held<T>(call: Call, ask: (patienceMillis: number) => Promise<T>): Promise<T> {
  const standard = call.deps.settings.decideWithinMillis;
  const patience = patienceMillis(call.request.headers["prefer"], standard);
  if (patience <= standard) return ask(patience);
  const leave = call.places.enter(callerOf(call).identity);
  try {
    return await ask(leave === undefined ? 0 : patience);
  } finally {
    leave?.();
  }
}

/** Present, since the contract of the route asks for it. */
const bodyOf = ({ body }: Call): Json => body ?? null;

export const crowded = () =>
  refused("rate_limited", "too_many_open", "too many requests of this credential, or of all, are waiting already", {
    retryAfterSeconds: 5,
    remedy: "close some, or try again later",
  });

/** Text only for whoever asks for it by name: a browser's or a library's default Accept means JSON. */
function preferred(accept: string | undefined): "json" | "text" {
  const types = (accept ?? "").split(",").map((part) => part.split(";", 1)[0]?.trim().toLowerCase());
  return types.includes("text/plain") && !types.includes("application/json") ? "text" : "json";
}
