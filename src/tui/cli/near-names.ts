/** Names within a typing slip of what was asked for, the nearest first; at most three. */
export function nearNames(asked: string, names: readonly string[]): readonly string[] {
  const limit = Math.max(1, Math.floor(asked.length / 3));
  return names
    .map((name) => ({name, distance: editDistance(asked.toLowerCase(), name.toLowerCase())}))
    .filter(({name, distance}) => distance <= limit || (asked.length >= 3 && name.startsWith(asked)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({name}) => name);
}

/** Insertions, deletions, replacements and swaps of neighbours between two words. */
export function editDistance(a: string, b: string): number {
  let older: number[] = [];
  let old = Array.from({length: b.length + 1}, (_, index) => index);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const isSame = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (old[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (old[column - 1] ?? 0) + (isSame ? 0 : 1),
      );
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (isSwap) cost = Math.min(cost, (older[column - 2] ?? 0) + 1);
      current.push(cost);
    }
    older = old;
    old = current;
  }
  return old[b.length] ?? 0;
}
