/**
 * The shortest list, nearly, that still fails: leaves out ever smaller pieces as long as what is left fails. `fails` answers
 * the part that is needed for the failure, or undefined when there is none. At most `tries` attempts.
 */
export async function shrink<T>(
  items: readonly T[],
  fails: (items: readonly T[]) => Promise<readonly T[] | undefined>,
  tries: number,
): Promise<readonly T[]> {
  let shortest = items;
  let left = tries;
  for (let size = Math.ceil(shortest.length / 2); size >= 1 && left > 0; size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let at = Math.max(0, shortest.length - size); left > 0; at = Math.max(0, at - size)) {
      left--;
      const without = [...shortest.slice(0, at), ...shortest.slice(at + size)];
      const failing = without.length < shortest.length ? await fails(without) : undefined;
      if (failing !== undefined) shortest = failing;
      if (at === 0) break;
    }
  }
  return shortest;
}
