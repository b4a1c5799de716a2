import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { removeInside } from '../../src/storage/remove-inside.ts';
import { intercept, meant, systemError } from '../engine/portable/intercept.ts';
import { memoryDirectory, tempDirectory } from '../support/temp.ts';

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

function caught(body: () => void): NodeJS.ErrnoException {
  try {
    body();
  } catch (error) {
    return error as NodeJS.ErrnoException;
  }
  throw new Error('it was removed');
}

/** `tree` with so many levels of directories, one in the other, and a file in the last: made from below, for no path leads there. */
function deepTree(levels: number): { readonly root: string; readonly tree: string } {
  const root = memoryDirectory();
  const [tree, around] = [join(root, 'tree'), join(root, 'around')];
  mkdirSync(tree);
  writeFileSync(join(tree, 'file'), 'x');
  for (let level = 1; level < levels; level++) {
    mkdirSync(around);
    renameSync(tree, join(around, 'level'));
    renameSync(around, tree);
  }
  return { root, tree };
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

  it('may be of any depth, also beyond the longest path, and takes few descriptors [K17, K28]', () => {
    const { root, tree } = deepTree(5000);
    let highest = 0;
    intercept('openSync', (original) => (...parameters) => {
      const fd = original(...parameters);
      highest = Math.max(highest, fd);
      return fd;
    });
    removeInside(root, tree);
    expect(readdirSync(root)).toEqual([]);
    const fd = openSync(root, 'r');
    closeSync(fd);
    expect(highest - fd).toBeLessThan(64);
  });

  it('is nothing elsewhere, where a directory above a deep one is exchanged for a link before that is moved up [K23]', () => {
    const { root, tree } = deepTree(40);
    const { tree: victim } = deepTree(40);
    let isExchanged = false;
    intercept('renameSync', (original) => (from, to) => {
      if (!isExchanged) {
        isExchanged = true;
        const above = dirname(meant(from));
        original(above, join(root, 'moved'));
        symlinkSync(join(victim, above.slice(tree.length)), above);
      }
      original(from, to);
    });
    try {
      removeInside(root, tree);
    } catch {
      // It is as good to refuse.
    }
    expect(isExchanged).toBe(true);
    expect(readdirSync(victim, { recursive: true })).toHaveLength(40);
  });

  it('goes where no directory can be moved up; what is too deep for that is named [K17, K28]', () => {
    const [shallow, deep] = [deepTree(200), deepTree(300)];
    intercept('renameSync', () => () => {
      throw systemError('EXDEV');
    });
    removeInside(shallow.root, shallow.tree);
    expect(readdirSync(shallow.root)).toEqual([]);
    const error = caught(() => removeInside(deep.root, deep.tree));
    expect(error).toMatchObject({ code: 'EXDEV', path: expect.stringMatching(/tree(\/level){257}$/) });
    expect(error).toHaveProperty(
      'message',
      `${error.path} lies too deep to be removed, and cannot be moved up: EXDEV`,
    );
  });
});
