/** Bugs in who counts, for what, and for how long. */
import { edit, type Plant } from "./plant.ts";

const TALLY = "src/core/review/tally.ts";
const ADMISSION = "src/core/review/votes.ts";
const PARTIES = "src/core/review/parties.ts";
const VERIFY = "src/core/grant/verify.ts";
const VOTING = "src/core/change/voting.ts";
const EVOLVE = "src/core/change/evolve.ts";
const RUNNING = "src/core/change/running.ts";
const SHAPE = "src/core/change/shape.ts";
const COMMIT = "src/control/commit.ts";

/** One party is nobody's bar any more: neither when votes are counted nor when a runner verifies them. */
const unbarred = (party: string, unless: string) => [
  edit(PARTIES, "return ok(barred);", `if (!(${unless})) barred.delete(${party}.replace("human:", "") as PersonId);\n  return ok(barred);`),
  edit(
    VERIFY,
    "const makers = [parties.proposer, parties.onBehalfOf, parties.owner, ...parties.editors];",
    `const makers = [parties.proposer, parties.onBehalfOf, parties.owner, ...parties.editors].filter((maker) => maker !== ${party} || ${unless});`,
  ),
];

const carried = [
  edit(TALLY, 'if (vote.reviewDigest !== poll.reviewDigest) return "review_moved";', ""),
  edit(
    EVOLVE,
    "const votes = (signedOf(state)?.votes ?? []).filter((vote) => event.kept.includes(vote.person));",
    "const votes = (signedOf(state)?.votes ?? []).filter((vote) => event.kept.includes(vote.person)).map((vote) => ({ ...vote, reviewDigest: event.reviewDigest }));",
  ),
];

export const VOTES: readonly Plant[] = [
  {
    name: "proposer-votes",
    what: "the proposer's own vote counts, for the tally and for the runner",
    breaks: [5],
    edits: unbarred("parties.proposer", "false as boolean"),
  },
  {
    name: "owner-votes",
    what: "the vote of the owner of the agent that proposed counts, for the tally and for the runner",
    breaks: [5],
    edits: unbarred("parties.owner", "parties.owner === parties.proposer"),
  },
  {
    name: "principal-votes",
    what: "the vote of whoever the change is made for counts, for the tally and for the runner",
    breaks: [5],
    edits: unbarred("parties.onBehalfOf", "parties.onBehalfOf === parties.owner || parties.onBehalfOf === parties.proposer"),
  },
  {
    name: "editor-votes",
    what: "whoever edits a change may sign it",
    breaks: [5],
    edits: [
      edit(
        EVOLVE,
        "[...new Set([...parties.editors, event.by, ...(event.issuer === undefined ? [] : [event.issuer])])]",
        "[...new Set([...parties.editors, ...(event.issuer === undefined ? [] : [event.issuer])])]",
      ),
    ],
  },
  {
    name: "person-twice",
    what: "identities are counted rather than persons: at the vote, in the tally, in the unique row, and by the runner",
    breaks: [4],
    edits: [
      edit(TALLY, "counted.add(vote.person);", "counted.add(vote.identity as PersonId);"),
      edit(TALLY, "return counted.has(person.id) ?", "return counted.has(vote.identity as PersonId) ?"),
      edit(
        ADMISSION,
        "seat.votes.some((vote) => vote.person === person.id)",
        "seat.votes.some((vote) => vote.person === person.id && vote.identity === ballot.identity)",
      ),
      edit(VOTING, "[...takenBack(open.value, person, at), { type:", "[{ type:"),
      edit(VOTING, "[...poll.votes.filter((each) => each.person !== person), cast]", "[...poll.votes, cast]"),
      edit(VERIFY, "new Set(votes.map((vote) => vote.person)).size", "new Set(votes.map((vote) => vote.identity)).size"),
      edit(COMMIT, "/${event.vote.person}`", "/${event.vote.identity}`"),
    ],
  },
  {
    name: "leaver-counts",
    what: "the vote of somebody who has left counts at the consume",
    breaks: [4],
    edits: [
      edit(TALLY, 'if (!person.active) return "inactive_person";', ""),
      edit("src/core/review/seats.ts", "return person.active && seat.who.some", "return seat.who.some"),
    ],
  },
  {
    name: "lost-seat-counts",
    what: "the vote of somebody who has lost the seat since still fills it",
    breaks: [4],
    edits: [edit(TALLY, 'if (!eligible(seat, person, poll.directory)) return "not_eligible";', "")],
  },
  {
    name: "quorum-not-recounted",
    what: "the votes are not counted again when the grant is consumed",
    breaks: [4, 5],
    edits: [edit(RUNNING, "if (!quorate(state, command))", "if (!quorate(state, command) && state.seats.length === 0)")],
  },
  {
    name: "machine-votes",
    what: "an agent's credential votes in the name of its owner, at the door and in the core",
    // Where the owner asks for a vote as well, it is the owner's own answer that is wrong.
    breaks: [15, 10],
    edits: [
      edit(
        "src/control/deciding.ts",
        'await refusedMachine(deps, caller, "vote", "voting", change);',
        'change === "" ? await refusedMachine(deps, caller, "vote", "voting", change) : undefined;',
      ),
      edit(ADMISSION, 'if (!claimant.voter.startsWith("human:")) {', 'if (claimant.voter === "") {'),
      edit(ADMISSION, "resolvePerson(directory, claimant.voter);", "resolvePerson(directory, ownerOf(directory, claimant.voter));"),
      edit(ADMISSION, "import { personsBarred, sitsAlone }", "import { ownerOf, personsBarred, sitsAlone }"),
    ],
  },
  {
    name: "revoked-token-counts",
    what: "a vote given with a token that was revoked since still counts",
    breaks: [4, 7],
    edits: [edit("src/control/standing.ts", "directory: revoked.length === 0 ?", "directory: revoked.length >= 0 ?")],
  },
  {
    name: "withdrawal-ignored",
    what: "a vote taken back after the authorisation leaves the grant standing",
    breaks: [4, 7],
    edits: [
      edit(
        EVOLVE,
        'const awaiting = { ...common, ...reviewedOf(state), status: "awaiting" } as const;',
        'if (state.status === "authorised" && event.type === "vote_withdrawn") return { ...state, ...common };\n  const awaiting = { ...common, ...reviewedOf(state), status: "awaiting" } as const;',
      ),
    ],
  },
  {
    name: "reject-ignored",
    what: "a rejection is recorded and stops nothing",
    breaks: [4, 6, 7],
    edits: [
      edit(
        VOTING,
        'return ok([...events, { type: "rejected", at, by: person, ...(comment === undefined ? {} : { comment }) }]);',
        "return ok(events);",
      ),
      edit(
        EVOLVE,
        'if (event.type === "voted") return {',
        'if (event.type === "voted" && event.vote.decision === "reject") return { ...state, ...common };\n  if (event.type === "voted") return {',
      ),
    ],
  },
  {
    name: "votes-outlive-plan",
    what: "votes are carried over to another plan, state, policy or route, as if given for it",
    breaks: [1, 4, 6],
    edits: carried,
  },
  {
    name: "votes-outlive-revision",
    what: "votes are carried over to the next revision, as if given for it",
    breaks: [1, 4, 6],
    edits: [
      ...carried,
      edit(
        EVOLVE,
        "return revised(common, event);",
        "return { ...revised(common, event), ...(signedOf(state) && { previous: signedOf(state) }) } as ChangeState;",
      ),
      edit(
        SHAPE,
        'case "planned":\n      return state.previous;',
        'case "planned":\n      return state.previous;\n    case "proposed":\n      return (state as { readonly previous?: Signed }).previous;',
      ),
    ],
  },
  {
    name: "policy-not-signed",
    what: "the review digest leaves the policy out, so that votes outlive it",
    breaks: [6],
    edits: [
      edit("src/core/review/digest.ts", "route, bundle, presentation }: ReviewObject", "route, presentation }: ReviewObject"),
      edit("src/core/review/digest.ts", "route, bundle, presentation });", "route, presentation });"),
    ],
  },
];
