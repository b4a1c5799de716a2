import { linesOfWords } from '../text.mjs';

/** Which lines of the novels each word is in, counted from 1. @param {import('../library.mjs').Library} library */
export function index(library) {
  return library.use('novels', (novels) =>
    library.result('index', [novels], async () => {
      /** @type {Map<string, number[]>} */
      const places = new Map();
      let line = 0;
      for await (const words of linesOfWords(novels.path)) {
        line++;
        for (const word of new Set(words)) {
          const known = places.get(word);
          if (known === undefined) places.set(word, [line]);
          else known.push(line);
        }
      }
      return Object.fromEntries(places);
    }),
  );
}
