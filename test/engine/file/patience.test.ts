import { chmodSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { patiently } from '../../../src/engine/file/make.ts';
import { tempDirectory } from '../../support/temp.ts';
import { systemError } from '../portable/intercept.ts';

describe('a call that is refused in a directory of another user', () => {
  /** More refusals than there are within a tenth of a second. */
  const MANY = 300;
  const rights = () => ({ uid: undefined, gid: undefined, mode: 0o777 });

  /** A directory with such a mode, new at every call, a call that it refuses so often, and how often it was called. */
  function refusing({ mode, until }: { readonly mode: number; readonly until: number }) {
    const path = join(tempDirectory(), 'queue');
    const make = () => {
      mkdirSync(path);
      chmodSync(path, mode);
    };
    make();
    let calls = 0;
    const call = () => {
      rmdirSync(path);
      make();
      calls += 1;
      if (calls <= until) throw systemError('EACCES');
      return 'made';
    };
    return { path, call, count: () => calls };
  }

  it('is made again until the directory has all its rights [X33]', () => {
    const { path, call } = refusing({ mode: 0o700, until: MANY });

    expect(patiently(path, call, rights)).toBe('made');
  });

  it('is made once more after the directory was seen to have them, as it may just have got them [X33]', () => {
    const { path, call } = refusing({ mode: 0o777, until: 1 });

    expect(patiently(path, call, rights)).toBe('made');
  });

  it('fails at once where the rights are what they are to be, and refuse it [X33]', () => {
    const { path, call, count } = refusing({ mode: 0o777, until: MANY });

    expect(() => patiently(path, call, rights)).toThrow('EACCES');
    expect(count()).toBe(2);
  });
});
