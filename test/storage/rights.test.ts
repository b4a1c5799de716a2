import { chmodSync, chownSync, linkSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { setModeOfOwn } from '../../src/storage/fs/rights.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';

const [ANN, BEN] = [65_101, 65_102];

/** A file of this user. `as` runs what follows in this test as another one. */
function place(mode: number, uid: number) {
  needsRoot();
  const directory = tempDirectory();
  const file = join(directory, 'file');
  writeFileSync(file, 'text');
  chownSync(file, uid, uid);
  chmodSync(file, mode);
  chmodSync(directory, 0o777);
  const as = (user: number) => {
    process.seteuid?.(user);
    onTestFinished(() => process.seteuid?.(0));
  };
  return { directory, file, as, mode: () => statSync(file).mode & 0o7777 };
}

describe('a mode that is given to a file', () => {
  it.each([0, 0o600, 0o644])('reaches one of the user, also from %o [X13, K21]', (mode) => {
    const { file, as, mode: found } = place(mode, ANN);
    as(ANN);
    setModeOfOwn(file, 0o444);
    expect(found()).toBe(0o444);
  });

  it.each([0, ANN])('goes no further than a link in its place, for user %i [X13]', (user) => {
    const { directory, as, mode } = place(0o600, user);
    const link = join(directory, 'link');
    symlinkSync('file', link);
    as(user);
    setModeOfOwn(link, 0o444);
    expect(mode()).toBe(0o600);
  });

  it.each([0, ANN])('does not reach that of somebody else, for user %i [X13]', (user) => {
    const { directory, file, as, mode } = place(0o640, BEN);
    const same = join(directory, 'same');
    linkSync(file, same);
    as(user);
    setModeOfOwn(same, 0o444);
    expect(mode()).toBe(0o640);
  });
});
