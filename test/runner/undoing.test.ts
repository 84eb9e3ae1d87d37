/** An undo has a grant of its own, and a person can stop a run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fromBase64, type JsonObject, type RunId } from "../../src/core/base/index.ts";
import { factsOf, sealEvidence, verifyEvidence, type Envelope, type RunEvidence } from "../../src/core/grant/index.ts";
import type { RunDesk, RunReport } from "../../src/control/ports.ts";
import { runChange, type RunnerDeps } from "../../src/runner/runner.ts";
import { changeOf, ControlWorld, good, idOf, refusal, set, type ChangeBody } from "../../src/testing/control-world.ts";
import { testSigner } from "../../src/testing/ledger.ts";

const TWO = changeOf(set("shop#src/a", "new"), set("shop#src/b", "new"));

async function signed(body: ChangeBody = TWO) {
  const world = await ControlWorld.open();
  const change = await world.approve((await world.propose({ ...body, start: "on-request" })).id, "ed");
  assert.equal(change.status, "authorised");
  return { world, id: idOf(change), outside: world.outside };
}
type Signed = Awaited<ReturnType<typeof signed>>;

const endOf = (report: RunReport): string => (report.kind === "ended" ? `${report.end} ${report.code}` : report.kind);
const run = (here: Signed, deps: Partial<RunnerDeps> = {}): Promise<RunReport> => runChange({ ...here.world.runner, ...deps }, here.id);
const failing = ({ outside }: Signed): void => {
  outside.before = async (operation) =>
    operation === "verify" ? { ok: false, error: { code: "wrong", message: "wrong", effect: "none" } } : undefined;
};
const said = (envelope: Envelope): JsonObject => JSON.parse(new TextDecoder().decode(fromBase64(envelope.payload))) as JsonObject;

/** Runs with a desk that gives other undo grants than it should. */
async function undoingWith(give: (real: RunDesk, ...asked: Parameters<RunDesk["beginUndo"]>) => ReturnType<RunDesk["beginUndo"]>) {
  const here = await signed();
  failing(here);
  const real = here.world.runner.desk;
  const report = await run(here, { desk: { ...real, beginUndo: (...asked) => give(real, ...asked) } });
  return { here, report };
}

test("[CO-70] the desk puts an undo on record and answers with its grant, of exactly the step that was done", async () => {
  const given: Envelope[] = [];
  const { here, report } = await undoingWith(async (real, ...asked) => {
    const answer = await real.beginUndo(...asked);
    given.push(good(answer));
    return answer;
  });
  assert.equal(endOf(report), "undone verification_failed");
  const { steps } = (said(good(await here.world.control.grant(here.world.as("ed"), here.id)))["predicate"] ?? {}) as {
    steps: JsonObject[];
  };
  const bodies = given.map((envelope) => said(envelope)["predicate"] as JsonObject);
  assert.deepEqual(
    bodies.map((body) => body["step"]),
    steps.toReversed(),
  );
  assert.deepEqual(
    bodies.map((body) => (body["because"] as JsonObject)["code"]),
    ["verification_failed", "verification_failed"],
  );
  const events = (await here.world.events(here.id)).filter(({ type }) => type === "undo_started");
  assert.deepEqual(
    bodies.map((body) => (JSON.parse((body["ledger"] as { entry: string }).entry) as { event: unknown }).event),
    events,
  );
});

/** What is given in place of a step's undo grant, and with what the run ends. */
const FALSE_GRANTS: readonly (readonly [string, Parameters<typeof undoingWith>[0], string])[] = [
  ["none", async () => ({ ok: true, value: undefined as unknown as Envelope }), "grant_malformed"],
  [
    "an altered one",
    async (real, ...asked) => {
      const envelope = good(await real.beginUndo(...asked));
      return { ok: true, value: { ...envelope, payload: Buffer.from(`${JSON.stringify(said(envelope))} `).toString("base64") } };
    },
    "grant_untrusted",
  ],
  [
    "one that another key has signed",
    async (real, ...asked) => {
      const envelope = good(await real.beginUndo(...asked));
      return { ok: true, value: { ...envelope, signatures: [{ keyid: "somebody", sig: envelope.signatures[0]?.sig ?? "" }] } };
    },
    "grant_untrusted",
  ],
  ["a refusal", async () => ({ ok: false, error: { code: "runner_revoked", message: "revoked" } }), "runner_revoked"],
];

for (const [what, give, code] of FALSE_GRANTS) {
  test(`[CO-70] [D37] given ${what} in place of an undo grant, the runner undoes nothing, and nobody knows`, async () => {
    const { here, report } = await undoingWith(give);
    assert.equal(endOf(report), `indeterminate ${code}`);
    assert.deepEqual([here.outside.count("undo"), (await here.world.view(here.id)).status], [0, "indeterminate"]);
  });
}

test("[CO-70] the undo grant of one step is none for another", async () => {
  let first: Envelope | undefined;
  const { here, report } = await undoingWith(async (real, ...asked) => {
    const answer = good(await real.beginUndo(...asked));
    first ??= answer;
    return { ok: true, value: first };
  });
  assert.equal(endOf(report), "indeterminate undo_other_step");
  assert.deepEqual(here.outside.writes.slice(2), ["undo shop#src/b="], "what it was for is undone");
  const { details } = (await here.world.view(here.id)).because as unknown as { details: { undone: JsonObject } };
  assert.deepEqual(Object.keys(details.undone), ["step-2"]);
});

test("[CO-70] asked again because its answer was lost, the desk gives the same undo; a run that was given up gets none", async () => {
  const { here, report } = await undoingWith(async (real, ...asked) => {
    const once = good(await real.beginUndo(...asked));
    const twice = good(await real.beginUndo(...asked));
    assert.deepEqual([(said(once)["predicate"] as JsonObject)["issuedAt"]], [(said(twice)["predicate"] as JsonObject)["issuedAt"]]);
    return { ok: true, value: twice };
  });
  assert.equal(endOf(report), "undone verification_failed");
  assert.equal((await here.world.types(here.id)).filter((type) => type === "undo_started").length, 2);
  const lost = await undoingWith(async (real, ref, ...asked) => {
    good(await real.beginUndo(ref, ...asked));
    good(await real.report(ref, "indeterminate", "given_up", {}));
    return real.beginUndo(ref, ...asked);
  });
  assert.equal(lost.report.kind, "stopped");
  assert.equal(lost.here.outside.count("undo"), 0);
});

/** Somebody stops the run when a connector is asked for this the n-th time. */
const stoppingAt =
  (operation: string, n = 1, who = "ed") =>
  ({ outside, world, id }: Signed): void => {
    outside.before = async (at) => {
      if (at === operation && outside.count(operation) === n) good(await world.control.stop(world.as(who), id));
    };
  };

test("[CO-74] a stop before anything was done ends the run as failed, and nothing was touched", async () => {
  const here = await signed();
  stoppingAt("observe")(here);
  assert.equal(endOf(await run(here)), "failed stopped");
  assert.deepEqual(here.outside.writes, []);
});

test("[CO-74] [D37] a stop between steps has no further one begun, and what is done undone", async () => {
  for (const [at, n] of [
    ["observe", 2],
    ["apply", 1],
  ] as const) {
    const here = await signed();
    stoppingAt(at, n)(here);
    assert.equal(endOf(await run(here)), "undone stopped");
    assert.deepEqual(here.outside.writes, ["apply shop#src/a=new", "undo shop#src/a="]);
    const { run: shown, status } = await here.world.view(here.id);
    assert.deepEqual([status, shown?.stopped_by], ["undone", "ed"]);
  }
});

test("[CO-74] a stop while it is verified or watched has it undone", async () => {
  for (const [body, operation] of [
    [TWO, "verify"],
    [{ ...TWO, watch: { seconds: 600, every_seconds: 60 } }, "verify"],
    [TWO, "apply"],
  ] as const) {
    const here = await signed(body);
    stoppingAt(operation, 2)(here);
    assert.equal(endOf(await run(here)), "undone stopped");
    assert.deepEqual([...here.outside.values], []);
  }
});

test("[CO-74] a run that was stopped is not planned again because the state moved", async () => {
  const here = await signed();
  here.outside.before = async (operation, target) => {
    if (operation !== "observe") return;
    good(await here.world.control.stop(here.world.as("ed"), here.id));
    here.outside.values.set(target, "moved");
  };
  assert.equal(endOf(await run(here)), "failed stopped");
  assert.deepEqual([(await here.world.view(here.id)).status, here.outside.writes], ["failed", []]);
});

test("[CO-18] [CO-74] a machine stops nothing, and neither does somebody without a part in it", async () => {
  const here = await signed();
  const codes: string[] = [];
  here.outside.before = async (operation) => {
    if (operation !== "apply" || codes.length > 0) return;
    for (const who of ["agent:bot", "workload:ci", "hal"])
      codes.push(refusal(await here.world.control.stop(here.world.as(who), here.id)).reason);
  };
  assert.equal(endOf(await run(here)), "verified verified");
  assert.deepEqual(codes, ["machine_credential", "machine_credential", "not_a_party"]);
  assert.equal(refusal(await here.world.control.stop(here.world.as("ed"), here.id)).reason, "ended");
});

const own = testSigner("rnr_world0001", 6);
const keys = new Map([[own.name, own.publicKey]]);

/** Every evidence of a change, as the desk keeps it. */
async function evidenceOf({ world, id }: Signed): Promise<readonly JsonObject[]> {
  const digests = (await world.events(id)).flatMap((event) => {
    if ("evidence" in event && event.evidence !== undefined) return [event.evidence];
    return "because" in event && event.because.evidence !== undefined ? [event.because.evidence] : [];
  });
  const payloads = await Promise.all([...new Set(digests)].map((digest) => world.store.payload(digest)));
  return payloads.map((payload) => {
    assert.ok(payload !== undefined && payload !== "erased");
    return JSON.parse(new TextDecoder().decode(payload.bytes)) as JsonObject;
  });
}

test("[CO-75] what a runner with a key tells is signed by it, step by step, and kept as it was told", async () => {
  const here = await signed({ ...TWO, watch: { seconds: 600, every_seconds: 60 } });
  let looks = 0;
  here.outside.before = async (operation) =>
    operation === "verify" && (looks += 1) > 0 ? { ok: false, error: { code: "wrong", message: "wrong", effect: "none" } } : undefined;
  const attest = (body: RunEvidence): Envelope => sealEvidence(body, own);
  assert.equal(endOf(await run(here, { attest })), "undone verification_failed");
  const told = (await evidenceOf(here)).map((evidence) => good(verifyEvidence(evidence["attestation"], keys, factsOf(evidence))));
  assert.deepEqual(
    told.map(({ kind, step }) => `${kind} ${step ?? "all"}`),
    [
      "observed step-1",
      "applied step-1",
      "observed step-2",
      "applied step-2",
      "checked all",
      "failed step-2",
      "failed step-1",
      "undone all",
    ],
  );
  const { run: shown, payload_digest } = await here.world.view(here.id);
  assert.ok(
    told.every((each) => each.run === (shown?.id as RunId) && each.change === here.id && each.deployment === here.world.deps.origin),
  );
  assert.equal(told.at(-1)?.payload, payload_digest);
});
