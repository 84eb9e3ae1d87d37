import { callerOf, type Handlers } from "./call.ts";

export const glass: Pick<Handlers, "breakGlass" | "reviewGlass" | "listGlass"> = {
  breakGlass: (call) => call.deps.control.glass.break(callerOf(call), call.id, call.body ?? null),
  reviewGlass: (call) => call.deps.control.glass.review(callerOf(call), call.id, call.body ?? null),
  listGlass: (call) => call.deps.control.glass.list(callerOf(call)),
};
