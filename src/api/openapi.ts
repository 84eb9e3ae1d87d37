import type { FastifySchema } from "fastify";
import type { FastifyDynamicSwaggerOptions } from "@fastify/swagger";
import type { TSchema } from "typebox";
import { problem, PROBLEM_TYPE, ref, type RouteContract, type RouteId } from "./contract/index.ts";

/** The version of the contract, which is not the program's. */
const CONTRACT_VERSION = "1.0.0";

export const documentOptions: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: "3.1.0",
    info: {
      title: "Pawl",
      version: CONTRACT_VERSION,
      description: "The control plane for changes that AI proposes. Every refusal is an RFC 9457 problem with a closed `code`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    tags: [
      { name: "changes", description: "Propose, read and run changes" },
      { name: "review", description: "What people decide" },
      { name: "policy", description: "The rules" },
      { name: "people", description: "Who is known here, and their tokens" },
      { name: "ledger", description: "The public record" },
      { name: "runners", description: "Those who execute elsewhere" },
      { name: "service", description: "This server" },
    ],
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer" },
        runner: { type: "http", scheme: "Pawl-Runner", description: "A signature over each request; see docs/runners.md." },
      },
    },
  },
  convertConstToEnum: false,
  transform: ({ schema, url }) => ({ schema, url: url.replace("*", ":path") }),
  refResolver: {
    buildLocalReference: (json: Record<string, unknown>, _baseUri: unknown, _fragment: string, index: number) =>
      typeof json["$id"] === "string" ? json["$id"] : `schema${index}`,
  },
};

/** What Fastify and its document generator are told of a route. */
export function documented(id: RouteId, contract: RouteContract): FastifySchema {
  const { headers, query, body, callers, trace, tag, summary } = contract;
  return {
    operationId: id,
    tags: [tag],
    summary,
    description: `Callers: ${callers.join(", ")}.`,
    security: callers.includes("enrolled") ? [{ runner: [] }] : callers.includes("anonymous") ? [{}, { bearer: [] }] : [{ bearer: [] }],
    "x-pawl-callers": callers,
    "x-pawl-trace": trace,
    ...parameters(contract.path),
    ...(query === undefined ? {} : { querystring: query }),
    ...(headers === undefined ? {} : { headers: headersSchema(headers) }),
    ...(body === undefined ? {} : { body: ref(body) }),
    response: {
      [contract.status ?? 200]: success(contract),
      ...(contract.alsoStatus === undefined ? {} : { [contract.alsoStatus]: success(contract) }),
      default: failure,
    },
  } as FastifySchema;
}

function parameters(path: string): object {
  const name = path.includes(":id") ? "id" : path.endsWith("*") ? "path" : undefined;
  return name === undefined ? {} : { params: { type: "object", required: [name], properties: { [name]: { type: "string" } } } };
}

function headersSchema(headers: Readonly<Record<string, string>>) {
  const properties = Object.entries(headers).map(([name, description]) => [name, { type: "string", description }]);
  return { type: "object", properties: Object.fromEntries(properties) as Record<string, unknown> };
}

function success({ answer, also }: RouteContract) {
  const forms = [answer, ...(also === undefined ? [] : [also])].map((form) =>
    isBytes(form) ? [form.type, { schema: { type: "string", description: form.description } }] : ["application/json", { schema: form }],
  );
  return { description: "Done", content: Object.fromEntries(forms) as Record<string, unknown> };
}

const isBytes = (
  form: TSchema | { readonly type: string; readonly description: string },
): form is { readonly type: string; readonly description: string } =>
  "type" in form && typeof form.type === "string" && form.type.includes("/");

const failure = { description: "Refused", content: { [PROBLEM_TYPE]: { schema: ref(problem) } } };
