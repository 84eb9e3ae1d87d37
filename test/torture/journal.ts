/** What the clients asked for, and what they were told. */
import type { Kind, Recorder } from "../../src/testing/history.ts";
import type { ChangeView } from "../../src/control/types.ts";
import type { Ask, Reply } from "../../src/testing/ask.ts";
import { Connection } from "./http.ts";
import { broken } from "./violation.ts";

/** A proposal with its idempotency key: asked again, it must be answered with the same change. */
export interface Proposed {
  readonly tag: string;
  readonly by: string;
  readonly body: { readonly title: string; readonly [member: string]: unknown };
  /** Where it has its effect, and by what the effect is known there. */
  readonly effect: { readonly kind: "git"; readonly repository: string } | { readonly kind: "policy"; readonly digest: string };
  /** Once somebody was told. */
  id?: string;
}

export interface Tally {
  acknowledged: number;
  refused: number;
  unavailable: number;
  lost: number;
  keysAsked: number;
  keysStored: number;
}

export class Journal {
  readonly proposals = new Map<string, Proposed>();
  readonly tally: Tally = { acknowledged: 0, refused: 0, unavailable: 0, lost: 0, keysAsked: 0, keysStored: 0 };
  /** Answers that say that the server itself is at fault. */
  readonly incidents: string[] = [];
  readonly #ids = new Map<string, Proposed>();

  named(proposed: Proposed, id: string): void {
    if (proposed.id !== undefined && proposed.id !== id) {
      throw broken(`the idempotency key of ${proposed.tag} was answered with ${proposed.id} and with ${id}`);
    }
    proposed.id = id;
    this.#ids.set(id, proposed);
  }

  byId(id: string): Proposed | undefined {
    return this.#ids.get(id);
  }
}

/** One principal with one connection, whose every call is on record. */
export class Caller {
  readonly principal: string;
  readonly connection = new Connection();
  readonly #token: string;
  readonly #recorder: Recorder;
  readonly #journal: Journal;

  constructor(principal: string, token: string, recorder: Recorder, journal: Journal) {
    this.principal = principal;
    this.#token = token;
    this.#recorder = recorder;
    this.#journal = journal;
  }

  /** The change as the answer shows it; undefined when it was refused, or nobody knows. */
  async change(url: string, kind: Kind, id: string, ask: Omit<Ask, "token">): Promise<ChangeView | undefined> {
    const invocation = this.#recorder.invoke({ client: this.principal, change: id, kind, by: this.principal });
    const reply = await this.ask(url, ask);
    if (reply === undefined || reply.status >= 500) return undefined;
    if (reply.status >= 300) {
      invocation.refused((JSON.parse(reply.text) as { reason: string }).reason);
      return undefined;
    }
    const view = JSON.parse(reply.text) as ChangeView;
    invocation.accepted({ version: view.version, status: view.status, change: view.id });
    return view;
  }

  async ask(url: string, ask: Omit<Ask, "token">): Promise<Reply | undefined> {
    const reply = await this.connection.ask(url, { ...ask, token: this.#token });
    const { tally, incidents } = this.#journal;
    if (reply === undefined) tally.lost += 1;
    else if (reply.status === 503) tally.unavailable += 1;
    else if (reply.status >= 400 && reply.status < 500) tally.refused += 1;
    else if (reply.status >= 500) incidents.push(`${ask.method} ${ask.path}: ${reply.status} ${reply.text}`);
    else if (ask.method !== "GET") tally.acknowledged += 1;
    return reply;
  }

  /** Proposes under the tag as idempotency key: the answer is the change as it has become, however often it was asked for. */
  propose(url: string, { tag, body, id = "" }: Proposed): Promise<ChangeView | undefined> {
    const ask = { method: "POST", path: "/v1/changes", body, headers: { "idempotency-key": tag } } as const;
    return this.change(url, "read", id, ask);
  }
}
