import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { root } from './documents.ts';

interface Planted {
  readonly id: string;
  readonly file: string;
  readonly text: string;
  readonly replacement: string;
  readonly tests: readonly string[];
}

const lists = join(root, 'test/mutants');
const planted: readonly Planted[] = readdirSync(lists).flatMap((name) =>
  parse(readFileSync(join(lists, name), 'utf8')),
);

describe('the bugs that are planted by hand', () => {
  it('have an id each', () => {
    const ids = planted.map(({ id }) => id);
    expect(ids.length).toBeGreaterThan(500);
    expect(ids.filter((id, index) => ids.indexOf(id) !== index)).toEqual([]);
  });

  it('stand for code that is there, once, and name tests that are', () => {
    const isOutOfDate = ({ file, text, replacement, tests }: Planted) => {
      const found = existsSync(join(root, file))
        ? readFileSync(join(root, file), 'utf8').split(text).length - 1
        : 0;
      return found !== 1 || text === replacement || tests.some((test) => !existsSync(join(root, test)));
    };
    expect(planted.filter(isOutOfDate).map(({ id }) => id)).toEqual([]);
  });
});
