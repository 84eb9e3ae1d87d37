import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { millis } from "../core/base/index.ts";
import { addressKey, Buckets, Places } from "./limits.ts";

const SEED = 20_261_120;

function clockAt(start: number) {
  let now = start;
  return { now: () => millis(now), set: (to: number) => (now = to) };
}

test("[AP-18] a bucket never gives more than it holds and what has flowed in since", () => {
  const step = fc.record({ wait: fc.integer({ min: -5_000, max: 5_000 }), cost: fc.integer({ min: 1, max: 4 }) });
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 60 }),
      fc.integer({ min: 1, max: 20 }),
      fc.integer({ min: 1, max: 10 }),
      (steps, burst, perSecond) => {
        const clock = clockAt(1_000_000);
        const buckets = new Buckets({ burst, perSecond }, clock);
        let given = 0;
        let forward = 0;
        for (const { wait, cost } of steps) {
          clock.set(clock.now() + wait);
          forward += Math.max(0, wait);
          if (buckets.take("k", cost) === 0) given += cost;
          assert.ok(given <= burst + (forward / 1000) * perSecond + 1e-6, `${given} given`);
        }
      },
    ),
    { seed: SEED },
  );
});

test("[AP-18] the wait that is told is enough, and a millisecond less is not", () => {
  const clock = clockAt(0);
  const buckets = new Buckets({ burst: 2, perSecond: 3 }, clock);
  assert.deepEqual([buckets.take("k"), buckets.take("k")], [0, 0]);
  const wait = buckets.take("k");
  assert.equal(wait, 334);
  clock.set(333);
  assert.notEqual(buckets.take("k"), 0);
  clock.set(334);
  assert.equal(buckets.take("k"), 0);
});

test("[AP-18] a clock that is set back fills nothing and takes nothing away", () => {
  const clock = clockAt(1_000_000);
  const buckets = new Buckets({ burst: 2, perSecond: 1 }, clock);
  buckets.take("k");
  clock.set(0);
  assert.equal(buckets.take("k"), 0);
  assert.notEqual(buckets.take("k"), 0);
  clock.set(1000);
  assert.equal(buckets.take("k"), 0);
});

test("[AP-18] keys do not touch each other, and what is given back is not more than fits", () => {
  const buckets = new Buckets({ burst: 1, perSecond: 1 }, clockAt(0));
  assert.equal(buckets.take("a"), 0);
  assert.equal(buckets.take("b"), 0);
  assert.notEqual(buckets.take("a"), 0);
  buckets.giveBack("a");
  buckets.giveBack("a");
  assert.equal(buckets.take("a"), 0);
  assert.notEqual(buckets.take("a"), 0);
});

test("[AP-18] many keys are forgotten oldest first, so memory is bounded", () => {
  const buckets = new Buckets({ burst: 1, perSecond: 1 }, clockAt(0));
  buckets.take("first");
  for (let i = 0; i < 19_999; i++) buckets.take(`k${i}`);
  assert.notEqual(buckets.take("first"), 0, "used again, so it is the newest now");
  for (let i = 0; i < 20_000; i++) buckets.take(`m${i}`);
  assert.equal(buckets.take("first"), 0);
});

test("[AP-18] an IPv6 address counts as its /64, a mapped IPv4 address as itself", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["192.0.2.1", "192.0.2.1"],
    ["::ffff:192.0.2.1", "192.0.2.1"],
    ["::FFFF:192.0.2.1", "192.0.2.1"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
    ["2001:db8:1:2::9", "2001:db8:1:2::/64"],
    ["2001:0db8:0001:0002:ffff::", "2001:db8:1:2::/64"],
    ["2001:db8::1", "2001:db8:0:0::/64"],
    ["::1", "0:0:0:0::/64"],
    ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ];
  for (const [address, key] of cases) assert.equal(addressKey(address), key, address);
});

test("[AP-23] a place that was left is free once, however often it is left", () => {
  const places = new Places({ total: 2, perCredential: 1 });
  const leave = places.enter("a");
  assert.ok(leave !== undefined);
  assert.equal(places.enter("a"), undefined);
  assert.ok(places.enter("b") !== undefined);
  assert.equal(places.enter("c"), undefined);
  leave();
  leave();
  assert.equal(places.taken, 1);
  assert.ok(places.enter("c") !== undefined);
  assert.equal(places.enter("a"), undefined);
});
