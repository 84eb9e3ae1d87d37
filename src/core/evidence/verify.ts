import type { Result } from "../base/index.ts";
import { ok } from "../base/index.ts";
import { readBundle, sealHolds } from "./bundle.ts";
import { chainCheck, headCheck, inclusionCheck, witnessCheck } from "./ledger-checks.ts";
import { grantChecks, reviewChecks, seatChecks, tokenChecks, voteChecks } from "./people-checks.ts";
import { planChecks, policyChecks, presentationChecks, requestChecks, routeChecks } from "./rules-checks.ts";
import { evidenceChecks, executionChecks, limitChecks, reconciliationChecks } from "./run-checks.ts";
import { lifecycle, messageOf, payloadsCheck, type Story } from "./story.ts";
import { no, open, yes, type Check, type EvidenceBundle, type EvidenceTrust } from "./types.ts";

export interface VerifiedBundle {
  readonly bundle: EvidenceBundle;
  readonly checks: readonly Check[];
  /** Present when the entries are proven and follow from each other. */
  readonly story?: Story;
}

type Judge = readonly [name: string, judge: (story: Story) => readonly Check[]];

/** In the order in which a change travels. */
const JUDGES: readonly Judge[] = [
  ["documents", (story) => [payloadsCheck(story)]],
  ["request", requestChecks],
  ["plan", planChecks],
  ["policy", policyChecks],
  ["route", routeChecks],
  ["shown", presentationChecks],
  ["review", reviewChecks],
  ["votes", voteChecks],
  ["tokens", tokenChecks],
  ["seats", seatChecks],
  ["grant", grantChecks],
  ["execution", executionChecks],
  ["evidence", evidenceChecks],
  ["reconciled", reconciliationChecks],
  ["end", limitChecks],
];

/**
 * Checks a bundle with nothing but keys that came by another way. It stops where later checks would rest on what did not hold; a
 * document that is the log's own and still has not the form that this version reads is a check that fails, never an exception.
 */
export function verifyBundle(bytes: Uint8Array, trust: EvidenceTrust): Result<VerifiedBundle> {
  const read = readBundle(bytes);
  if (!read.ok) return read;
  const bundle = read.value;
  const checks: Check[] = [...foreign(bundle, trust), sealCheck(bundle, trust)];
  const head = headCheck(bundle, trust);
  checks.push(head.check);
  if (head.head === undefined) return ok({ bundle, checks });
  checks.push(witnessCheck(bundle, trust), inclusionCheck(bundle, head.head));
  const chain = chainCheck(bundle);
  checks.push(chain.check);
  if (chain.read === undefined) return ok({ bundle, checks });
  const told = lifecycle(bundle, trust, chain.read);
  checks.push(told.check);
  const { story } = told;
  if (story === undefined) return ok({ bundle, checks });
  for (const [name, judge] of JUDGES) checks.push(...guarded(name, () => judge(story)));
  return ok({ bundle, checks, story });
}

function guarded(name: string, judge: () => readonly Check[]): readonly Check[] {
  try {
    return judge();
  } catch (error) {
    return [no(name, `a document has not the form that it should have: ${messageOf(error).slice(0, 200)}`)];
  }
}

const foreign = ({ origin }: EvidenceBundle, trust: EvidenceTrust): readonly Check[] =>
  origin === trust.origin ? [] : [no("origin", `it is a bundle of ${origin}; what is trusted is ${trust.origin}`)];

function sealCheck(bundle: EvidenceBundle, trust: EvidenceTrust): Check {
  const holds = sealHolds(bundle, trust);
  if (holds === undefined) return open("seal", `no key is trusted for it: whether it is as ${bundle.seal.keyid} exported it is not known`);
  return holds
    ? yes("seal", `exported by ${bundle.seal.keyid}; not a byte was altered since`)
    : no("seal", "it was altered after it was exported, or exported by somebody whose key is not trusted");
}
