import type { FastifyReply, FastifyRequest } from "fastify";
import { digestOf, type PrincipalId } from "../core/base/index.ts";
import { isRunnerCredential } from "../core/runner/index.ts";
import type { Signed } from "../control/runners-types.ts";
import type { Caller, Control } from "../control/types.ts";
import { contractOf, methodsOf, pathPattern, routeIds, type RouteContract, type RouteId } from "./contract/index.ts";
import { refusedByOrigin, type Names } from "./hosts.ts";
import { addressKey, Buckets } from "./limits.ts";
import { mayHaveBody, refused, sendProblem, type ApiRefusal } from "./problems.ts";
import type { ApiDeps } from "./deps.ts";

/** What admission found out about a request before a byte of its body was read. */
export interface Seen {
  route?: RouteId;
  caller?: Caller;
  bearer?: string;
  /** A runner that signed the request; what it signed of the body is held against the body when that has been read. */
  signed?: Signed;
  /** Its ordinary bucket was empty: it was let in on the reserved lane, to reject and for nothing else. */
  onlyReject?: boolean;
}

declare module "fastify" {
  interface FastifyRequest {
    seen: Seen;
  }
  interface FastifyContextConfig {
    route?: RouteId;
  }
}

/** A refused machine costs so much more, because each refusal becomes a ledger entry. */
const REFUSAL_COST = 10;
const BEARER = /^Bearer +([\x21-\x7e]{1,512})$/i;

export interface Gate {
  admit(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply | undefined>;
  /** Past the body: an ordinary vote that came in on the reserved lane is turned away after all. */
  tooMany(request: FastifyRequest): ApiRefusal | undefined;
}

export function createGate(deps: ApiDeps, names: () => Names, closing: () => boolean): Gate {
  const { control, clock, settings } = deps;
  const ordinary = new Buckets(settings.rate.credential, clock);
  const reserved = new Buckets(settings.rate.reserved, clock);
  const addresses = new Buckets(settings.rate.address, clock);

  async function judge(request: FastifyRequest): Promise<ApiRefusal | undefined> {
    if (closing()) return refused("unavailable", "closing", "this server is shutting down", { remedy: "try again" });
    const asked = { method: request.method, headers: headersOf(request) };
    const early = refusedByOrigin(names(), asked) ?? refusedByTarget(request) ?? refusedByBody(request, settings.bodyLimitBytes);
    if (early !== undefined) return early;
    const id = request.routeOptions.config.route;
    if (request.is404 || id === undefined) return rateOf(addresses.take(addressKey(request.ip))) ?? noSuchRoute(request);
    request.seen = { route: id };
    const contract = contractOf(id);
    const authorization = asked.headers["authorization"] ?? [];
    const signature = authorization.length === 1 ? authorization.find(isRunnerCredential) : undefined;
    if (signature !== undefined) return judgeSigned({ control, ordinary, addresses, refuseMachine }, request, contract, signature);
    if (authorization.length > 0) return known(request, contract, authorization);
    const wait = rateOf(addresses.take(addressKey(request.ip)));
    return wait ?? (contract.callers.includes("anonymous") ? undefined : noCredential());
  }

  async function known(
    request: FastifyRequest,
    contract: RouteContract,
    authorization: readonly string[],
  ): Promise<ApiRefusal | undefined> {
    const caller = await authenticate(control, authorization, request.headers["pawl-channel"]);
    // Failures count against the address; nobody's valid credential ever does.
    if ("code" in caller) return rateOf(addresses.take(addressKey(request.ip))) ?? caller;
    const { seen } = request;
    const wait = draw(seen, contract, caller.identity);
    if (wait !== undefined) return wait;
    if (!contract.callers.includes(caller.kind)) return refuseMachine(caller, contract);
    seen.caller = caller;
    seen.bearer = bearerOf(authorization);
    return undefined;
  }

  function draw(seen: Seen, { lane }: RouteContract, key: string): ApiRefusal | undefined {
    if (lane === "reserved") return rateOf(reserved.take(key));
    const wait = ordinary.take(key);
    if (wait === 0 || lane !== "reject") return rateOf(wait);
    seen.onlyReject = true;
    return rateOf(reserved.take(key));
  }

  async function refuseMachine(caller: Caller, { method, path }: RouteContract): Promise<ApiRefusal> {
    const wait = rateOf(ordinary.take(caller.identity, REFUSAL_COST));
    if (wait !== undefined) return wait;
    await control.recordRefusal(caller, `${method} ${path}`, "machine_credential");
    return notForMachines(caller);
  }

  return {
    async admit(request, reply) {
      request.seen = {};
      const refusal = await judge(request);
      if (refusal !== undefined) return sendProblem(request, reply, refusal);
      if (invitesBody(request.headers.expect)) reply.raw.writeContinue();
      return undefined;
    },
    tooMany({ seen, body }) {
      if (seen.onlyReject !== true || seen.caller === undefined || isRejection(body)) return undefined;
      reserved.giveBack(seen.caller.identity);
      return rateOf(1000);
    },
  };
}

/** What a signature is judged with. */
interface Shared {
  readonly control: Control;
  readonly ordinary: Buckets;
  readonly addresses: Buckets;
  readonly refuseMachine: (caller: Caller, contract: RouteContract) => Promise<ApiRefusal>;
}

/** Before its body is read: a signature says who sends it, and what the body must be. */
async function judgeSigned(
  { control, ordinary, addresses, refuseMachine }: Shared,
  request: FastifyRequest,
  contract: RouteContract,
  authorization: string,
): Promise<ApiRefusal | undefined> {
  const path = request.raw.url ?? "";
  const read = await control.runners.authenticate({ authorization, method: request.method, path });
  if (!read.ok) return rateOf(addresses.take(addressKey(request.ip))) ?? read.error;
  const identity = `runner:${read.value.runner}`;
  const wait = rateOf(ordinary.take(identity));
  if (wait !== undefined) return wait;
  if (!contract.callers.includes("enrolled"))
    return refuseMachine({ principal: identity as PrincipalId, kind: "runner", identity, roles: [], channel: "api" }, contract);
  if (!mayHaveBody(request) && read.value.body !== EMPTY) return otherBody();
  request.seen.signed = read.value;
  return undefined;
}

const EMPTY = digestOf("");

/** The body is not the one that was signed. */
export const otherBody = (): ApiRefusal =>
  refused("unauthenticated", "body_differs", "the body is not the one that was signed", {
    where: "Authorization",
    remedy: "sign what is sent",
  });

const isRejection = (body: unknown): boolean =>
  typeof body === "object" && body !== null && "decision" in body && body.decision === "reject";

function rateOf(waitMillis: number): ApiRefusal | undefined {
  if (waitMillis === 0) return undefined;
  const seconds = Math.max(1, Math.ceil(waitMillis / 1000));
  return refused("rate_limited", "too_many_requests", "too many requests", {
    retryAfterSeconds: seconds,
    remedy: `try again in ${seconds} s`,
  });
}

const notForMachines = ({ kind }: Caller): ApiRefusal =>
  refused("forbidden", "machine_credential", `this is not for a credential of kind ${kind}`, {
    where: "Authorization",
    remedy: "ask a person; the attempt is in the ledger",
  });

const BEARER_HINT = { where: "Authorization", remedy: "send `Authorization: Bearer <token>`" };
const noCredential = (): ApiRefusal =>
  refused("unauthenticated", "no_credential", "this needs a bearer token", {
    where: "Authorization",
    remedy: "send `Authorization: Bearer <token>`",
  });

const bearerOf = (authorization: readonly string[]): string | undefined =>
  authorization.length === 1 ? BEARER.exec(authorization[0] ?? "")?.[1] : undefined;

async function authenticate(
  control: Control,
  authorization: readonly string[],
  channel: string | string[] | undefined,
): Promise<Caller | ApiRefusal> {
  const bearer = bearerOf(authorization);
  if (bearer === undefined)
    return refused("unauthenticated", "malformed_credential", "the Authorization header is not one bearer token", BEARER_HINT);
  if (channel !== undefined && channel !== "api" && channel !== "cli") {
    return refused("invalid", "unknown_channel", "the channel is not known here", {
      where: "Pawl-Channel",
      remedy: "send api, cli or no such header",
    });
  }
  const caller = await control.authenticate(bearer, channel ?? "api");
  return caller.ok ? caller.value : caller.error;
}

/** An absolute target names a host of its own, which would count for more than the header that was looked at. */
function refusedByTarget({ raw }: FastifyRequest): ApiRefusal | undefined {
  if (raw.url?.startsWith("/") === true) return undefined;
  return refused("invalid", "absolute_target", "the request target must be a path", { status: 400, remedy: "this is not a proxy" });
}

function refusedByBody(request: FastifyRequest, limit: number): ApiRefusal | undefined {
  const { expect } = request.headers;
  if (expect !== undefined && !invitesBody(expect)) {
    return refused("invalid", "expectation", "nothing but 100-continue can be expected here", { where: "Expect", status: 400 });
  }
  if (!mayHaveBody(request)) return undefined;
  if (Number(request.headers["content-length"] ?? 0) > limit) {
    return refused("too_large", "body_too_large", `the request body is larger than ${limit} bytes`, {
      where: "Content-Length",
      remedy: "send less",
    });
  }
  if (request.method !== "POST") {
    return refused("invalid", "unexpected_body", `${request.method} takes no body`, { status: 400, remedy: "send it without a body" });
  }
  return encodedIn(request, "Content-Encoding", "identity") ?? encodedIn(request, "Transfer-Encoding", "chunked");
}

function encodedIn({ headers }: FastifyRequest, name: string, plain: string): ApiRefusal | undefined {
  const encoding = headers[name.toLowerCase()];
  return encoding === undefined || (typeof encoding === "string" && encoding.toLowerCase() === plain)
    ? undefined
    : refused("unsupported_media_type", "encoded_body", "a request body must not be compressed", { where: name });
}

/** A client that asks whether its body is wanted is told so once it is admitted. */
const invitesBody = (expect: string | undefined): boolean => expect?.toLowerCase() === "100-continue";

const CHECKED: ReadonlySet<string> = new Set(["host", "origin", "sec-fetch-site", "authorization"]);

/** Node keeps only the first of some headers that came twice; what is checked here is all of them. */
function headersOf(request: FastifyRequest): Readonly<Record<string, readonly string[] | undefined>> {
  const found: Record<string, string[]> = Object.create(null) as Record<string, string[]>;
  const raw = request.raw.rawHeaders;
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = (raw[i] ?? "").toLowerCase();
    if (CHECKED.has(name)) (found[name] ??= []).push(raw[i + 1] ?? "");
  }
  return found;
}

function noSuchRoute(request: FastifyRequest): ApiRefusal {
  const path = (request.raw.url ?? "").split("?", 1)[0] ?? "";
  const allow = [
    ...new Set(
      routeIds
        .map(contractOf)
        .filter((contract) => pathPattern(contract).test(path))
        .flatMap(methodsOf),
    ),
  ].toSorted();
  if (allow.length === 0)
    return refused("not_found", "unknown_path", "there is nothing at this path", { remedy: "GET /v1/openapi.json tells what there is" });
  return refused("method_not_allowed", "unknown_method", "this path does not know this method", {
    allow,
    remedy: `use ${allow.join(" or ")}`,
  });
}
