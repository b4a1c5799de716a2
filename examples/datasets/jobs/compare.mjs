import { countsIn, totalOf } from '../text.mjs';

/** Which words are in both data sets, and in which of them they are more frequent. @param {import('../library.mjs').Library} library */
export function compare(library) {
  return library.use('novels', (novels) =>
    library.use('letters', (letters) =>
      library.result('compare', [novels, letters], async () => {
        const here = await countsIn(novels.path);
        const there = await countsIn(letters.path);
        const both = [...here.keys()].filter((word) => there.has(word)).sort();
        const [ofHere, ofThere] = [totalOf(here), totalOf(there)];
        /** Above 1: more frequent in the novels. @param {string} word */
        const ratio = (word) => (here.get(word) ?? 0) / ofHere / ((there.get(word) ?? 0) / ofThere);
        return {
          novels: { words: here.size, alone: here.size - both.length },
          letters: { words: there.size, alone: there.size - both.length },
          both: Object.fromEntries(both.map((word) => [word, ratio(word)])),
        };
      }),
    ),
  );
}
