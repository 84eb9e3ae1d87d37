import { fail, ok, type Digest, type Json, type JsonObject, type Result, type RunId } from "../core/base/index.ts";
import type { ChangeCommand, ChangeState } from "../core/change/index.ts";
import { refusedMachine } from "./audit.ts";
import { withAttachment } from "./attachment.ts";
import { commitChange, findChange } from "./commit.ts";
import type { Rules } from "./config.ts";
import type { Deps } from "./deps.ts";
import { jsonPayload, salted, wordsPayload } from "./payloads.ts";
import { isPlannable, newGrant, planChange } from "./planning.ts";
import type { Payload } from "./ports.ts";
import { viewed } from "./reading.ts";
import { rulesFor } from "./standing.ts";
import { fields, type Fields } from "./raw.ts";
import type { Answer, Caller, ChangeView, ControlRefusal } from "./types.ts";
import { withoutSecrets } from "./words.ts";

/** What people decide is decided on the directory as it stands when it is written, not as it was when they asked; so is whether they are who they say. */
async function decideAs(
  deps: Deps,
  { identity }: Caller,
  change: string,
  command: (state: ChangeState, rules: Rules) => Result<ChangeCommand, ControlRefusal>,
  payloads: readonly Payload[] = [],
): Answer<ChangeView> {
  const committed = await commitChange(deps, change, async (state) => {
    const rules = await rulesFor(deps, state, identity);
    const made = command(state, rules);
    return made.ok ? ok({ commands: [made.value], payloads, guards: rules.guards }) : made;
  });
  return viewed(deps, committed);
}

export async function vote(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  const machine = await refusedMachine(deps, caller, "vote", "voting", change);
  if (machine !== undefined) return fail(machine);
  const read = fields(raw, { decision: ["approve", "reject"], review_digest: "digest", seat: "text?", comment: "text?" });
  if (!read.ok) return fail(read.error);
  const clean = await withoutSecrets(deps, { "/comment": read.value["comment"] });
  if (!clean.ok) return clean;
  const comment = commentOf(deps, read.value);
  const { seat } = read.value;
  return decideAs(
    deps,
    caller,
    change,
    (state, { bundle, directory }) => {
      const moved = policyMoved(state, read.value, bundle.digest);
      if (moved !== undefined) return fail(moved);
      return ok({
        type: "vote",
        voter: caller.principal,
        identity: caller.identity,
        ...(seat === undefined ? {} : { seat }),
        decision: read.value["decision"] as "approve" | "reject",
        reviewDigest: read.value["review_digest"] as Digest,
        channel: caller.channel,
        strength: "session",
        ...(comment === undefined ? {} : { comment: comment.digest }),
        directory,
        ...newGrant(deps),
      });
    },
    comment === undefined ? [] : [comment],
  );
}

/** An approval under a policy that is no longer in force would sign a route that nobody would give today. A brake needs no policy. */
function policyMoved(state: ChangeState, read: Fields, inForce: Digest): ControlRefusal | undefined {
  if (state.status !== "awaiting" || read["decision"] === "reject" || state.review.bundle === inForce) return undefined;
  return {
    code: "review_moved",
    reason: "policy_moved",
    message: "another policy came into force since this was planned",
    remedy: `it is being planned again; look at it once more, or say so yourself: pawl replan ${state.id}`,
  };
}

function commentOf(deps: Deps, read: Fields): Payload | undefined {
  return read["comment"] === undefined ? undefined : wordsPayload(deps, read["comment"]);
}

export async function withdrawVote(deps: Deps, caller: Caller, change: string): Answer<ChangeView> {
  const machine = await refusedMachine(deps, caller, "withdraw_vote", "withdrawing a vote", change);
  if (machine !== undefined) return fail(machine);
  const { principal: voter, identity } = caller;
  return decideAs(deps, caller, change, (_, { directory }) => ok({ type: "withdraw_vote", voter, identity, directory }));
}

export async function sendBack(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  const machine = await refusedMachine(deps, caller, "send_back", "sending back", change);
  if (machine !== undefined) return fail(machine);
  const read = fields(raw, { reason: "text", code: "code?", resource: "text?" });
  if (!read.ok) return fail(read.error);
  const { reason, code, resource } = read.value;
  const clean = await withoutSecrets(deps, { "/reason": reason, "/resource": resource });
  if (!clean.ok) return clean;
  const instruction: JsonObject = {
    rule: "reviewer",
    code: code ?? "reviewer",
    message: reason ?? "",
    ...(resource === undefined ? {} : { resource }),
  };
  // The reviewer's own code stays with the words: an event carries none that anybody wrote.
  const evidence = jsonPayload(salted(deps, { instructions: [instruction] }));
  const because = { code: "reviewer", evidence: evidence.digest };
  const { principal: voter, identity } = caller;
  return decideAs(deps, caller, change, (_, { directory }) => ok({ type: "send_back", voter, identity, because, directory }), [evidence]);
}

/** The proposer takes the change back; so may its owner and whoever it acts for. It rests on no rule and no directory. */
export async function withdraw(deps: Deps, caller: Caller, change: string): Answer<ChangeView> {
  const committed = await commitChange(deps, change, async () => ok({ commands: [{ type: "withdraw", by: caller.principal }] }));
  return viewed(deps, committed);
}

/** Anybody who may see a change may have it looked at afresh: that gives nothing to anybody, and voids what should be void. */
export async function replan(deps: Deps, change: string): Answer<ChangeView> {
  const found = await findChange(deps, change);
  if (!found.ok) return found;
  const { id, status } = found.value.state;
  if (isPlannable(found.value.state)) return viewed(deps, await planChange(deps, id));
  const message = `change ${id} is ${status}, and cannot be planned again`;
  return fail({ code: "not_now", reason: "wrong_status", message, where: id, remedy: "`pawl show` tells what it waits for" });
}

/** A brake, not a decision about the change: whoever has a say in it may pull it, its makers too. */
export async function stop(deps: Deps, caller: Caller, change: string): Answer<ChangeView> {
  const machine = await refusedMachine(deps, caller, "stop", "stopping a run", change);
  if (machine !== undefined) return fail(machine);
  const { principal: by, identity } = caller;
  return decideAs(deps, caller, change, (_, { directory }) => ok({ type: "stop", by, identity, directory }));
}

export async function reconcile(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  const machine = await refusedMachine(deps, caller, "reconcile", "reconciling", change);
  if (machine !== undefined) return fail(machine);
  const attached = withAttachment(raw);
  if (!attached.ok) return attached;
  const { rest, file } = attached.value;
  const read = fields(rest, { as: ["verified", "failed", "undone"], run: "text", evidence: "text" });
  if (!read.ok) return fail(read.error);
  const clean = await withoutSecrets(deps, { "/evidence": read.value["evidence"], "/file/name": file?.name, "/file/base64": file?.text });
  if (!clean.ok) return clean;
  const named = file === undefined ? {} : { file: { name: file.name, bytes: file.bytes, digest: file.digest } };
  const evidence = jsonPayload(salted(deps, { words: read.value["evidence"] ?? "", ...named }));
  return decideAs(
    deps,
    caller,
    change,
    (_, { directory }) =>
      ok({
        type: "reconcile",
        run: read.value["run"] as RunId,
        as: read.value["as"] as "verified" | "failed" | "undone",
        by: caller.principal,
        identity: caller.identity,
        evidence: evidence.digest,
        ...(file === undefined ? {} : { file: file.digest }),
        directory,
      }),
    [evidence, ...(file === undefined ? [] : [file.payload])],
  );
}
