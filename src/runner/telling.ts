/** Lines for whoever watches, in small parcels: what comes too fast is counted and not sent. */
import { visible } from "../core/base/index.ts";
import type { Timers } from "../control/ports.ts";

const MOST_LINES = 50;
const MOST_LINE = 500;
const PAUSE_MILLIS = 500;

export interface Telling {
  readonly say: (line: string) => void;
  end(): Promise<void>;
}

export function telling(timers: Timers, send: (lines: readonly string[]) => Promise<unknown>): Telling {
  let waiting: string[] = [];
  let left = 0;
  let cancel: (() => void) | undefined;
  let sending: Promise<unknown> = Promise.resolve();
  const flush = (): void => {
    cancel = undefined;
    if (waiting.length === 0) return;
    const lines = left === 0 ? waiting : [...waiting, `… and ${left} lines more`];
    [waiting, left] = [[], 0];
    sending = sending.then(() => send(lines)).catch(() => undefined);
  };
  return {
    say(line) {
      const shown = visible(line.slice(0, MOST_LINE).toWellFormed()).slice(0, MOST_LINE * 2);
      if (shown === "") return;
      if (waiting.length >= MOST_LINES) left += 1;
      else waiting.push(shown);
      cancel ??= timers.after(PAUSE_MILLIS, flush);
    },
    async end() {
      cancel?.();
      flush();
      await sending;
    },
  };
}
