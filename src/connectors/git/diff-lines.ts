import type { TreeChange } from "./types.ts";
import { textOf } from "./effects.ts";

export interface Line {
  readonly number: number;
  readonly text: string;
}

/** The lines that a change brings to a file, numbered as in the result. Without a diff, every line counts as new. */
export function addedLines(change: TreeChange): readonly Line[] {
  if (change.diff !== undefined) return fromDiff(change.diff);
  return (textOf(change.after) ?? "").split("\n").map((text, index) => ({ number: index + 1, text }));
}

function fromDiff(diff: string): readonly Line[] {
  const lines: Line[] = [];
  let number = 0;
  let inside = false;
  for (const text of diff.split("\n")) {
    const hunk = /^@@ -\d+(?:,\d+)? \+(\d+)(?:,\d+)? @@/.exec(text);
    if (hunk !== null) {
      number = Number(hunk[1]);
      inside = true;
    } else if (inside && text.startsWith("+")) lines.push({ number: number++, text: text.slice(1) });
    else if (inside && text.startsWith(" ")) number += 1;
  }
  return lines;
}
