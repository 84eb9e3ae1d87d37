import { digestOf, fail, ok, toHex, type Json, type PrincipalId, type Result } from "../core/base/index.ts";
import type { Directory } from "../core/review/index.ts";
import { refusedMachine } from "./audit.ts";
import { currentDirectory } from "./config.ts";
import type { Deps } from "./deps.ts";
import { readWords, wordsPayload } from "./payloads.ts";
import { isActive, nameOf, personOf } from "./people.ts";
import type { AppendRequest, Guard, OutboxItem, StoredStream } from "./ports.ts";
import { fields } from "./raw.ts";
import { refused } from "./refusals.ts";
import { tokenAfter, type TokenEvent, type TokenState } from "./token-state.ts";
import type { Answer, Caller, ControlRefusal, PrincipalKind, TokenView, WhoView } from "./types.ts";

const TOKEN = /^pawl_(tok_[0-9a-z]{6,40})_[0-9a-f]{64}$/;
const TOKEN_ID = /^tok_[0-9a-z]{6,40}$/;
const streamOf = (id: string): string => `token/${id}`;

export const unauthenticated = (): Result<never, ControlRefusal> =>
  fail({
    code: "unauthenticated",
    reason: "bad_token",
    message: "this token is not valid here",
    remedy: "send `Authorization: Bearer <token>`; an admin makes tokens with `pawl token create`",
  });

/** One answer for every kind of bad token: unknown, wrong, revoked, or of somebody who is no longer active. */
export async function authenticate(deps: Deps, bearer: string, channel: Caller["channel"]): Answer<Caller> {
  const parts = TOKEN.exec(bearer);
  const held = parts === null ? undefined : await findToken(deps, parts[1] ?? "");
  const directory = await currentDirectory(deps);
  // What is compared are digests of 32 random bytes, so that timing tells nothing of the token.
  const good =
    held !== undefined && !held.state.revoked && held.state.hash === digestOf(bearer) && isActive(directory, held.state.principal);
  return good ? ok(callerOf(directory, held, channel)) : unauthenticated();
}

/** Those of these identities that are tokens which are revoked or cannot be trusted, with what that was read from. A token's row is never removed. */
export async function revokedAmong(
  deps: Deps,
  identities: readonly string[],
): Promise<{ readonly revoked: readonly string[]; readonly guards: readonly Guard[] }> {
  const tokens = [...new Set(identities)].filter((identity) => identity.startsWith("token:"));
  const rows = await Promise.all(tokens.map((identity) => deps.store.load(streamOf(identity.slice("token:".length)))));
  return {
    revoked: tokens.filter((_, n) => {
      const row = rows[n];
      return row !== undefined && heldToken(row)?.state.revoked !== false;
    }),
    guards: rows.flatMap((row) => (row === undefined ? [] : [{ stream: row.stream, version: row.version }])),
  };
}

interface HeldToken {
  readonly id: string;
  readonly version: number;
  readonly state: TokenState;
}

/** A token whose row cannot be trusted is no token. */
async function findToken(deps: Deps, id: string): Promise<HeldToken | undefined> {
  const row = TOKEN_ID.test(id) ? await deps.store.load(streamOf(id)) : undefined;
  return row && heldToken(row);
}

function heldToken({ stream, version, quarantined, body }: StoredStream): HeldToken | undefined {
  if (quarantined !== undefined) return undefined;
  return { id: stream.slice("token/".length), version, state: body as unknown as TokenState };
}

function callerOf(directory: Directory, { id, state }: HeldToken, channel: Caller["channel"]): Caller {
  const { principal, by } = state;
  const person = personOf(directory, principal);
  return {
    principal,
    kind: principal.slice(0, principal.indexOf(":")) as PrincipalKind,
    identity: `token:${id}`,
    ...(by === "first-start" || by === principal ? {} : { issuer: by }),
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

export async function createToken(deps: Deps, caller: Caller, raw: Json): Answer<NewToken> {
  const machine = await refusedMachine(deps, caller, "create_token", "making a token");
  if (machine !== undefined) return fail(machine);
  const read = fields(raw, { principal: "principal", label: "text?" });
  if (!read.ok) return read;
  const principal = read.value["principal"] as PrincipalId;
  const directory = await currentDirectory(deps);
  if (!isActive(directory, principal)) {
    const message = `the directory knows no active ${principal}`;
    const remedy = "add it to the directory first, through a change";
    return fail({ code: "invalid", reason: "unknown_principal", message, where: "/principal", remedy });
  }
  if (!mayIssueFor(caller, principal, directory)) {
    const message = `only an admin, or whoever owns it, makes a token for ${principal}`;
    return fail({ code: "forbidden", reason: "not_admin", message, remedy: "ask an admin" });
  }
  return issueToken(deps, principal, read.value["label"] ?? "", caller.principal);
}

export interface NewToken {
  readonly token: string;
  readonly view: TokenView;
}

/** Also used at the first start, when there is nobody yet who could ask. */
export async function issueToken(
  deps: Deps,
  principal: PrincipalId,
  label: string,
  by: PrincipalId | "first-start",
): Promise<Result<NewToken, ControlRefusal>> {
  const id = deps.ids.next("tok");
  const token = `pawl_${id}_${toHex(deps.ids.random(32))}`;
  const words = label === "" ? undefined : wordsPayload(deps, label);
  const named = words === undefined ? {} : { label: words.digest };
  const event: TokenEvent = { type: "token_created", token: id, principal, by, at: deps.clock.now(), hash: digestOf(token), ...named };
  const held = { id, version: 0, state: tokenAfter([event]) };
  const written = await writeToken(deps, held, event, { payloads: words === undefined ? [] : [words] });
  return written.ok ? ok({ token, view: await viewToken(deps, held) }) : fail(refused(written.error));
}

/** `held` as it is after the event; its version is the one before. */
function writeToken(deps: Deps, { id, version, state }: HeldToken, event: TokenEvent, more: Pick<AppendRequest, "payloads" | "outbox">) {
  const status = state.revoked ? "revoked" : "active";
  const { createdAt, principal: proposer } = state;
  const stored = { body: state as unknown as Json, status, proposer, createdAt, updatedAt: event.at };
  return deps.store.append({ ...more, writes: [{ stream: streamOf(id), expected: version, events: [event], state: stored }] });
}

async function viewToken(deps: Deps, { id, state }: HeldToken): Promise<TokenView> {
  const label = await readWords(deps, state.label);
  return {
    id,
    principal: state.principal,
    label: typeof label === "string" ? label : "",
    created_at: state.createdAt,
    revoked: state.revoked,
  };
}

export async function listTokens(deps: Deps, caller: Caller): Answer<readonly TokenView[]> {
  const machine = await refusedMachine(deps, caller, "list_tokens", "listing tokens");
  if (machine !== undefined) return fail(machine);
  const directory = await currentDirectory(deps);
  const views: TokenView[] = [];
  let cursor: string | undefined;
  do {
    const page = await deps.store.list({ prefix: "token/", limit: 200, ...(cursor === undefined ? {} : { cursor }) });
    const held = page.rows.map(heldToken).filter((each) => each !== undefined);
    const mine = held.filter(({ state }) => mayIssueFor(caller, state.principal, directory));
    views.push(...(await Promise.all(mine.map((each) => viewToken(deps, each)))));
    cursor = page.cursor;
  } while (cursor !== undefined);
  return ok(views);
}

export async function revokeToken(deps: Deps, caller: Caller, id: string): Answer<TokenView> {
  const machine = await refusedMachine(deps, caller, "revoke_token", "revoking a token");
  if (machine !== undefined) return fail(machine);
  const held = await findToken(deps, id);
  if (held === undefined || !mayIssueFor(caller, held.state.principal, await currentDirectory(deps))) {
    const remedy = "`pawl token list` shows those you may revoke";
    return fail({ code: "not_found", reason: "unknown_token", message: "no such token is visible to you", remedy });
  }
  if (held.state.revoked) return ok(await viewToken(deps, held));
  const at = deps.clock.now();
  const after = { ...held, state: { ...held.state, revoked: true } };
  // Votes given with it are void from now on; nothing can start on them, and this takes them back.
  const recheck: OutboxItem = { key: `token_revoked/${id}`, kind: "directory_moved", body: {}, dueAt: at };
  const written = await writeToken(deps, after, { type: "token_revoked", token: id, by: caller.principal, at }, { outbox: [recheck] });
  if (written.ok) return ok(await viewToken(deps, after));
  // A token moves once, so whoever was faster has revoked it.
  return written.error.code === "version_conflict" ? revokeToken(deps, caller, id) : fail(refused(written.error));
}
