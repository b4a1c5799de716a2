import { countsIn, totalOf } from '../text.mjs';

/** Counts the words of the novels. @param {import('../library.mjs').Library} library */
export function words(library) {
  return library.use('novels', (novels) =>
    library.result('words', [novels], async () => {
      const counts = await countsIn(novels.path);
      const byCount = [...counts].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
      return { total: totalOf(counts), counts: Object.fromEntries(byCount) };
    }),
  );
}
