/** A bundle of a change that travelled all the way, made by real control on a store in memory, and whom its verifier trusts. */
import assert from "node:assert/strict";
import { sealBundle, verifyBundle, type Check, type EvidenceBundle, type EvidenceTrust } from "../../src/core/evidence/index.ts";
import type { Envelope, RunEvidence } from "../../src/core/grant/index.ts";
import { parseVkeys } from "../../src/core/ledger/index.ts";
import { ControlWorld, good, signIn, type WorldOptions } from "../../src/testing/control-world.ts";

export interface BundleWorld {
  readonly world: ControlWorld;
  readonly change: string;
  readonly trust: EvidenceTrust;
}

/** Signed by two people with tokens of their own, applied and verified. */
export async function travelled(
  options: WorldOptions = {},
  attest?: (body: RunEvidence) => Envelope,
  first?: (world: ControlWorld) => Promise<unknown>,
): Promise<BundleWorld> {
  const world = await ControlWorld.open(options);
  if (attest !== undefined) Object.assign(world.runner, { attest });
  await first?.(world);
  const { id } = await world.propose(signIn());
  for (const person of ["bo", "di"]) {
    const { view } = good(await world.control.createToken(world.as("cy"), { principal: `human:${person}`, label: "laptop" }));
    good(await world.vote(person, id, {}, { identity: `token:${view.id}` }));
  }
  await world.settle();
  assert.equal((await world.view(id)).status, "verified");
  return { world, change: id, trust: trustOf(world) };
}

export function trustOf({ deps }: ControlWorld): EvidenceTrust {
  const keys = parseVkeys(deps.logKeys);
  assert.ok(keys.ok);
  const grantKeys = new Map([[deps.grantSigner.name, deps.grantSigner.publicKey]]);
  return { origin: deps.origin, logKeys: keys.value, logLines: deps.logKeys, grantKeys, runnerKeys: new Map(), witnesses: [], quorum: 0 };
}

export async function bundleOf({ world, change }: BundleWorld): Promise<string> {
  return good(await world.control.bundle(world.as("ed"), change));
}

/** The name of the first check that fails; "" when none does. */
export function fault(bytes: Uint8Array | string, trust: EvidenceTrust): string {
  const verified = verifyBundle(typeof bytes === "string" ? Buffer.from(bytes) : bytes, trust);
  return verified.ok ? (verified.value.checks.find(({ holds }) => holds === false)?.name ?? "") : "form";
}

export function checks(text: string, trust: EvidenceTrust): readonly Check[] {
  const verified = verifyBundle(Buffer.from(text), trust);
  assert.ok(verified.ok, verified.ok ? "" : verified.error.message);
  return verified.value.checks;
}

type Loose = { -readonly [K in keyof EvidenceBundle]: EvidenceBundle[K] };

/** Altered by somebody who has the exporter's key, and seals it again. */
export function resealed({ world }: BundleWorld, text: string, alter: (bundle: Loose) => void): string {
  const { seal: _, ...bundle } = JSON.parse(text) as Loose;
  alter(bundle as Loose);
  return sealBundle(bundle, world.deps.grantSigner);
}
