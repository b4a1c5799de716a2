import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';

/** The words of each line. @param {string} path @returns {AsyncGenerator<string[]>} */
export async function* linesOfWords(path) {
  for await (const line of createInterface({ input: createReadStream(path) })) {
    yield line.toLowerCase().match(/[a-z]+/g) ?? [];
  }
}

/** How often each word is there. @param {string} path @returns {Promise<Map<string, number>>} */
export async function countsIn(path) {
  const counts = new Map();
  for await (const words of linesOfWords(path)) {
    for (const word of words) counts.set(word, (counts.get(word) ?? 0) + 1);
  }
  return counts;
}

/** Numbers of all words. @param {Map<string, number>} counts */
export function totalOf(counts) {
  return [...counts.values()].reduce((sum, count) => sum + count, 0);
}
