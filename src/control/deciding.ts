import { fail, ok, type ChangeId, type Digest, type Json, type JsonObject, type PrincipalId, type RunId } from "../core/base/index.ts";
import type { ChangeCommand, ChangeState } from "../core/change/index.ts";
import type { Directory } from "../core/review/index.ts";
import { commitChange } from "./commit.ts";
import { currentBundle, currentDirectory } from "./config.ts";
import type { Deps } from "./deps.ts";
import { jsonPayload, wordsPayload } from "./payloads.ts";
import { newGrant, planChange } from "./planning.ts";
import type { Payload } from "./ports.ts";
import { viewChange } from "./reading.ts";
import { machineRefused, noSuchChange } from "./refusals.ts";
import { fields, type Fields } from "./raw.ts";
import type { Answer, Caller, ChangeView, ControlRefusal } from "./types.ts";

/** Everything a human decides about a change. A machine's credential never gets past the first line, on any channel. */
async function decideAs(
  deps: Deps,
  change: string,
  command: (state: ChangeState, directory: Directory) => ChangeCommand,
  payloads: readonly Payload[] = [],
): Answer<ChangeView> {
  const directory = await currentDirectory(deps);
  const committed = await commitChange(deps, change as ChangeId, async (state) => {
    if (state === undefined) return fail(noSuchChange(change));
    const moved = await policyMoved(deps, state);
    if (moved !== undefined) return fail(moved);
    return ok({ commands: [command(state, directory)], payloads });
  });
  return committed.ok ? ok(await viewChange(deps, committed.value.state, directory)) : committed;
}

/** A vote under a policy that is no longer in force would sign a route that nobody would give today. */
async function policyMoved(deps: Deps, state: ChangeState): Promise<ControlRefusal | undefined> {
  if (state.status !== "awaiting" || state.review.bundle === (await currentBundle(deps)).digest) return undefined;
  return {
    code: "review_moved",
    reason: "policy_moved",
    message: "another policy came into force since this was planned",
    remedy: `it is being planned again; look at it once more, or say so yourself: pawl replan ${state.id}`,
  };
}

export async function vote(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  if (caller.kind !== "human") return fail(machineRefused("voting"));
  const read = fields(raw, { decision: ["approve", "reject"], review_digest: "digest", seat: "text?", comment: "text?" });
  if (!read.ok) return fail(read.error);
  const comment = commentOf(deps, read.value);
  return decideAs(
    deps,
    change,
    (_state, directory) => ({
      type: "vote",
      voter: caller.principal,
      identity: caller.identity,
      ...(read.value["seat"] === undefined ? {} : { seat: read.value["seat"] }),
      decision: read.value["decision"] as "approve" | "reject",
      reviewDigest: read.value["review_digest"] as Digest,
      channel: caller.channel,
      strength: "session",
      ...(comment === undefined ? {} : { comment: comment.digest }),
      directory,
      ...newGrant(deps),
    }),
    comment === undefined ? [] : [comment],
  );
}

function commentOf(deps: Deps, read: Fields): Payload | undefined {
  return read["comment"] === undefined ? undefined : wordsPayload(deps, read["comment"]);
}

export async function withdrawVote(deps: Deps, caller: Caller, change: string): Answer<ChangeView> {
  if (caller.kind !== "human") return fail(machineRefused("withdrawing a vote"));
  return decideAs(deps, change, (_state, directory) => ({ type: "withdraw_vote", voter: caller.principal, identity: caller.identity, directory }));
}

export async function sendBack(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  if (caller.kind !== "human") return fail(machineRefused("sending back"));
  const read = fields(raw, { reason: "text", code: "code?", resource: "text?" });
  if (!read.ok) return fail(read.error);
  const { reason, code, resource } = read.value;
  const instruction: JsonObject = { rule: "reviewer", code: code ?? "reviewer", message: reason ?? "", ...(resource === undefined ? {} : { resource }) };
  const evidence = jsonPayload({ salt: Buffer.from(deps.ids.random(16)).toString("hex"), instructions: [instruction] });
  return decideAs(
    deps,
    change,
    (_state, directory) => ({ type: "send_back", voter: caller.principal, identity: caller.identity, because: { code: code ?? "reviewer", evidence: evidence.digest }, directory }),
    [evidence],
  );
}

/** The proposer takes the change back; so may its owner and whoever it acts for. */
export async function withdraw(deps: Deps, caller: Caller, change: string): Answer<ChangeView> {
  return decideAs(deps, change, () => ({ type: "withdraw", by: caller.principal }));
}

export async function replan(deps: Deps, _caller: Caller, change: string): Answer<ChangeView> {
  const planned = await planChange(deps, change as ChangeId);
  return planned.ok ? ok(await viewChange(deps, planned.value, await currentDirectory(deps))) : planned;
}

export async function reconcile(deps: Deps, caller: Caller, change: string, raw: Json): Answer<ChangeView> {
  if (caller.kind !== "human") return fail(machineRefused("reconciling"));
  const read = fields(raw, { as: ["verified", "failed", "undone"], run: "text", evidence: "text" });
  if (!read.ok) return fail(read.error);
  const evidence = wordsPayload(deps, read.value["evidence"] ?? "");
  return decideAs(
    deps,
    change,
    (_state, directory) => ({
      type: "reconcile",
      run: read.value["run"] as RunId,
      as: read.value["as"] as "verified" | "failed" | "undone",
      by: caller.principal as PrincipalId,
      identity: caller.identity,
      evidence: evidence.digest,
      directory,
    }),
    [evidence],
  );
}
