import { mkdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { InputError } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { inputsMatching } from '../../src/cli/once/task.ts';
import { tempDirectory } from '../support/temp.ts';

describe('the files of --inputs', () => {
  const directory = () => {
    const path = tempDirectory();
    mkdirSync(join(path, 'deep'));
    for (const name of ['b.txt', 'a.txt', 'deep/c.txt']) writeFileSync(join(path, name), name);
    return path;
  };

  it('count in one order, whatever the order of the disk and of the patterns [A14, X58]', async () => {
    const path = directory();
    const patterns = ['b.txt', 'deep/*', '*.txt'].map((name) => join(path, name));
    const names = (await inputsMatching(patterns))
      .slice(patterns.length)
      .map((input) => basename((input as { file: string }).file));
    expect(names).toEqual(['a.txt', 'b.txt', 'c.txt']);
  });

  it('are an error that names the pattern of which there are none [A14, X58]', async () => {
    const path = directory();
    const asked = inputsMatching([join(path, '*.txt'), join(path, 'none-*')]);
    await expect(asked).rejects.toBeInstanceOf(InputError);
    await expect(asked).rejects.toThrow(`matches no file: "${join(path, 'none-*')}"`);
  });
});
