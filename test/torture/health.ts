import { setTimeout as wait } from "node:timers/promises";
import { Connection } from "./http.ts";

interface Health {
  readonly ok: boolean;
  readonly checks: readonly { readonly name: string; readonly ok: boolean; readonly text?: string }[];
}

export interface Seen {
  /** 0 when nobody answered. */
  readonly status: number;
  readonly store: string | undefined;
}

export async function health(url: string, token: string | undefined): Promise<Seen> {
  const connection = new Connection();
  const reply = await connection.ask(url, { method: "GET", path: "/v1/health", ...(token === undefined ? {} : { token }) });
  connection.close();
  const { checks } = JSON.parse(reply?.text ?? '{"checks":[]}') as Health;
  return { status: reply?.status ?? 0, store: checks.find(({ name }) => name === "store")?.text };
}

/** Settles once health says that nothing can be written. */
export async function alarm(url: string, token: string | undefined): Promise<string> {
  for (;;) {
    const { status, store } = await health(url, token);
    if (status === 503) return store ?? "";
    if (status === 0) throw new Error("the server is gone, and gave no alarm");
    await wait(20);
  }
}
