import type { At } from "../yaml/index.ts";
import { MEMBER, MOST, OPERATION, onlyArguments, visibleFields } from "./reading.ts";
import type { Declaring, Names } from "./reading.ts";
import { PATH_TEXT, readEffect, readExpectation, readParameters, readTests, readUndo } from "./read-parts.ts";
import { METHODS } from "./types.ts";
import type { Compare, HttpOperation, HttpSystem, Idempotency, ProbeTemplate, RequestTemplate } from "./types.ts";

const NAME = /^[a-z0-9][a-z0-9._-]{0,63}$/;
/** What the connector or the settings write, or what decides how a request is framed. */
const OWN_HEADERS =
  /^(host|authorization|cookie|content-length|content-type|content-encoding|transfer-encoding|connection|keep-alive|upgrade|te|trailer|expect|if-match|if-none-match|proxy-.*)$/;
const HEADER = /^[a-z0-9][a-z0-9-]{0,63}$/;
/** An API that answers so has, by the meaning of the status, done nothing. */
const REFUSED = [400, 401, 403, 404, 405, 409, 410, 412, 415, 422, 428, 429];

export function readHttpSystem(d: Declaring, at: At): HttpSystem | undefined {
  const entries = d.read.map(at, ["system", "origin", "environment", "operations"], ["credential", "read_credential"]);
  if (entries === undefined) return undefined;
  const name = d.read.text(entries.get("system"), 64, NAME);
  const origin = readOrigin(d, entries.get("origin"));
  const environment = d.read.text(entries.get("environment"), 64, NAME);
  const credential = d.optional(entries.get("credential"), (each) => d.read.text(each, 64, NAME));
  const readCredential = d.optional(entries.get("read_credential"), (each) => d.read.text(each, 64, NAME));
  const operations = d.read.list(entries.get("operations"), MOST.operations, (each) => readOperation(d, each));
  if (name === undefined || origin === undefined || environment === undefined || operations === undefined) return undefined;
  const credentials = { ...(credential === undefined ? {} : { credential }), ...(readCredential === undefined ? {} : { readCredential }) };
  return { connector: "http", name, origin, environment, ...credentials, operations };
}

const ORIGIN = /^https?:\/\/([a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:]+\])(:[1-9][0-9]{0,4})?$/;
const LOOPBACK = /^http:\/\/(localhost|127\.[0-9.]+|\[::1\])(:|$)/;

function readOrigin(d: Declaring, at: At | undefined): string | undefined {
  const origin = d.read.text(at, 300);
  if (at === undefined || origin === undefined) return undefined;
  if (!ORIGIN.test(origin)) return d.read.fault(at, `${at.path} must be https:// with a host in lower case, and nothing after it`);
  if (origin.startsWith("http:") && !LOOPBACK.test(origin))
    return d.read.fault(at, `${at.path} must be https://, unless it is this machine`);
  return origin;
}

function readOperation(d: Declaring, at: At): HttpOperation | undefined {
  const entries = d.read.map(
    at,
    ["name", "summary", "effect", "request", "tests"],
    ["parameters", "probe", "compare", "idempotency", "verify", "undo"],
  );
  if (entries === undefined) return undefined;
  const parameters = readParameters(d, entries.get("parameters"));
  const name = d.read.text(entries.get("name"), 64, OPERATION);
  const tests = readTests(d, entries.get("tests"), "http");
  if (parameters === undefined) return undefined;
  const names = onlyArguments(parameters);
  const summary = d.template(entries.get("summary"), names);
  const effect = readEffect(d, entries.get("effect"), names);
  const request = readRequest(d, entries.get("request"), names);
  const probe = d.optional(entries.get("probe"), (each) => readProbe(d, each, names));
  const compare = d.optional(entries.get("compare"), (each) => readCompare(d, each, entries.has("probe"), request));
  const idempotency = d.optional(entries.get("idempotency"), (each) => readIdempotency(d, each));
  const fields = Object.keys(probe?.select ?? {});
  const verify = d.optional(entries.get("verify"), (each) => readExpectation(d, each, names, fields));
  const undo = readUndo(d, entries.get("undo"), { parameters, fields: visibleFields(probe?.select) });
  if (name === undefined || summary === undefined || !effect || !request || !undo || !tests) return undefined;
  const more = { ...(probe && { probe }), ...(compare && { compare }), ...(idempotency && { idempotency }), ...(verify && { verify }) };
  return { name, summary, parameters, effect, request, ...more, undo, tests };
}

function readRequest(d: Declaring, at: At | undefined, names: Names): RequestTemplate | undefined {
  const entries = at && d.read.map(at, ["method", "path"], ["query", "headers", "body", "success", "refused"]);
  if (!entries) return undefined;
  const method = d.read.oneOf(entries.get("method"), METHODS);
  const line = readLine(d, entries, names);
  const body = d.json(entries.get("body"), names);
  const success = d.numbers(entries.get("success"), 200, 299, [200, 201, 204]);
  const refused = d.numbers(entries.get("refused"), 400, 499, REFUSED);
  if (method === undefined || !line || !success || !refused) return undefined;
  return { method, ...line, ...(body === undefined ? {} : { body }), success, refused };
}

function readLine(
  d: Declaring,
  entries: ReadonlyMap<string, At>,
  names: Names,
): Pick<RequestTemplate, "path" | "query" | "headers"> | undefined {
  const path = readPath(d, entries.get("path"), names);
  const query = d.record(entries.get("query"), /^[A-Za-z0-9_.[\]-]{1,64}$/, (each) => d.template(each, names));
  const headers = d.record(entries.get("headers"), HEADER, (each, name) =>
    OWN_HEADERS.test(name)
      ? d.read.fault(each, `${each.path} is not for a declaration to write`)
      : d.template(each, names, /^[\x20-\x7e]+$/),
  );
  return path === undefined || !query || !headers ? undefined : { path, query, headers };
}

function readPath(d: Declaring, at: At | undefined, names: Names): string | undefined {
  const path = d.template(at, names, PATH_TEXT);
  if (at === undefined || path === undefined) return undefined;
  const odd = !path.startsWith("/") || path.startsWith("//") || path.split("/").some((part) => /^(\.|%2E){1,2}$/.test(part));
  return odd ? d.read.fault(at, `${at.path} must begin with one / and have no part that is . or ..`) : path;
}

function readProbe(d: Declaring, at: At, names: Names): ProbeTemplate | undefined {
  const entries = d.read.map(at, ["path", "select"], ["query", "headers", "absent"]);
  const line = entries && readLine(d, entries, names);
  const select = d.select(entries?.get("select"));
  const absent = d.numbers(entries?.get("absent"), 400, 499, []);
  if (!line || !select || !absent) return undefined;
  if (Object.keys(select).length === 0) return d.read.fault(at, `${at.path}.select is empty`, "name the fields that matter");
  return { ...line, select, absent };
}

function readCompare(d: Declaring, at: At, probed: boolean, request: RequestTemplate | undefined): Compare | undefined {
  if (!probed) return d.read.fault(at, `${at.path} needs a probe, which reads what is compared`);
  if (at.node.kind === "scalar") return d.read.oneOf(at, ["etag"] as const) && { kind: "etag" };
  const entries = d.read.map(at, ["version", "member"]);
  const pointer = d.pointer(entries?.get("version"));
  const member = d.read.text(entries?.get("member"), 64, MEMBER);
  if (pointer === undefined || member === undefined) return undefined;
  const body = request?.body;
  const fits = body !== null && typeof body === "object" && !Array.isArray(body) && !Object.hasOwn(body, member);
  return fits
    ? { kind: "version", at: pointer, member }
    : d.read.fault(at, `${at.path}: the body must be a map without a member ${member}`);
}

function readIdempotency(d: Declaring, at: At): Idempotency | undefined {
  const entries = d.read.map(at, ["header"], ["proof"]);
  const header = d.read.text(entries?.get("header"), 64, HEADER);
  const proof = d.optional(entries?.get("proof"), (each) => d.pointer(each));
  if (header !== undefined && OWN_HEADERS.test(header)) return d.read.fault(at, `${at.path}.header is not for a declaration to write`);
  return header === undefined ? undefined : { header, ...(proof === undefined ? {} : { proof }) };
}
