/** Who may be a runner: invited by an admin, enrolled once with a key of its own, and revoked for good. */
import {
  digestOf,
  fail,
  fromBase64,
  ok,
  toHex,
  verifyEd25519,
  type Json,
  type Millis,
  type Result,
  type RunnerId,
} from "../core/base/index.ts";
import {
  exactly,
  readDeclaration,
  readNames,
  readRunnerCredential,
  requestMessage,
  wholeOf,
  type Declaration,
} from "../core/runner/index.ts";
import { refusedMachine } from "./audit.ts";
import type { Deps } from "./deps.ts";
import { readWords, wordsPayload } from "./payloads.ts";
import type { Payload, StoredStream } from "./ports.ts";
import { invalid, refused } from "./refusals.ts";
import { evolve, keyOf, runnerStream, runnerWrite, type RunnerEvent, type RunnerState } from "./runners-state.ts";
import type { EnrolmentView, NewRunner, RunnerView, Signed } from "./runners-types.ts";
import type { Answer, Caller, ControlRefusal } from "./types.ts";

const TOKEN = /^pawl_enrol_(rnr_[0-9a-z]{6,40})_[0-9a-f]{64}$/;
const RUNNER_ID = /^rnr_[0-9a-z]{6,40}$/;
const TOKEN_MILLIS = 3_600_000;
/** How long a signed request may be on its way, beside what the clocks may differ. */
const WAY_MILLIS = 30_000;
const MOST_LABEL = 200;

interface Held {
  readonly version: number;
  readonly state: RunnerState;
}

function heldRunner({ version, quarantined, body }: StoredStream): Held | undefined {
  return quarantined === undefined ? { version, state: body as unknown as RunnerState } : undefined;
}

export async function findRunner(deps: Deps, id: string): Promise<Held | undefined> {
  const row = RUNNER_ID.test(id) ? await deps.store.load(runnerStream(id)) : undefined;
  return row && heldRunner(row);
}

async function write(
  deps: Deps,
  held: Held | undefined,
  event: RunnerEvent,
  payloads: readonly Payload[] = [],
): Promise<Result<RunnerState, ControlRefusal>> {
  const state = evolve(held?.state, event);
  const written = await deps.store.append({ writes: [runnerWrite(state, held?.version ?? 0, [event])], payloads });
  return written.ok ? ok(state) : fail(refused(written.error));
}

async function notAdmin(deps: Deps, caller: Caller, what: string, words: string): Promise<ControlRefusal | undefined> {
  const machine = await refusedMachine(deps, caller, what, words);
  if (machine !== undefined || caller.roles.includes("admin")) return machine;
  return { code: "forbidden", reason: "not_admin", message: `${words} is for an admin`, remedy: "ask an admin" };
}

interface Invitation {
  readonly label: string;
  readonly environments: readonly string[];
}

function readInvitation(raw: Json): Result<Invitation, ControlRefusal> {
  const body = exactly(raw, ["label", "environments?"]);
  const label = body?.["label"];
  const environments = body?.["environments"] === undefined ? [] : readNames(body["environments"]);
  if (typeof label === "string" && label !== "" && label.length <= MOST_LABEL && environments !== undefined)
    return ok({ label, environments });
  return fail(invalid(`the body must be {"label", "environments"?}: a label of 1 to ${MOST_LABEL} characters, and names of environments`));
}

/** Makes the one-time token with which a runner enrols. */
export async function inviteRunner(deps: Deps, caller: Caller, raw: Json): Answer<NewRunner> {
  const not = await notAdmin(deps, caller, "invite_runner", "inviting a runner");
  if (not !== undefined) return fail(not);
  const read = readInvitation(raw);
  if (!read.ok) return read;
  const runner = deps.ids.next("rnr") as RunnerId;
  const token = `pawl_enrol_${runner}_${toHex(deps.ids.random(32))}`;
  const at = deps.clock.now();
  const words = wordsPayload(deps, read.value.label);
  const written = await write(
    deps,
    undefined,
    {
      type: "runner_invited",
      at,
      runner,
      by: caller.principal,
      hash: digestOf(token),
      tokenEndsAt: (at + TOKEN_MILLIS) as Millis,
      allowed: read.value.environments,
      label: words.digest,
    },
    [words],
  );
  return written.ok ? ok({ token, view: await viewRunner(deps, written.value) }) : written;
}

async function viewRunner(deps: Deps, state: RunnerState): Promise<RunnerView> {
  const label = await readWords(deps, state.label);
  const { runner: id, status, by, createdAt, updatedAt, allowed, epoch, declared } = state;
  const here = deps.runners?.isHere(id) ?? false;
  return {
    id,
    status: status === "enrolled" ? (here ? "connected" : "absent") : status,
    label: typeof label === "string" ? label : "",
    invited_by: by,
    created_at: createdAt,
    updated_at: updatedAt,
    ...(status === "invited" ? { token_ends_at: state.tokenEndsAt } : {}),
    allowed_environments: allowed,
    environments: declared?.environments ?? [],
    labels: declared?.labels ?? [],
    connectors: declared?.connectors ?? [],
    epoch,
  };
}

/** Every runner there ever was, newest first. */
async function allRunners(deps: Deps): Promise<readonly Held[]> {
  const found: Held[] = [];
  let cursor: string | undefined;
  do {
    const page = await deps.store.list({ prefix: "runner/", limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    found.push(...page.rows.map(heldRunner).filter((each) => each !== undefined));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return found;
}

export async function listRunners(deps: Deps): Answer<readonly RunnerView[]> {
  return ok(await Promise.all((await allRunners(deps)).map(({ state }) => viewRunner(deps, state))));
}

export async function revokeRunner(deps: Deps, caller: Caller, id: string): Answer<RunnerView> {
  const not = await notAdmin(deps, caller, "revoke_runner", "revoking a runner");
  if (not !== undefined) return fail(not);
  const held = await findRunner(deps, id);
  if (held === undefined)
    return fail({
      code: "not_found",
      reason: "unknown_runner",
      message: "there is no such runner",
      remedy: "`pawl runner list` shows them",
    });
  if (held.state.status === "revoked") return ok(await viewRunner(deps, held.state));
  const { runner } = held.state;
  const written = await write(deps, held, { type: "runner_revoked", at: deps.clock.now(), runner, by: caller.principal });
  // It opened a session, or somebody else was faster: decided again on what stands.
  if (!written.ok) return written.error.reason === "version_conflict" ? revokeRunner(deps, caller, id) : written;
  return ok(await viewRunner(deps, written.value));
}

const badToken: ControlRefusal = {
  code: "unauthenticated",
  reason: "bad_enrolment_token",
  message: "this token enrols nobody: it is unknown, used, revoked, or has ended",
  remedy: "ask an admin for another: pawl runner token",
};

/** Once, with the token: from then on the key alone says who the runner is. */
export async function enrolRunner(deps: Deps, raw: Json): Answer<EnrolmentView> {
  const body = exactly(raw, ["token", "key", "declared"]);
  const [token, key, declared] = [body?.["token"], body?.["key"], readDeclaration(body?.["declared"])];
  if (typeof token !== "string" || typeof key !== "string" || fromBase64(key)?.length !== 32 || declared === undefined)
    return fail(
      invalid('the body must be {"token", "key", "declared"}: an Ed25519 key of 32 bytes in base64, and what the runner is there for'),
    );
  const held = await findRunner(deps, TOKEN.exec(token)?.[1] ?? "");
  const at = deps.clock.now();
  const good = held?.state.status === "invited" && held.state.hash === digestOf(token) && at < held.state.tokenEndsAt;
  if (!good) return fail(badToken);
  const outside = environmentsFault(held.state, declared);
  if (outside !== undefined) return fail(outside);
  const written = await write(deps, held, { type: "runner_enrolled", at, runner: held.state.runner, key, declared });
  if (!written.ok) return fail(written.error.reason === "version_conflict" ? badToken : written.error);
  const { grantSigner, origin, logKeys } = deps;
  return ok({
    runner: held.state.runner,
    trust: { origin, log_keys: logKeys, grant_keys: { [grantSigner.name]: Buffer.from(grantSigner.publicKey).toString("base64") } },
  });
}

function environmentsFault({ allowed }: RunnerState, { environments }: Declaration): ControlRefusal | undefined {
  if (allowed.length === 0) return undefined;
  const strange = environments.filter((each) => !allowed.includes(each));
  if (strange.length === 0 && environments.length > 0) return undefined;
  const what = environments.length === 0 ? "every environment" : strange.join(", ");
  return {
    code: "forbidden",
    reason: "environment_not_allowed",
    message: `this runner was invited for ${allowed.join(", ")}, and declares ${what}`,
    where: "/declared/environments",
    remedy: "name only those in the runner's settings (runner.environments), or have it invited for more",
  };
}

/** Requests that came already, for as long as they could come again. */
export class Nonces {
  readonly #seen = new Map<string, number>();
  readonly since: number;

  constructor(since: number) {
    this.since = since;
  }

  /** False for one that was here before. */
  take(nonce: string, until: number, now: number): boolean {
    for (const [old, end] of this.#seen) {
      if (end > now) break;
      this.#seen.delete(old);
    }
    if (this.#seen.has(nonce)) return false;
    this.#seen.set(nonce, until);
    return true;
  }
}

const notSigned = (reason: string, message: string, remedy: string): Result<never, ControlRefusal> =>
  fail({ code: "unauthenticated", reason, message, where: "Authorization", remedy });

/** Who signed this request, of whose body the digest alone is known yet. */
export async function authenticateRunner(
  deps: Deps,
  nonces: Nonces,
  { authorization, method, path }: { readonly authorization: string; readonly method: string; readonly path: string },
): Answer<Signed> {
  const read = readRunnerCredential(authorization);
  const held = read && (await findRunner(deps, read.claim.runner));
  const bad = notSigned("bad_signature", "this is not a request of a runner that is enrolled here", "enrol the runner: pawl runner enrol");
  if (read === undefined || held?.state.key === undefined) return bad;
  const { claim, signature } = read;
  if (!verifyEd25519(keyOf(held.state), requestMessage(claim, { deployment: deps.origin, method, path }), signature)) return bad;
  // From here on it is the runner itself that is told.
  const fault = revokedFault(held.state) ?? timeFault(deps, nonces, claim) ?? epochFault(held.state, claim.epoch, path);
  if (fault !== undefined) return fail(fault);
  return ok({ runner: claim.runner, epoch: claim.epoch, body: claim.body });
}

function timeFault(
  deps: Deps,
  nonces: Nonces,
  { runner, nonce, time }: { readonly runner: RunnerId; readonly nonce: string; readonly time: number },
) {
  const now = deps.clock.now();
  const window = deps.limits.clockSkewMillis + WAY_MILLIS;
  const no = (code: ControlRefusal["code"], reason: string, message: string, remedy: string): ControlRefusal => ({
    code,
    reason,
    message,
    remedy,
  });
  if (Math.abs(now - time) > window)
    return no("unauthenticated", "signature_time", "this was signed at another time than it is here", "set the clocks right");
  // What came before this process began is not remembered, so it is not taken again.
  if (time < nonces.since) return no("unavailable", "just_started", "this was signed before this server started", "send it again");
  return nonces.take(`${runner} ${nonce}`, time + window, now)
    ? undefined
    : no("unauthenticated", "replayed", "this request was sent before", "sign each request anew");
}

const revokedFault = ({ status }: RunnerState): ControlRefusal | undefined =>
  status !== "revoked"
    ? undefined
    : {
        code: "forbidden",
        reason: "runner_revoked",
        message: "this runner was revoked",
        remedy: "enrol it anew with another token: pawl runner enrol --anew",
      };

/** Why what a runner signed counts for nothing any more: it was revoked since, or another life of it has begun. */
export const lifeFault = (state: RunnerState, { epoch }: Pick<Signed, "epoch">): ControlRefusal | undefined =>
  revokedFault(state) ?? epochFault(state, epoch, "");

const SESSION = "/v1/runner/session";

function epochFault({ epoch }: RunnerState, claimed: number, path: string): ControlRefusal | undefined {
  if (path === SESSION || claimed === epoch) return undefined;
  const message = `another life of this runner has begun (epoch ${epoch}, and this is of ${claimed})`;
  return { code: "conflict", reason: "epoch_moved", message, remedy: "let one process alone run with a runner's folder" };
}

/** A life of the runner's process begins: later than every earlier one, or it was set back. */
export async function openSession(deps: Deps, signed: Signed, raw: Json): Answer<{ readonly epoch: number }> {
  const body = exactly(raw, ["epoch", "declared"]);
  const declared = readDeclaration(body?.["declared"]);
  const epoch = wholeOf(body?.["epoch"]);
  if (epoch === undefined || declared === undefined || epoch !== signed.epoch)
    return fail(invalid('the body must be {"epoch", "declared"}, with the epoch that the request is signed with'));
  const held = await findRunner(deps, signed.runner);
  if (held?.state.status !== "enrolled") return fail(badToken);
  const outside = environmentsFault(held.state, declared);
  if (outside !== undefined) return fail(outside);
  if (epoch <= held.state.epoch) {
    const message = `this runner is at epoch ${held.state.epoch} already: its folder is an earlier state of it, or a copy`;
    return fail({
      code: "conflict",
      reason: "epoch_behind",
      message,
      remedy: "revoke it and enrol it anew: what it used up cannot be known from this folder",
    });
  }
  const written = await write(deps, held, { type: "runner_session", at: deps.clock.now(), runner: signed.runner, epoch, declared });
  if (!written.ok) return written;
  deps.runners?.begin(signed.runner, declared);
  return ok({ epoch });
}
