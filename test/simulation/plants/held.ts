/** Bugs in what a clock holds, and in the emergency that does not wait. */
import { edit, type Plant } from "./plant.ts";

const RUNNING = "src/core/change/running.ts";
const HOLDING = "src/control/holding.ts";
const GLASS = "src/core/change/glass.ts";
const VOTING = "src/core/change/voting.ts";
const ADMISSION = "src/core/review/votes.ts";
const VERIFY = "src/core/grant/verify.ts";
const DOOR = "src/control/glass.ts";

export const HELD: readonly Plant[] = [
  {
    name: "freeze-ignored",
    what: "a change starts in a freeze: its job does not wait, and the consume does not look",
    breaks: [14],
    edits: [
      edit(RUNNING, "return isEmergency(state) || frozen.length === 0", "return isEmergency(state) || frozen.length >= 0"),
      edit(HOLDING, "if (freezes.length === 0 || isEmergency(state)) return scheduled;", "if (freezes.length >= 0) return scheduled;"),
    ],
  },
  {
    name: "not-before-ignored",
    what: "a change starts before the moment that its proposer named: no job, no desk and no runner looks",
    breaks: [14],
    edits: [
      edit(RUNNING, "if (state.notBefore !== undefined && at < state.notBefore)", "if (false as boolean)"),
      edit(HOLDING, "notBefore !== undefined && now < notBefore ?", "notBefore !== undefined && now < 0 ?"),
      edit(VERIFY, "if (grant.notBefore !== undefined && now < grant.notBefore - trust.skewMillis)", "if (false as boolean)"),
      edit("src/control/commit.ts", "Math.max(event.at, state.notBefore ?? 0) as Millis", "event.at"),
    ],
  },
  {
    name: "clock-put-back",
    what: "a run that started by a clock that was ahead goes on once that is right, before it is time",
    breaks: [14],
    edits: [
      edit(RUNNING, "Math.max(authorisedAt, startedAt) as Millis", "authorisedAt"),
      edit("src/runner/runner.ts", "now < Math.max(issuedAt, notBefore) - skew ?", "now < Math.min(0, issuedAt, notBefore) ?"),
    ],
  },
  {
    name: "not-after-ignored",
    what: "a change may start after the moment that its proposer named",
    breaks: [14],
    edits: [
      edit(
        "src/control/propose.ts",
        "Math.min(asked, deps.limits.changeLifetimeMillis), notAfter) as Millis",
        "Math.min(asked, deps.limits.changeLifetimeMillis), Math.max(notAfter, 8e15)) as Millis",
      ),
    ],
  },
  {
    name: "machine-breaks-glass",
    what: "an agent's credential breaks the glass in the name of its owner, at the door and in the core",
    // Where the owner asks for it as well, it is the owner's own answer that is wrong.
    breaks: [15, 10],
    edits: [
      edit(
        DOOR,
        'await refusedMachine(deps, caller, "break_glass", "breaking the glass", change);',
        'change === "" ? await refusedMachine(deps, caller, "break_glass", "breaking the glass", change) : undefined;',
      ),
      edit(ADMISSION, 'if (!claimant.voter.startsWith("human:")) {', 'if (claimant.voter === "") {'),
      edit(ADMISSION, "resolvePerson(directory, claimant.voter);", "resolvePerson(directory, ownerOf(directory, claimant.voter));"),
      edit(ADMISSION, "import { personsBarred, sitsAlone }", "import { ownerOf, personsBarred, sitsAlone }"),
    ],
  },
  {
    name: "emergency-by-vote",
    what: "once whoever broke the glass is gone, anybody signs in their stead and owes no review",
    breaks: [4],
    edits: [edit(VOTING, 'if (command.decision === "approve" && isEmergency(open.value))', "if (false as boolean)")],
  },
  {
    name: "overdue-breaks-again",
    what: "whoever lets the review of a broken glass fall overdue breaks the next one",
    breaks: [7],
    edits: [edit(GLASS, "if (command.overdue.includes(person))", "if (false as boolean)")],
  },
  {
    name: "reviews-own-glass",
    what: "whoever broke the glass says afterwards that it was right",
    breaks: [5, 10],
    edits: [
      edit(GLASS, "const others = open.filter(({ by }) => by !== person.id);", "const others = open;"),
      edit(DOOR, "review === undefined && by !== person?.id && person", "review === undefined && person"),
    ],
  },
];
