import { canonical, fail, ok, parseJson } from "../../core/base/index.ts";
import type { Json, Result } from "../../core/base/index.ts";
import { ABSENT, selected, type HttpLook, type State } from "../../core/operation/index.ts";
import { bearerFor } from "./credentials.ts";
import { send } from "./transport.ts";
import type { HttpOptions } from "./types.ts";

/** What is there now, and by what a write can be told apart from another. */
export interface Seen {
  readonly state: State;
  readonly etag?: string;
  readonly document: Json;
}

export interface Where {
  readonly origin: string;
  readonly credential?: string;
  readonly read_credential?: string;
}

/** Reads, and changes nothing. Of an answer that cannot be used no word is repeated: who answers so may have put anything into it. */
export async function lookAt(options: HttpOptions, where: Where, look: HttpLook, signal: AbortSignal): Promise<Result<Seen>> {
  const bearer = bearerFor(options, where.read_credential ?? where.credential, where.origin);
  if (!bearer.ok) return bearer;
  const headers = { ...BASE, ...look.headers, ...(bearer.value && { [bearer.value.header]: bearer.value.value }) };
  const answer = await send(options, { origin: where.origin, method: "GET", target: look.target, headers, signal });
  if (answer.kind !== "answer")
    return fail({ ...answer.error, message: `${where.origin} could not be looked at: ${answer.error.message}` });
  const { status, etag, body } = answer;
  if (look.absent.includes(status)) return ok({ state: ABSENT, document: null });
  if (status !== 200) return fail(unexpected(where.origin, status));
  const document = parseJson(body);
  if (!document.ok)
    return fail({
      code: "http_answer_unreadable",
      message: `what ${where.origin} answered is not JSON that has one meaning: ${document.error.code}`,
      remedy: "look at the API",
    });
  const state = selected(document.value, look.select);
  if (!state.ok) return state;
  if (holdsCredential(options, where, `${canonical(state.value.fields)} ${etag ?? ""}`))
    return fail({
      code: "http_echo",
      message: "what the API shows as its state holds the credential that it was sent",
      remedy: "select other fields",
    });
  return ok({ state: state.value, ...(etag === undefined ? {} : { etag }), document: document.value });
}

/** Either credential, as it is or as JSON spells it: what the API shows of it would be kept for ever. */
export function holdsCredential(options: HttpOptions, { origin, credential, read_credential: reading }: Where, text: string): boolean {
  return [credential, reading].some((name) => {
    const bearer = bearerFor(options, name, origin);
    // One that this process does not have cannot be told apart here.
    if (!bearer.ok || bearer.value === undefined) return false;
    const { secret } = bearer.value;
    return text.includes(secret) || text.includes(JSON.stringify(secret).slice(1, -1));
  });
}

export const BASE = { accept: "application/json", "accept-encoding": "identity", "user-agent": "pawl" } as const;

function unexpected(origin: string, status: number) {
  const redirect = status >= 300 && status < 400;
  return {
    code: redirect ? "http_redirect" : "http_status",
    message: `${origin} answered with ${status}${redirect ? ", and redirects are not followed" : ""}`,
    remedy: redirect
      ? "declare where it really is"
      : status === 404
        ? "if that means that it is not there, declare absent: [404]"
        : "look at the API, and at the credential",
  };
}
