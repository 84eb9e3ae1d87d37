/** Who decided, whether they could, and by what that is known. */
import { parseJson, type Digest } from "../base/index.ts";
import type { ChangeState } from "../change/index.ts";
import { auditGrant } from "../grant/index.ts";
import { countSeats, reviewDigest, validateDirectory, type Directory, type Vote } from "../review/index.ts";
import { inForce } from "./rules-checks.ts";
import { textOf, toldOf, type Story } from "./story.ts";
import { no, open, plural, yes, type Check } from "./types.ts";

/** Each review digest is that of its five parts, and each counted vote was for the one under review. */
export function reviewChecks(story: Story): Check[] {
  const routed = toldOf(story, "routed");
  const forged = routed.find(({ event }) => reviewDigest(event.review) !== event.reviewDigest);
  if (forged !== undefined) return [no("review", `a review digest is not that of its parts: ${forged.event.reviewDigest}`)];
  if (routed.length === 0) return [];
  return [yes("review", `${plural(routed.length, "review digest")} recomputed from plan, state, route, policy and presentation`)];
}

export function voteChecks(story: Story): Check[] {
  let current: Digest | undefined;
  const votes: Vote[] = [];
  for (const { event } of story.told) {
    if (event.type === "routed") current = event.reviewDigest;
    if (event.type !== "voted") continue;
    if (event.vote.reviewDigest !== current) return [no("votes", `the vote of ${event.vote.person} is for another review object`)];
    votes.push(event.vote);
  }
  if (votes.length === 0) return [];
  const told = votes.map(({ person, decision, channel }) => `${person} (${decision}, ${channel})`).join(", ");
  const passkeys = votes.filter(({ strength }) => strength === "passkey").length;
  return [
    yes("votes", `each for exactly what was under review: ${told}`),
    open(
      "signatures",
      passkeys === 0
        ? `${plural(votes.length, "vote")} given in a session: recorded by Pawl, with no signature of the person's own`
        : `${passkeys} given with a passkey, whose assertions this version does not carry`,
    ),
  ];
}

type Authorised = ChangeState & { readonly votes: readonly Vote[] };

/** Counted again, on the people of the moment at which it was authorised. */
export function seatChecks(story: Story): Check[] {
  const authorised = toldOf(story, "authorised");
  if (authorised.length === 0) return [];
  const unsure: string[] = [];
  for (const { index, before } of authorised) {
    if (before === undefined || !("seats" in before)) return [no("seats", "it was authorised before it was under review")];
    if (before.seats.length === 0) {
      if (before.outcome !== "auto") return [no("seats", `nobody had to sign, and the outcome was ${before.outcome}`)];
      continue;
    }
    const people = directoryAt(story, index);
    if (typeof people === "string") {
      unsure.push(people);
      continue;
    }
    const fault = seatFault(before, people);
    if (fault !== undefined) return [no("seats", fault)];
  }
  // What cannot be told of one says nothing of the others.
  if (unsure[0] !== undefined) return [open("seats", unsure[0])];
  const last = authorised.at(-1)?.before as Authorised & { readonly seats: readonly unknown[] };
  if (last.seats.length === 0) return [yes("seats", "nobody had to sign: a rule accepted it by itself (outcome auto)")];
  return [
    yes(
      "seats",
      `${plural(last.seats.length, "seat")} filled by ${plural(last.votes.length, "vote")} of people who could sit there and had no part in the change`,
    ),
  ];
}

function seatFault(
  { seats, votes, parties, reviewDigest: signed }: Extract<ChangeState, { seats: unknown }>,
  directory: Directory,
): string | undefined {
  const tally = countSeats({ seats, votes, parties, directory, reviewDigest: signed });
  const [bad] = tally.voided;
  if (bad !== undefined) return `the vote of ${bad.vote.person} could not count: ${bad.code}`;
  const empty = tally.seats.find(({ missing }) => missing > 0);
  return empty === undefined ? undefined : `seat ${empty.id} lacks ${plural(empty.missing, "vote")}`;
}

/** The people as they were, or why that is not known. */
export function directoryAt(story: Story, index: number): Directory | string {
  const seen = inForce(story, "directory", index);
  if (seen === undefined) return "no entry shows which people were known";
  const text = textOf(story, seen.digest);
  if (text === undefined) return `the directory ${seen.digest} is not here`;
  const raw = parseJson(text);
  const read = raw.ok ? validateDirectory(raw.value) : raw;
  return read.ok ? read.value : "the directory cannot be read";
}

/** Votes of this version come with a bearer token: whose it was, and that nobody had revoked it, as far as the entries here tell. */
export function tokenChecks(story: Story): Check[] {
  const all = toldOf(story, "voted");
  const votes = all.filter(({ event }) => event.vote.identity.startsWith("token:"));
  for (const { index, event } of votes) {
    const { identity, person } = event.vote;
    const own = story.context.filter(({ stream }) => stream === identity.replace("token:", "token/"));
    const made = own.find((entry) => entry.event.type === "token_created" && entry.index < index);
    if (made === undefined) return [no("tokens", `no entry shows whose token ${identity} is`)];
    if (made.event["principal"] !== `human:${person}`) return [no("tokens", `${identity} is not a token of ${person}`)];
    if (own.some((entry) => entry.event.type === "token_revoked" && entry.index < index))
      return [no("tokens", `${identity} had been revoked`)];
  }
  if (all.length === 0) return [];
  if (votes.length < all.length)
    return [
      open(
        "tokens",
        `${plural(all.length - votes.length, "vote")} came by no token that the log knows: whose they are is Pawl's word alone`,
      ),
    ];
  return [yes("tokens", "each vote came with a token of that person's own, not revoked as far as the entries here tell")];
}

export function grantChecks(story: Story): Check[] {
  const { bundle, trust } = story;
  const authorised = toldOf(story, "authorised").at(-1);
  if (authorised === undefined) return bundle.grant === null ? [] : [no("grant", "there is a grant, and nothing was authorised")];
  if (bundle.grant === null) {
    return "grant" in story.end
      ? [no("grant", "it is missing")]
      : [open("grant", "the authorisation was taken back; there is no grant to show")];
  }
  if (trust.grantKeys.size === 0) return [open("grant", "no grant key is trusted: name the operator's trust.json with --trust")];
  const grant = auditGrant(bundle.grant, { deployment: trust.origin, grantKeys: trust.grantKeys, logKeys: trust.logLines });
  if (!grant.ok) return [no("grant", grant.error.message)];
  const { grant: id, change, ledger, payload } = grant.value;
  const planned = toldOf(story, "planned").findLast(({ index }) => index < authorised.index)?.event.payload;
  const bound = id === authorised.event.grant && change === bundle.change && ledger.index === authorised.index && payload === planned;
  if (!bound) return [no("grant", `the log authorised ${authorised.event.grant} for ${planned}; this is another grant`)];
  return [yes("grant", `${id}: signed, for what was planned and approved; its authorisation is entry ${ledger.index}`)];
}
