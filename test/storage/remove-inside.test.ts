import { existsSync, mkdirSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeInside } from '../../src/storage/remove-inside.ts';
import { intercept, meant } from '../engine/portable/intercept.ts';
import { tempDirectory } from '../support/temp.ts';

/** `root/part/old` with files, and somebody else's directory with files of the same names. */
function setUp() {
  const root = tempDirectory();
  const victim = tempDirectory();
  for (const directory of [join(root, 'part/old/inner'), join(victim, 'inner')]) {
    mkdirSync(directory, { recursive: true });
    for (const name of ['a', '../b']) writeFileSync(join(directory, name), 'x');
  }
  const isUntouched = () => readdirSync(victim, { recursive: true }).length === 3;
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

    expect(() => removeInside(root, join(root, 'link/inner'))).toThrow(
      expect.objectContaining({ code: 'ENOTDIR' }),
    );
    expect(isUntouched()).toBe(true);
  });

  it.each(['part', 'part/old', 'part/old/inner'])(
    'is nothing elsewhere, where %s is exchanged for a link meanwhile [K23]',
    (exchanged) => {
      const { root, victim, isUntouched, old } = setUp();
      let isExchanged = false;
      const exchange = () => {
        if (isExchanged) return;
        isExchanged = true;
        renameSync(join(root, exchanged), join(root, 'moved'));
        symlinkSync(exchanged === 'part/old/inner' ? join(victim, 'inner') : victim, join(root, exchanged));
      };
      intercept(
        'lstatSync',
        (original) =>
          ((...call: Parameters<typeof original>) => {
            const found = original(...call);
            if (meant(call[0]) === join(root, exchanged)) exchange(); // it was seen to be a directory
            return found;
          }) as typeof original,
      );

      try {
        removeInside(root, old);
      } catch {
        // It is as good to refuse.
      }
      expect(isExchanged).toBe(true);
      expect(isUntouched()).toBe(true);
    },
  );
});
