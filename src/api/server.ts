import type { Socket } from "node:net";
import swagger from "@fastify/swagger";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest, type FastifyServerOptions } from "fastify";
import type { Json } from "../core/base/index.ts";
import { StoreUnreadable, type Clock } from "../control/ports.ts";
import { createGate, type Gate } from "./admission.ts";
import { readBodiesStrictly } from "./bodies.ts";
import { components, contractOf, methodsOf, noQuery, problem, routeIds, type RouteContract, type RouteId } from "./contract/index.ts";
import { refuseBrokenRequest } from "./broken.ts";
import type { ApiDeps, ApiOptions } from "./deps.ts";
import { handlers, Raw, TAKEN, type Call } from "./handlers/index.ts";
import { SAFE_HEADERS } from "./headers.ts";
import { namesOf, type Names } from "./hosts.ts";
import { Places } from "./limits.ts";
import { documented, documentOptions } from "./openapi.ts";
import { refusalOf, refused, sendProblem } from "./problems.ts";
import { queryReader } from "./query.ts";
import { API_DEFAULTS, type ApiSettings } from "./settings.ts";

const MOST_HEADER_BYTES = 16 * 1024;
const MOST_PATH_PARAMETER = 128;
/**
 * Shapes are judged by control, and written as they are. Said so from the start, Fastify does not load compilers of its own; its types
 * know of no others.
 */
const NO_COMPILERS = {
  compilersFactory: { buildValidator: () => () => () => true, buildSerializer: () => () => JSON.stringify },
} as unknown as NonNullable<FastifyServerOptions["schemaController"]>;
/** How often Node looks for requests that do not arrive. */
const TIMEOUT_CHECKS = 4;

/** The HTTP API over one control. It holds no state that outlives a connection but rate limits. */
export function createServer(options: ApiOptions): FastifyInstance {
  const settings: ApiSettings = { ...API_DEFAULTS, ...options.settings };
  const deps: ApiDeps = { ...options, settings };
  const app = fastify({
    logger: false,
    genReqId: requestIds(options.clock),
    bodyLimit: settings.bodyLimitBytes,
    requestTimeout: settings.requestTimeoutMillis,
    connectionTimeout: settings.idleTimeoutMillis,
    http: {
      maxHeaderSize: MOST_HEADER_BYTES,
      headersTimeout: settings.headersTimeoutMillis,
      requestTimeout: settings.requestTimeoutMillis,
      // Node would answer in a form of its own; the gate refuses a missing name as any other that is not ours.
      requireHostHeader: false,
      connectionsCheckingInterval: Math.ceil(settings.headersTimeoutMillis / TIMEOUT_CHECKS),
    },
    return503OnClosing: false,
    exposeHeadRoutes: false,
    schemaController: NO_COMPILERS,
    routerOptions: { maxParamLength: MOST_PATH_PARAMETER, querystringParser: () => ({}) },
    frameworkErrors: (error, request, reply) => void fault(deps, error, request, reply),
    clientErrorHandler: refuseBrokenRequest,
  });
  app.server.maxConnections = settings.maxConnections;
  leaveNothingToNode(app);
  const closing = new AbortController();
  app.addHook("preClose", async () => closing.abort());
  const gate = createGate(deps, servedNames(app, deps), () => closing.signal.aborted);
  app.decorateRequest("seen");
  app.addHook("onRequest", (request, reply) => gate.admit(request, reply));
  // Whoever was answered last while closing is not kept waiting for another request.
  app.addHook("onSend", (_request, reply, payload, done) => {
    if (closing.signal.aborted) void reply.header("connection", "close");
    done(null, payload);
  });
  app.addHook("onResponse", (request, reply, done) => {
    tell(deps, request, reply);
    done();
  });
  app.setErrorHandler((error, request, reply) => fault(deps, error, request, reply));
  readBodiesStrictly(app, settings.bodyLimitBytes);
  for (const schema of [...components, problem]) app.addSchema(schema);
  void app.register(swagger, documentOptions);
  void app.register(async (scope) => addRoutes(scope, deps, gate, closing.signal));
  return app;
}

/**
 * What Node answers by itself when nobody listens: `Expect`, where it would invite a body before anybody knows who sends it, and
 * `CONNECT`, where it would hang up without a word.
 */
function leaveNothingToNode({ server }: FastifyInstance): void {
  for (const event of ["checkContinue", "checkExpectation"]) server.on(event, (...asked: unknown[]) => server.emit("request", ...asked));
  server.on("connect", (_request, socket) => {
    // Node has taken its own listeners off this socket.
    socket.on("error", () => undefined);
    refuseBrokenRequest(Object.assign(new Error("this is not a proxy"), { code: "CONNECT" }), socket as Socket);
  });
}

/** Found again in the log, also after a restart: when, and the how manieth. */
function requestIds(clock: Clock): () => string {
  let count = 0;
  return () => `${clock.now().toString(16)}-${(count += 1).toString(16)}`;
}

/** The port is known for sure only once the server listens, and is the same from then on. */
function servedNames(app: FastifyInstance, { settings }: ApiDeps): () => Names {
  let names = namesOf(settings, settings.port);
  app.server.on("listening", () => {
    const address = app.server.address();
    if (typeof address === "object" && address !== null) names = namesOf(settings, address.port);
  });
  return () => names;
}

function addRoutes(scope: FastifyInstance, deps: ApiDeps, gate: Gate, closing: AbortSignal): void {
  const places = new Places(deps.settings.open);
  for (const id of routeIds) {
    const contract = contractOf(id);
    const run = runner(id, contract, { deps, places, closing }, gate);
    const route = { url: contract.path, config: { route: id }, handler: run };
    scope.route({ ...route, method: contract.method, schema: documented(id, contract) });
    if (methodsOf(contract).includes("HEAD")) scope.route({ ...route, method: "HEAD", schema: { hide: true } });
  }
}

function runner(id: RouteId, contract: RouteContract, shared: Pick<Call, "deps" | "places" | "closing">, gate: Gate) {
  const readQuery = queryReader(contract.query ?? noQuery);
  const handler = handlers[id] as (call: Call) => Promise<Awaited<ReturnType<(typeof handlers)[RouteId]>>>;
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const refusal = gate.tooMany(request) ?? wrongBody(request, contract);
    if (refusal !== undefined) return sendProblem(request, reply, refusal);
    const query = readQuery(contract.path.startsWith("/v1/") ? rawQuery(request) : "");
    if (!query.ok) return sendProblem(request, reply, query.error);
    const { id: parameter = "" } = request.params as { id?: string };
    const result = await handler({ ...shared, request, reply, id: parameter, query: query.value, body: request.body as Json | undefined });
    if (!result.ok) return sendProblem(request, reply, result.error);
    return result.value === TAKEN ? reply : send(reply, contract, result.value);
  };
}

const rawQuery = (request: FastifyRequest): string => {
  const url = request.raw.url ?? "";
  return url.includes("?") ? url.slice(url.indexOf("?") + 1) : "";
};

/** A route that takes no body takes `{}` too, since some clients cannot send nothing. */
function wrongBody({ body }: FastifyRequest, contract: RouteContract) {
  if (contract.body !== undefined) {
    return body === undefined
      ? refused("invalid", "no_body", "this needs a JSON body", { status: 400, remedy: "send application/json" })
      : undefined;
  }
  const empty = body === undefined || (typeof body === "object" && body !== null && !Array.isArray(body) && Object.keys(body).length === 0);
  return empty ? undefined : refused("invalid", "unexpected_body", "this takes no body", { status: 400, remedy: "send it without a body" });
}

function send(reply: FastifyReply, contract: RouteContract, value: unknown): FastifyReply {
  void reply.headers(SAFE_HEADERS);
  if (!(value instanceof Raw)) {
    return reply
      .code(contract.status ?? 200)
      .type("application/json; charset=utf-8")
      .send(JSON.stringify(value));
  }
  const bytes = typeof value.body === "string" ? value.body : Buffer.from(value.body.buffer, value.body.byteOffset, value.body.byteLength);
  return reply.code(value.status).headers(value.headers).type(value.type).send(bytes);
}

/** What nobody foresaw gets an id here and in the log, and says nothing else. */
function fault(deps: ApiDeps, error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const known = refusalOf(error);
  if (error instanceof StoreUnreadable) deps.logger?.error({ why: error.message, route: routeOf(request) }, "the store cannot be read");
  if (known !== undefined) return sendProblem(request, reply, known);
  deps.logger?.error({ incident: request.id, error, method: request.method, route: routeOf(request) }, "a request broke something");
  const instance = `urn:pawl:incident:${request.id}`;
  return sendProblem(
    request,
    reply,
    refused("internal", "incident", "something broke here, and was logged", {
      instance,
      remedy: `tell whoever runs this server: ${instance}`,
    }),
  );
}

const routeOf = (request: FastifyRequest): string => {
  const id = request.routeOptions.config.route;
  return id === undefined ? "none" : contractOf(id).path;
};

/** The route and not the path: what was written into a path is somebody else's text. */
function tell({ logger }: ApiDeps, request: FastifyRequest, reply: FastifyReply): void {
  logger?.info(
    {
      method: request.method,
      route: routeOf(request),
      status: reply.statusCode,
      millis: Math.round(reply.elapsedTime),
      caller: request.seen?.caller?.principal,
    },
    "request",
  );
}
