import type { Detail } from "../../core/plan/index.ts";

/** The whole of what changes, as lines: common head and tail are left out, everything between is shown. How much of it, the plan bounds. */
export function wholeDiff(before: string, after: string): Detail {
  const [a, b] = [before.split("\n"), after.split("\n")];
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head += 1;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a[a.length - 1 - tail] === b[b.length - 1 - tail]) tail += 1;
  const removed = a.slice(head, a.length - tail);
  const added = b.slice(head, b.length - tail);
  const lines = [
    `@@ -${head + 1},${removed.length} +${head + 1},${added.length} @@`,
    ...removed.map((l) => `-${l}`),
    ...added.map((l) => `+${l}`),
  ];
  return { kind: "diff", text: lines.join("\n"), added: added.length, removed: removed.length };
}
