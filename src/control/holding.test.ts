import assert from "node:assert/strict";
import { test } from "node:test";
import type { ChangeState } from "../core/change/index.ts";
import { bundle } from "../testing/policy.ts";
import type { Deps } from "./deps.ts";
import { frozenFor } from "./holding.ts";

test("[LC-52] [D35] a freeze that a clock ahead of ours may have in force holds the start, however short it is", () => {
  const window = { from: "2026-12-23 12:00", to: "2026-12-23 12:01" };
  const policy = bundle([{ outcome: "review" }], {
    calendars: [{ name: "quiet", zone: "Etc/UTC", dates: [window] }],
    freezes: [{ name: "quiet", calendar: "quiet", reason: "x" }],
  });
  const state = { freezes: ["quiet"] } as unknown as ChangeState;
  const held = (time: string, seconds: number): number => {
    const clock = { now: () => Date.parse(`2026-12-23T${time}Z`) };
    return frozenFor({ clock, limits: { clockSkewMillis: seconds * 1000 } } as unknown as Deps, policy, state).length;
  };
  assert.deepEqual([held("11:59:29", 30), held("11:59:30", 30), held("12:00:59", 30), held("12:01:00", 30)], [0, 1, 1, 0]);
  for (const time of ["11:50:00", "11:53:20", "11:57:00", "11:59:59"]) assert.equal(held(time, 600), 1, time);
  assert.deepEqual([held("11:49:59", 600), held("12:00:00", 0), held("11:59:59", 0)], [0, 1, 0]);
});
