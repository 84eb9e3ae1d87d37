import { STATUS_CODES } from "node:http";
import type { Socket } from "node:net";
import { PROBLEM_TYPE, type ApiCode } from "./contract/index.ts";
import { SAFE_HEADERS } from "./headers.ts";
import { problemOf, refused } from "./problems.ts";

/** What could not even be read as HTTP, or did not arrive in time: there is no request yet, only a socket. */
export function refuseBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (error.code === "ECONNRESET" || socket.destroyed) return;
  if (socket.writable) socket.write(brokenReply(error.code));
  socket.destroy(error);
}

function brokenReply(code: string | undefined): string {
  const problem = problemOf(refusalFor(code));
  const body = JSON.stringify(problem);
  const headers = { ...SAFE_HEADERS, "content-type": PROBLEM_TYPE, "content-length": String(Buffer.byteLength(body)), connection: "close" };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${problem.status} ${STATUS_CODES[problem.status] ?? ""}\r\n${lines.join("")}\r\n${body}`;
}

function refusalFor(code: string | undefined) {
  const of = (apiCode: ApiCode, reason: string, message: string, status?: number) =>
    refused(apiCode, reason, message, status === undefined ? {} : { status });
  switch (code) {
    case "ERR_HTTP_REQUEST_TIMEOUT":
      return of("timeout", "request_timeout", "the request did not arrive in time");
    case "HPE_HEADER_OVERFLOW":
      return of("too_large", "headers_too_large", "the request's headers are larger than this server reads", 431);
    case "CONNECT":
      return of("invalid", "absolute_target", "the request target must be a path", 400);
    default:
      return of("invalid", "malformed_http", "the request is not valid HTTP/1.1", 400);
  }
}
