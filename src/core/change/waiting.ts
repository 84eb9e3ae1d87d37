import { never } from "../base/index.ts";
import type { ChangeState } from "./types.ts";

/** What an open change waits for, and who can give it. */
export interface Waits {
  readonly for:
    | "plan"
    | "route"
    | "revision"
    | "votes"
    | "hold"
    | "start"
    | "effects"
    | "verification"
    | "replan"
    | "reconciliation"
    | "nothing";
  readonly from: "control" | "proposer" | "reviewers" | "runner" | "anybody" | "nobody";
}

export function openFor(state: ChangeState): Waits {
  switch (state.status) {
    case "proposed":
      return { for: "plan", from: "control" };
    case "planned":
      return { for: "route", from: "control" };
    case "sent_back":
      return { for: "revision", from: "proposer" };
    case "awaiting":
      return { for: "votes", from: "reviewers" };
    case "authorised":
      if (state.holds.length > 0) return { for: "hold", from: "control" };
      return state.start === "when-authorised" ? { for: "start", from: "runner" } : { for: "start", from: "anybody" };
    case "running":
      return { for: "effects", from: "runner" };
    case "applied":
      return { for: "verification", from: "runner" };
    case "stale":
      return { for: "replan", from: "control" };
    case "indeterminate":
      return { for: "reconciliation", from: "reviewers" };
    case "blocked":
    case "rejected":
    case "verified":
    case "failed":
    case "undone":
    case "expired":
    case "withdrawn":
    case "superseded":
      return { for: "nothing", from: "nobody" };
    default:
      return never(state, "status");
  }
}
