/** A table of more cells is not filled: what lies between equal ends then counts as changed. */
const MOST_CELLS = 4_000_000;

/**
 * Merges two edits of a list as lines of a text are merged: undefined where both changed the same place, each in its own
 * way. After "A Formal Investigation of Diff3" (Khanna, Kunal and Pierce 2007): elements that all three have in common cut
 * the lists into pieces, and each piece is changed by one side, by both alike, or in conflict.
 */
export function mergeLists<Item>(
  base: readonly Item[],
  ours: readonly Item[],
  theirs: readonly Item[],
): Item[] | undefined {
  const [inOurs, inTheirs] = [matches(base, ours), matches(base, theirs)];
  const merged: Item[] = [];
  let [b, o, t] = [0, 0, 0];
  for (let next = 0; next <= base.length; next++) {
    const isEnd = next === base.length;
    const nextOurs = isEnd ? ours.length : inOurs[next];
    const nextTheirs = isEnd ? theirs.length : inTheirs[next];
    if (nextOurs === undefined || nextTheirs === undefined) continue;
    const piece = mergePiece(base.slice(b, next), ours.slice(o, nextOurs), theirs.slice(t, nextTheirs));
    if (piece === undefined) return undefined;
    for (const item of piece) merged.push(item);
    if (!isEnd) merged.push(base[next] as Item);
    [b, o, t] = [next + 1, nextOurs + 1, nextTheirs + 1];
  }
  return merged;
}

function mergePiece<Item>(
  base: readonly Item[],
  ours: readonly Item[],
  theirs: readonly Item[],
): readonly Item[] | undefined {
  if (areEqual(ours, theirs) || areEqual(theirs, base)) return ours;
  return areEqual(ours, base) ? theirs : undefined;
}

function areEqual<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

/** For each item of `base` the index of its partner in `side`, by a longest common subsequence. */
function matches<Item>(base: readonly Item[], side: readonly Item[]): (number | undefined)[] {
  const partners = new Array<number | undefined>(base.length).fill(undefined);
  let start = 0;
  while (start < base.length && start < side.length && base[start] === side[start]) partners[start] = start++;
  let [endOfBase, endOfSide] = [base.length, side.length];
  while (endOfBase > start && endOfSide > start && base[endOfBase - 1] === side[endOfSide - 1]) {
    partners[--endOfBase] = --endOfSide;
  }
  const [rows, columns] = [endOfBase - start, endOfSide - start];
  if (rows * columns > MOST_CELLS) return partners;

  const width = columns + 1;
  /** How many items of the two rests have partners. */
  const lengths = new Uint32Array((rows + 1) * width);
  const length = (row: number, column: number) => lengths[row * width + column] as number;
  for (let row = rows - 1; row >= 0; row--) {
    for (let column = columns - 1; column >= 0; column--) {
      lengths[row * width + column] =
        base[start + row] === side[start + column]
          ? length(row + 1, column + 1) + 1
          : Math.max(length(row + 1, column), length(row, column + 1));
    }
  }
  for (let row = 0, column = 0; row < rows && column < columns; ) {
    if (base[start + row] === side[start + column]) partners[start + row++] = start + column++;
    else if (length(row + 1, column) >= length(row, column + 1)) row++;
    else column++;
  }
  return partners;
}
