/** The word within reach of a typing mistake: at most a third of the letters changed, added, dropped or swapped. */
export function nearest(word: string, known: readonly string[]): string | undefined {
  const [best] = known
    .map((candidate) => ({ candidate, distance: editDistance(word.toLowerCase(), candidate.toLowerCase()) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return best?.candidate;
}

/** The same as the end of a message; empty where there is none. */
export function didYouMean(word: string, known: readonly string[]): string {
  const best = nearest(word, known);
  return best === undefined ? '' : `; did you mean ${JSON.stringify(best)}?`;
}

/** Optimal string alignment distance: Levenshtein's, and a swap of two neighbours counts once. */
function editDistance(a: string, b: string): number {
  const row = (length: number, first: number) => Array.from({ length }, (_, at) => (at === 0 ? first : 0));
  const rows = [Array.from({ length: b.length + 1 }, (_, at) => at)];
  for (let i = 1; i <= a.length; i++) {
    const previous = rows[i - 1] as number[];
    const current = row(b.length + 1, i);
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      const steps = [cell(previous, j) + 1, cell(current, j - 1) + 1, cell(previous, j - 1) + same];
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        steps.push(cell(rows[i - 2] as number[], j - 2) + 1);
      }
      current[j] = Math.min(...steps);
    }
    rows.push(current);
  }
  return cell(rows[a.length] as number[], b.length);
}

function cell(row: readonly number[], at: number): number {
  return row[at] ?? Number.POSITIVE_INFINITY;
}
