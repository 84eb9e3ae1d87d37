/** At which moment of a run the blow falls, and how that moment is noticed. */
import { request, type ClientRequest } from "node:http";
import type { Dice } from "../../src/testing/dice.ts";
import type { Sign } from "./connectors-target.ts";

/** In the order of a run. */
export type Moment =
  | "voting"
  | "authorised"
  | "started"
  | "applying"
  | "begins"
  | "written"
  | "applied"
  | "checked"
  | "undoing"
  | "undo begins"
  | "undo written"
  | "ended";

export interface Told {
  readonly change: string;
  readonly status?: string;
  readonly lines?: readonly string[];
}

const ENDS = ["verified", "failed", "undone", "indeterminate", "stale"];
const LINES: Partial<Record<Moment, RegExp>> = {
  started: /: reading the state$/,
  applying: /: applying$/,
  applied: /: applied$|^verifying$/,
  checked: /^check 1:/,
  undoing: /: undoing/,
  ended: /^ended:/,
};
const STATUSES: Partial<Record<Moment, readonly string[]>> = { started: ["running", "applied"], applied: ["applied"], ended: ENDS };

/** By what the server tells whoever listens. */
export function isNow(moment: Moment, { status = "", lines = [] }: Told): boolean {
  const line = LINES[moment];
  return STATUSES[moment]?.includes(status) === true || (line !== undefined && lines.some((each) => line.test(each)));
}

/** By the target's own log; it has written `back` when that is undone. */
export function isSign(moment: Moment, sign: Sign, value: string, back: string): boolean {
  const undo = value === back || value === "";
  if (moment === "undo begins" || moment === "undo written") return undo && moment.endsWith(sign);
  return moment === sign && value !== back;
}

export const signOf = (moment: Moment): Sign | undefined =>
  moment.endsWith("begins") ? "begins" : moment.endsWith("written") ? "written" : undefined;

export const isUndo = (moment: Moment): boolean => moment.startsWith("undo");

/** Undoing takes a change that fails its verification, and looking again one that is watched. */
export function momentOf(dice: Dice, isSilent = false): Moment {
  const moment = anyOf(dice);
  // By the little while that passes after it, in the middle of the write or after it.
  return !isSilent || signOf(moment) === undefined ? moment : isUndo(moment) ? "undoing" : "applying";
}

function anyOf(dice: Dice): Moment {
  return dice.weighted<Moment>({
    voting: 1,
    authorised: 1,
    started: 3,
    applying: 3,
    begins: 4,
    written: 4,
    applied: 3,
    checked: 2,
    undoing: 2,
    "undo begins": 2,
    "undo written": 2,
    ended: 1,
  });
}

/** The server's stream of what moves and of what runners say, until it breaks off. */
export async function listen(url: string, token: string, heard: (told: Told) => void): Promise<() => void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const sent: ClientRequest = request(`${url}/v1/stream`, { headers: { authorization: `Bearer ${token}`, accept: "text/event-stream" } });
  sent.on("error", () => resolve());
  sent.on("response", (response) => {
    let text = "";
    response.on("error", () => {});
    response.setEncoding("utf8").on("data", (chunk: string) => {
      resolve();
      text += chunk;
      const parts = text.split("\n\n");
      text = parts.pop() ?? "";
      for (const part of parts) {
        const data = /^event: (?:change|progress)\n(?:id: .*\n)?data: (.*)$/m.exec(part)?.[1];
        if (data !== undefined) heard(JSON.parse(data) as Told);
      }
    });
  });
  sent.end();
  await promise;
  return () => sent.destroy();
}
