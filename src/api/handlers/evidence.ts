import { ok } from "../../core/base/index.ts";
import { callerOf, Raw, type Handlers } from "./call.ts";

export const evidence: Pick<Handlers, "readBundle" | "exportEntries"> = {
  async readBundle(call) {
    const bundle = await call.deps.control.bundle(callerOf(call), call.id);
    return bundle.ok ? ok(new Raw("application/json; charset=utf-8", bundle.value)) : bundle;
  },
  exportEntries(call) {
    const { format = "jsonl", since = "0", limit = 500 } = call.query;
    return call.deps.control.exportPage(callerOf(call), { format, since: Number(since), limit });
  },
};
