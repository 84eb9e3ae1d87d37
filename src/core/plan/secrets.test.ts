import assert from "node:assert/strict";
import test from "node:test";
import { canonical } from "../base/index.ts";
import type { Json } from "../base/index.ts";
import { present, renderText } from "../presentation/index.ts";
import { SECRET_KEY as KEY, effect, planWith, sampleRoute } from "../../testing/plans.ts";
import { diffPlans, parseProposal, planDigest, sealSecrets, secretValue, validatePlan } from "./index.ts";
import type { Plan } from "./index.ts";

const CANARY = "canary-hunter2-canary";

test("[PL-26] every marked secret is replaced, wherever it stands, and nothing else is touched", () => {
  const value: Json = { password: { $secret: CANARY }, list: [1, { deep: { $secret: "" } }], plain: "$secret", other: { secret: "x" } };
  const { value: sealed, secrets } = sealSecrets(value, KEY);
  assert.equal(secrets, 2);
  assert.equal(canonical(sealed).includes(CANARY), false);
  assert.match(canonical(sealed), /"password":\{"\$secret":\{"digest":"hmac-sha256:[0-9a-f]{64}"\}\}/);
  assert.deepEqual(
    { plain: "$secret", other: { secret: "x" } },
    { plain: (sealed as { plain: Json }).plain, other: (sealed as { other: Json }).other },
  );
});

test("[PL-26] sealing twice changes nothing more", () => {
  const once = sealSecrets({ a: { $secret: CANARY } }, KEY).value;
  assert.deepEqual(sealSecrets(once, KEY), { value: once, secrets: 0 });
});

test("[PL-26] a marker of any other shape is refused where it comes in, and is never sealed in part", () => {
  const sealed = sealSecrets({ $secret: CANARY }, KEY).value;
  for (const marker of [{ $secret: 1 }, { $secret: CANARY, note: "" }, { $secret: { digest: "x" } }, { $secret: null }, sealed]) {
    const parsed = parseProposal({ title: "x", steps: [{ connector: "git", input: { deep: [marker] } }] });
    assert.deepEqual(parsed.ok ? [] : parsed.error.map(({ code, where }) => `${code} ${where}`), [
      "shape.bad_format /steps/0/input/deep/0",
    ]);
    if (marker !== sealed)
      assert.throws(() => sealSecrets({ deep: marker }, KEY), /invariant broken: a malformed secret marker at \/deep$/);
  }
});

const withToken = (token: string, key = KEY): Plan =>
  planWith({
    step: {
      effects: [effect("deploy.yaml", { fields: [{ path: "token", before: secretValue(key, "old"), after: secretValue(key, token) }] })],
      observations: [
        {
          subject: "configuration",
          value: { kind: "json", value: sealSecrets({ token: { $secret: token } }, key).value },
          method: "read",
          provenance: "derived",
        },
      ],
    },
  });

test("[PL-27] a changed secret is a changed plan, and the same secret the same plan", () => {
  assert.equal(planDigest(withToken(CANARY)), planDigest(withToken(CANARY)));
  assert.notEqual(planDigest(withToken(CANARY)), planDigest(withToken(`${CANARY} `)));
});

test("[PL-27] without the key a guess cannot be tried: another key gives another digest, and so does no key", () => {
  const digest = (key: Uint8Array): string => canonical(secretValue(key, "1234"));
  assert.notEqual(digest(KEY), digest(new TextEncoder().encode("another key of thirty-two bytes!")));
  assert.notEqual(digest(KEY), digest(new Uint8Array()));
});

test("[PL-27] a planted secret is in no plan, presentation, difference, rendering or fault", () => {
  const [plan, other] = [withToken(CANARY), withToken("something else")];
  const presentation = present(plan, sampleRoute);
  const outputs = [
    canonical(plan),
    canonical(presentation),
    canonical(diffPlans(plan, other)),
    renderText(presentation, { width: 100, color: true }),
  ];
  for (const output of outputs) assert.equal(output.includes("hunter2"), false);
  const leaking = {
    ...plan,
    intent: { ...plan.intent, title: 7 },
    steps: [{ ...plan.steps[0], payloadDigest: CANARY, operation: [CANARY] }],
  };
  const refused = validatePlan(leaking);
  assert.ok(!refused.ok);
  assert.equal(JSON.stringify(refused.error).includes("hunter2"), false);
});

test("[PL-27] a plan with a secret in the clear is not a plan", () => {
  const plan = withToken(CANARY);
  const [step] = plan.steps;
  const clear = { subject: "x", value: { kind: "json", value: { $secret: CANARY } }, method: "read", provenance: "derived" };
  const refused = validatePlan({ ...plan, steps: [{ ...step, observations: [clear] }] });
  assert.deepEqual(refused.ok ? [] : refused.error.map(({ code, where }) => `${code} ${where}`), [
    "shape.bad_format /steps/0/observations/0/value/value",
  ]);
});

test("[PL-27] a secret that changes is shown as hidden, before and after, and told apart", () => {
  const shown = renderText(present(withToken(CANARY), sampleRoute), { width: 100, color: false });
  assert.match(shown, /token +hidden \([0-9a-f]{16}\) → hidden \([0-9a-f]{16}\)/);
  const same = renderText(present(withToken("old"), sampleRoute), { width: 100, color: false });
  assert.match(same, /token +hidden \([0-9a-f]{16}\) unchanged/);
});
