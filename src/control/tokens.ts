import { assert, digestOf, fail, ok, type Json, type Millis, type PrincipalId, type Result } from "../core/base/index.ts";
import type { Directory } from "../core/review/index.ts";
import { currentDirectory } from "./config.ts";
import type { Deps } from "./deps.ts";
import { isActive, nameOf, personOf } from "./people.ts";
import type { StoredStream } from "./ports.ts";
import { fields } from "./raw.ts";
import { machineRefused, refused } from "./refusals.ts";
import type { Answer, Caller, ControlRefusal, PrincipalKind, TokenView, WhoView } from "./types.ts";

interface TokenState {
  readonly principal: PrincipalId;
  /** Digest of the whole token: the token itself is told once and kept nowhere. */
  readonly hash: string;
  readonly label: string;
  readonly createdAt: number;
  readonly revoked: boolean;
}

const TOKEN = /^pawl_(tok_[0-9a-z]{6,40})_([0-9a-f]{64})$/;
const streamOf = (id: string): string => `token/${id}`;

const unauthenticated = (message: string): Result<never, ControlRefusal> =>
  fail({ code: "unauthenticated", reason: "bad_token", message, remedy: "send `Authorization: Bearer <token>`; an admin makes tokens with `pawl token create`" });

/** One answer for every kind of bad token: unknown, wrong, revoked, or of somebody who is no longer active. */
export async function authenticate(deps: Deps, bearer: string, channel: Caller["channel"]): Answer<Caller> {
  const parts = TOKEN.exec(bearer);
  const row = parts === null ? undefined : await deps.store.load(streamOf(parts[1] ?? ""));
  const state = row?.body as unknown as TokenState | undefined;
  const directory = await currentDirectory(deps);
  // What is compared are digests of 32 random bytes, so that timing tells nothing of the token.
  if (parts === null || row === undefined || state === undefined || row.status !== "active" || state.hash !== digestOf(bearer) || !isActive(directory, state.principal)) {
    return unauthenticated("this token is not valid here");
  }
  return ok(callerOf(directory, state.principal, `token:${parts[1]}`, channel));
}

export function callerOf(directory: Directory, principal: PrincipalId, identity: string, channel: Caller["channel"]): Caller {
  const person = personOf(directory, principal);
  return {
    principal,
    kind: principal.slice(0, principal.indexOf(":")) as PrincipalKind,
    identity,
    ...(person === undefined ? {} : { person: person.id }),
    roles: person?.roles ?? [],
    channel,
  };
}

export async function whoami(deps: Deps, caller: Caller): Answer<WhoView> {
  const directory = await currentDirectory(deps);
  const owner = directory.machines.find((m) => m.id === caller.principal)?.owner;
  return ok({
    principal: caller.principal,
    kind: caller.kind,
    name: nameOf(directory, caller.principal),
    roles: caller.roles,
    groups: directory.groups.filter((g) => caller.person !== undefined && g.members.includes(caller.person)).map((g) => g.name),
    ...(owner === undefined ? {} : { owner }),
  });
}

/** An admin makes tokens for anybody in the directory, a person for themselves and for the machines they own. */
function mayIssueFor(caller: Caller, principal: PrincipalId, directory: Directory): boolean {
  if (caller.roles.includes("admin") || principal === caller.principal) return true;
  return directory.machines.some((m) => m.id === principal && m.owner === caller.principal);
}

export async function createToken(deps: Deps, caller: Caller, raw: Json): Answer<{ readonly token: string; readonly view: TokenView }> {
  if (caller.kind !== "human") return fail(machineRefused("making a token"));
  const read = fields(raw, { principal: "principal", label: "text?" });
  if (!read.ok) return fail(read.error);
  const principal = read.value["principal"] as PrincipalId;
  const directory = await currentDirectory(deps);
  if (!isActive(directory, principal)) return fail({ code: "invalid", reason: "unknown_principal", message: `the directory knows no active ${principal}`, where: "/principal", remedy: "add it to the directory first, through a change" });
  if (!mayIssueFor(caller, principal, directory)) return fail({ code: "forbidden", reason: "not_admin", message: `only an admin, or whoever owns it, makes a token for ${principal}` });
  return ok(await issueToken(deps, principal, read.value["label"] ?? "", caller.principal));
}

/** Also used at the first start, when there is nobody yet who could ask. */
export async function issueToken(deps: Deps, principal: PrincipalId, label: string, by: PrincipalId | "first-start"): Promise<{ readonly token: string; readonly view: TokenView }> {
  const id = deps.ids.next("tok");
  const token = `pawl_${id}_${Buffer.from(deps.ids.random(32)).toString("hex")}`;
  const at = deps.clock.now();
  const state: TokenState = { principal, hash: digestOf(token), label, createdAt: at, revoked: false };
  const written = await writeToken(deps, id, 0, { type: "token_created", principal, by, at }, state, at);
  assert(written.ok, `writing a new token: ${written.ok ? "" : written.error.message}`);
  return { token, view: viewToken(id, state) };
}

function writeToken(deps: Deps, id: string, version: number, event: Json, state: TokenState, at: Millis) {
  return deps.store.append({
    writes: [{ stream: streamOf(id), expected: version, events: [{ token: id, ...(event as object) }], state: { body: state as unknown as Json, status: state.revoked ? "revoked" : "active", proposer: state.principal, createdAt: state.createdAt as Millis, updatedAt: at } }],
  });
}

function viewToken(id: string, state: TokenState): TokenView {
  return { id, principal: state.principal, label: state.label, created_at: state.createdAt, revoked: state.revoked };
}

const tokenId = (row: StoredStream): string => row.stream.slice("token/".length);

export async function listTokens(deps: Deps, caller: Caller): Answer<readonly TokenView[]> {
  if (caller.kind !== "human") return fail(machineRefused("listing tokens"));
  const directory = await currentDirectory(deps);
  const views: TokenView[] = [];
  let cursor: string | undefined;
  do {
    const page = await deps.store.list({ prefix: "token/", limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    for (const row of page.rows) {
      const state = row.body as unknown as TokenState;
      if (row.status !== "quarantined" && mayIssueFor(caller, state.principal, directory)) views.push(viewToken(tokenId(row), state));
    }
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ok(views);
}

export async function revokeToken(deps: Deps, caller: Caller, id: string): Answer<TokenView> {
  if (caller.kind !== "human") return fail(machineRefused("revoking a token"));
  const row = /^tok_[0-9a-z]{6,40}$/.test(id) ? await deps.store.load(streamOf(id)) : undefined;
  const state = row?.body as unknown as TokenState | undefined;
  if (row === undefined || state === undefined || !mayIssueFor(caller, state.principal, await currentDirectory(deps))) {
    return fail({ code: "not_found", reason: "unknown_token", message: "no such token is visible to you", remedy: "`pawl token list` shows those you may revoke" });
  }
  if (state.revoked) return ok(viewToken(id, state));
  const at = deps.clock.now();
  const next = { ...state, revoked: true };
  const written = await writeToken(deps, id, row.version, { type: "token_revoked", by: caller.principal, at }, next, at);
  return written.ok ? ok(viewToken(id, next)) : fail(refused(written.error));
}
