import assert from "node:assert/strict";
import test from "node:test";
import type { ChangeState } from "../core/change/index.ts";
import { nextWith } from "./glass-view.ts";

test("[LC-52] what holds a change is told, and also that the change does not live so long", () => {
  const state = { status: "authorised", expiresAt: 20 } as ChangeState;
  const told = (until: number): string => nextWith("-", state, { holds: ["freeze quiet until Monday"], held_until: until });
  assert.equal(told(19), "Authorised, and held by freeze quiet until Monday.");
  assert.equal(told(20), "Authorised, and held by freeze quiet until Monday. It expires before that.");
  assert.equal(nextWith("-", { ...state, status: "awaiting" } as ChangeState, { holds: ["x"], held_until: 30 }), "-");
});
