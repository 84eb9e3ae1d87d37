import { Agent } from "node:http";
import { ask as askOnce, type Ask } from "../../src/testing/ask.ts";

export interface Reply {
  readonly status: number;
  readonly body: unknown;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });
const TIMEOUT_MILLIS = 2_500;

/** With the answer read, where it is JSON. */
export async function ask(url: string, asked: Ask, timeoutMillis = TIMEOUT_MILLIS): Promise<Reply | undefined> {
  const reply = await askOnce(url, asked, { agent, timeoutMillis });
  return reply && { status: reply.status, body: parsed(reply.text) };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
