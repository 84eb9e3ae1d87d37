import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { FastifyInstance, LightMyRequestResponse } from "fastify";
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import { createServer, type ApiSettings } from "../../src/api/index.ts";
import { contractOf, methodsOf, pathPattern, PROBLEM_TYPE, routeIds, type ApiCode, type RouteId } from "../../src/api/contract/index.ts";
import type { ApiOptions } from "../../src/api/index.ts";
import type { ApiWorld } from "./world.ts";

export const root = join(import.meta.dirname, "..", "..");
export const GOLDEN = join(root, "test", "api", "openapi.json");

const PORT = 7295;
/** Enough for any test that is not about limits. */
const PLENTY = {
  credential: { perSecond: 1000, burst: 10_000 },
  reserved: { perSecond: 1000, burst: 10_000 },
  address: { perSecond: 1000, burst: 10_000 },
};

export function serverFor(
  world: Pick<ApiWorld, "control" | "clock">,
  settings: Partial<ApiSettings> = {},
  more: Partial<ApiOptions> = {},
): FastifyInstance {
  return createServer({ control: world.control, clock: world.clock, settings: { port: PORT, rate: PLENTY, ...settings }, ...more });
}

/** The same, closed when the test ends however it ends. */
export function open(
  t: TestContext,
  world: Pick<ApiWorld, "control" | "clock">,
  settings: Partial<ApiSettings> = {},
  more: Partial<ApiOptions> = {},
): FastifyInstance {
  const app = serverFor(world, settings, more);
  t.after(() => app.close());
  return app;
}

export interface Asked {
  readonly method?: string;
  readonly url: string;
  readonly bearer?: string | undefined;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string | string[]>>;
}

/** One request through the server, without a socket; the reply is held against the published document. */
export async function ask(
  app: FastifyInstance,
  { method = "GET", url, bearer, body, headers = {} }: Asked,
): Promise<LightMyRequestResponse> {
  const response = await app.inject({
    method: method as "GET",
    url,
    headers: {
      host: `localhost:${portOf(app)}`,
      ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...headers,
    },
    ...(body === undefined ? {} : { payload: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  checkReply({ method, url, status: response.statusCode, type: response.headers["content-type"] ?? "", text: response.body });
  return response;
}

function portOf(app: FastifyInstance): number {
  const address = app.server.address();
  return typeof address === "object" && address !== null ? address.port : PORT;
}

interface Reply {
  readonly method: string;
  readonly url: string;
  readonly status: number;
  readonly type: string;
  readonly text: string;
}

interface Operation {
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, { readonly schema: object }>> }>>;
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: object }>> };
}

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation | undefined>> | undefined>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

let golden: { document: OpenApi; ajv: Ajv2020; validators: Map<object, ValidateFunction> } | undefined;

function published(): NonNullable<typeof golden> {
  if (golden === undefined) {
    const document = JSON.parse(readFileSync(GOLDEN, "utf8")) as OpenApi;
    const ajv = new Ajv2020({ allErrors: true, strict: false });
    ajv.addSchema({ $id: "urn:pawl:openapi", components: document.components });
    golden = { document, ajv, validators: new Map() };
  }
  return golden;
}

/** [AP-2]: the status is one the document names (or a refusal), and the body has the shape it gives. */
function checkReply({ method, url, status, type, text }: Reply): void {
  const media = type.split(";", 1)[0] ?? "";
  const id = routeAt(method, url);
  const operation =
    id === undefined ? undefined : published().document.paths[documentPath(contractOf(id).path)]?.[contractOf(id).method.toLowerCase()];
  if (method === "HEAD") return;
  if (status >= 400 && media === PROBLEM_TYPE) {
    validate({ $ref: "urn:pawl:openapi#/components/schemas/Problem" }, JSON.parse(text), `${method} ${url} ${status}`);
    return;
  }
  assert.ok(operation !== undefined, `${method} ${url} answered ${status} and is not in the document`);
  const content = operation.responses[String(status)]?.content?.[media];
  assert.ok(content !== undefined, `${method} ${url} answered ${status} ${media}, which the document does not name`);
  if (media === "application/json") validate(content.schema, JSON.parse(text), `${method} ${url} ${status}`);
}

const documentPath = (path: string): string => path.replace(":id", "{id}").replace("*", "{path}");

function routeAt(method: string, url: string): RouteId | undefined {
  const path = url.split("?", 1)[0] ?? "";
  return routeIds.find((id) => {
    const contract = contractOf(id);
    return methodsOf(contract).includes(method) && pathPattern(contract).test(path);
  });
}

/** Whether the document allows a body of this route. */
export function requestShape(id: RouteId): (body: unknown) => boolean {
  const { method, path } = contractOf(id);
  const schema = published().document.paths[documentPath(path)]?.[method.toLowerCase()]?.requestBody?.content["application/json"]?.schema;
  assert.ok(schema !== undefined, `${id} takes no body`);
  return (body) => validator(schema)(body);
}

function validator(schema: object): ValidateFunction {
  const { ajv, validators } = published();
  let check = validators.get(schema);
  if (check === undefined) {
    const rooted = JSON.parse(JSON.stringify(schema).replaceAll('"#/components/', '"urn:pawl:openapi#/components/')) as object;
    validators.set(schema, (check = ajv.compile(rooted)));
  }
  return check;
}

function validate(schema: object, value: unknown, what: string): void {
  const { ajv } = published();
  const check = validator(schema);
  assert.ok(check(value), `${what}: ${ajv.errorsText(check.errors)}\n${JSON.stringify(value)}`);
}

export interface ProblemBody {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly code: ApiCode;
  readonly reason: string;
  readonly detail: string;
  readonly where?: string;
  readonly remedy?: string;
  readonly faults?: readonly { readonly code: string; readonly message: string; readonly where?: string }[];
  readonly instance?: string;
}

/** The reply must be a refusal with this code and reason. */
export function refusedWith(response: LightMyRequestResponse, status: number, code: ApiCode, reason?: string): ProblemBody {
  const said = `${response.statusCode} ${response.body.slice(0, 2000)}`;
  assert.equal(response.headers["content-type"]?.toString().split(";", 1)[0], PROBLEM_TYPE, said);
  const problem = response.json<ProblemBody>();
  assert.deepEqual([response.statusCode, problem.status, problem.code], [status, status, code], said);
  if (reason !== undefined) assert.equal(problem.reason, reason, said);
  assert.equal(problem.type, `urn:pawl:problem:${code}`);
  return problem;
}
