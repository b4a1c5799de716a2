// The corpus: two data sets of made-up prose. The same name and edition always give the same bytes.

const MEBIBYTE = 1024 * 1024;
const WORDS_A_LINE = 12;
const LINES_A_PARAGRAPH = 8;
const SYLLABLES =
  'ka ro min te sal u ver den i lor pa qui stra ne om bel fa tor gi lun e zar wo pre ha'.split(' ');

/** Each takes its words from a part of one vocabulary; the parts overlap. */
const DATA_SETS = {
  novels: { seed: 1, bytes: 8 * MEBIBYTE, firstWord: 0, words: 5000 },
  letters: { seed: 2, bytes: 2 * MEBIBYTE, firstWord: 1500, words: 4000 },
};

/** @typedef {keyof typeof DATA_SETS} Name */

export const names = /** @type {Name[]} */ (Object.keys(DATA_SETS));

/** @type {Map<string, Buffer>} */
const made = new Map();

/** @param {Name} name @param {number} edition @returns {Buffer} */
export function dataSet(name, edition) {
  const known = made.get(`${name} ${edition}`) ?? make(name, edition);
  made.set(`${name} ${edition}`, known);
  return known;
}

/** @param {Name} name @param {number} edition */
function make(name, edition) {
  const { seed, bytes, firstWord, words } = DATA_SETS[name];
  const chance = randomFrom(seed * 1_000_003 + edition);
  /** Few words are frequent, most are rare. */
  const anyWord = () => word(firstWord + Math.floor(words * chance() ** 3));
  const lines = [];
  for (let length = 0; length < bytes; ) {
    const line = Array.from({ length: WORDS_A_LINE }, anyWord).join(' ');
    lines.push(`${line[0]?.toUpperCase()}${line.slice(1)}.`);
    if (lines.length % LINES_A_PARAGRAPH === 0) lines.push('');
    length += line.length + 2;
  }
  return Buffer.from(`${lines.join('\n')}\n`);
}

/** @type {string[]} */
const vocabulary = [];

/** A word for every number, and another one for each. @param {number} number */
function word(number) {
  vocabulary[number] ??= spell(number);
  return vocabulary[number];
}

/** Two syllables or more, with a letter between them that no syllable has: no two numbers are spelled alike. @param {number} number */
function spell(number) {
  const digits = [];
  for (let rest = number; rest > 0 || digits.length < 2; rest = Math.floor(rest / SYLLABLES.length)) {
    digits.push(SYLLABLES[rest % SYLLABLES.length]);
  }
  return digits.join('y');
}

/** Numbers from 0 to below 1, the same ones for every seed ("mulberry32"). @param {number} seed */
function randomFrom(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
