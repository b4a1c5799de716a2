import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeInside } from '../../src/storage/remove-inside.ts';
import { intercept, meant } from '../engine/portable/intercept.ts';
import { tempDirectory } from '../support/temp.ts';

/** `part/old` with files, and the same in somebody else's directory. */
function setUp() {
  const [root, victim] = [tempDirectory(), tempDirectory()];
  for (const directory of [root, victim]) {
    mkdirSync(join(directory, 'part/old/inner'), { recursive: true });
    for (const name of ['a', 'inner/b']) writeFileSync(join(directory, 'part/old', name), 'x');
  }
  const isUntouched = () => readdirSync(victim, { recursive: true }).length === 5;
  return { root, victim, isUntouched, old: join(root, 'part/old') };
}

describe('what is removed inside a directory', () => {
  it('goes with all that is in it, and links in it go without what they lead to [K23]', () => {
    const { root, victim, isUntouched, old } = setUp();
    symlinkSync(victim, join(old, 'inner/link'));

    removeInside(root, old);
    expect(existsSync(old)).toBe(false);
    expect(isUntouched()).toBe(true);
  });

  it('is not sought beyond a link on the way [K23]', () => {
    const { root, victim, isUntouched } = setUp();
    symlinkSync(victim, join(root, 'link'));

    expect(() => removeInside(root, join(root, 'link/part/old'))).toThrow(
      expect.objectContaining({ code: 'ENOTDIR' }),
    );
    expect(isUntouched()).toBe(true);
  });

  it.each(
    ['part', 'part/old', 'part/old/inner'].flatMap((exchanged) =>
      (['lstatSync', 'openSync'] as const).map((after) => [exchanged, after] as const),
    ),
  )('is nothing elsewhere, where %s is exchanged for a link right after %s [K23]', (exchanged, after) => {
    const { root, victim, isUntouched, old } = setUp();
    const path = join(root, exchanged);
    let isExchanged = false;
    const exchange = () => {
      if (isExchanged) return;
      isExchanged = true;
      renameSync(path, join(root, 'moved'));
      symlinkSync(join(victim, exchanged), path);
    };
    intercept(after, (original) => {
      const call = original as (...parameters: unknown[]) => unknown;
      return ((...parameters: unknown[]) => {
        const isIt = meant(parameters[0]) === path;
        const result = call(...parameters);
        if (isIt) exchange();
        return result;
      }) as typeof original;
    });

    try {
      removeInside(root, old);
    } catch {
      // It is as good to refuse.
    }
    expect(isExchanged).toBe(exchanged !== 'part' || after === 'openSync'); // nobody asks what the first is
    expect(isUntouched()).toBe(true);
  });
});
