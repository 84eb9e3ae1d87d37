import { fail, ok, type GrantId, type Json } from "../core/base/index.ts";
import type { ChangeView, GlassDesk, GlassView } from "../control/types.ts";
import type { FakeChange } from "./fake-change.ts";

const VERDICTS = ["approve", "object"];

/** What the fake control says of emergencies: whoever asks may, and the ledger gets its entries. */
export function fakeGlass(
  changes: ReadonlyMap<string, FakeChange>,
  move: (id: string, type: string, status: ChangeView["status"]) => ChangeView,
  index: (type: string) => void,
  broken: Map<string, GlassView>,
): GlassDesk {
  const has = (raw: Json, ...names: readonly string[]): boolean =>
    typeof raw === "object" &&
    raw !== null &&
    !Array.isArray(raw) &&
    names.every((name) => typeof raw[name] === "string" && raw[name] !== "") &&
    Object.keys(raw).every((name) => names.includes(name));
  const no = (code: "invalid" | "not_found" | "not_now", reason: string) => fail({ code, reason, message: reason });
  return {
    async break(caller, id, raw) {
      const change = changes.get(id);
      if (change === undefined) return no("not_found", "unknown_change");
      if (!has(raw, "reason", "review_digest")) return no("invalid", "invalid");
      if (change.view.status !== "awaiting") return no("not_now", "wrong_status");
      const at = change.view.updated_at;
      const glass = { grant: "grt_00000001" as GrantId, name: "incident", by: caller.person ?? ("ada" as never), at, channel: "api" };
      broken.set(id, { ...glass, due_at: at + 1, overdue: false });
      const view = move(id, "glass_broken", "authorised");
      index("glass_opened");
      return ok(view);
    },
    async review(_caller, id, raw) {
      const change = changes.get(id);
      if (change === undefined) return no("not_found", "unknown_change");
      if (!has(raw, "verdict", "evidence") || !VERDICTS.includes((raw as { readonly verdict: string }).verdict))
        return no("invalid", "invalid");
      if (!broken.delete(id)) return no("not_now", "no_glass");
      const view = move(id, "glass_reviewed", change.view.status);
      index("glass_closed");
      return ok(view);
    },
    async list() {
      return ok({ glass: [...broken].map(([change, glass]) => ({ ...glass, change: change as never, title: "" })) });
    },
  };
}
