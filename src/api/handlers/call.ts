import type { FastifyReply, FastifyRequest } from "fastify";
import { assert, type Json, type Result } from "../../core/base/index.ts";
import type { Caller, ControlRefusal } from "../../control/types.ts";
import type { AnswerOf, QueryOf, RouteId, Routes, Wire } from "../contract/index.ts";
import type { ApiDeps } from "../deps.ts";
import type { Places } from "../limits.ts";
import type { ApiRefusal } from "../problems.ts";

/** What a handler works with: admitted, read, and typed by the contract. */
export interface Call<Q = unknown> {
  readonly deps: ApiDeps;
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly id: string;
  readonly query: Q;
  readonly body: Json | undefined;
  /** Streams and waiting requests share these. */
  readonly places: Places;
  /** Aborted when the server closes. */
  readonly closing: AbortSignal;
}

/** An answer that is not JSON of the contract's shape: bytes under their own headers. */
export class Raw {
  readonly type: string;
  readonly body: string | Uint8Array;
  readonly headers: Readonly<Record<string, string>>;
  readonly status: number;

  constructor(type: string, body: string | Uint8Array, headers: Readonly<Record<string, string>> = {}, status = 200) {
    this.type = type;
    this.body = body;
    this.headers = headers;
    this.status = status;
  }
}

/** The handler has taken the connection over and will end it itself. */
export const TAKEN = Symbol("the reply is taken");

export type Answered<T> = Promise<Result<T | Raw | typeof TAKEN, ApiRefusal | ControlRefusal>>;

export type Handlers = { readonly [I in RouteId]: (call: Call<QueryOf<Routes[I]>>) => Answered<Wire<AnswerOf<Routes[I]>>> };

/** On a route that nobody enters without a credential. */
export function callerOf({ request }: Call): Caller {
  assert(request.seen.caller !== undefined, "the gate lets nobody in here without a credential");
  return request.seen.caller;
}
