import { chmodSync, chownSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import type { Grant } from '../../../src/engine/engine.ts';
import { recordRights, rightsOf } from '../../../src/engine/file/rights.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { makeDirectory } from '../../../src/storage/directory.ts';
import { needsRoot } from '../../support/root.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor } from '../harness.ts';
import { intercept, systemError } from '../portable/intercept.ts';

const ANN = 65534;
const TEAM = 61999;

beforeEach(() => {
  needsRoot('give files to other users');
});

type Owned = readonly [uid: number, gid: number, mode: number];

function place(directory: Owned, data?: Owned) {
  const home = join(tempDirectory(), 'data');
  mkdirSync(home);
  const beside = join(home, 'roles.json');
  if (data !== undefined) writeFileSync(beside, '{}');
  for (const [path, owned] of [
    [home, directory],
    [beside, data],
  ] as const) {
    if (owned === undefined) continue;
    chownSync(path, owned[0], owned[1]);
    chmodSync(path, owned[2]);
  }
  return { path: join(home, '.roles.json.lock'), beside, access: 'owner' as const };
}

const octal = (mode: number) => mode.toString(8).padStart(4, '0');

describe('what stands beside data', () => {
  it.each<[string, Owned, Owned | undefined, Owned, string]>([
    ['as the data', [ANN, ANN, 0o755], [ANN, ANN, 0o640], [ANN, ANN, 0o640], '0750'],
    ['as the data, in its group', [ANN, ANN, 0o755], [ANN, TEAM, 0o660], [ANN, TEAM, 0o660], '0770'],
    ['for who may replace the data', [0, TEAM, 0o2775], [ANN, TEAM, 0o644], [ANN, TEAM, 0o664], '2775'],
    ['for the group of the directory', [ANN, TEAM, 0o775], [ANN, ANN, 0o644], [ANN, TEAM, 0o664], '0775'],
    [
      'for who may replace data of another group',
      [ANN, TEAM, 0o775],
      [ANN, 5, 0o660],
      [ANN, TEAM, 0o660],
      '0770',
    ],
    ['for who may replace data of one user', [0, TEAM, 0o775], [ANN, ANN, 0o600], [ANN, TEAM, 0o660], '0770'],
    ['as the data, in /tmp', [0, 0, 0o1777], [ANN, ANN, 0o600], [ANN, ANN, 0o600], '1700'],
    ['as the directory, without data', [ANN, TEAM, 0o2770], undefined, [ANN, TEAM, 0o660], '2770'],
    [
      'of the directory’s owner, where root made the data',
      [ANN, ANN, 0o755],
      [0, 0, 0o644],
      [ANN, 0, 0o644],
      '0755',
    ],
    ['open to its owner, whatever the data', [ANN, ANN, 0o500], [ANN, ANN, 0o400], [ANN, ANN, 0o600], '0700'],
  ])('is %s [X34, X36]', (_, directory, data, [uid, gid, mode], directoryMode) => {
    const rights = rightsOf(place(directory, data));

    expect({ ...rights.file, mode: octal(rights.file.mode) }).toEqual({ uid, gid, mode: octal(mode) });
    expect({ ...rights.directory, mode: octal(rights.directory.mode) }).toEqual({
      uid,
      gid,
      mode: directoryMode,
    });
  });

  it('hides an anonymous record from those who may only read the data [X36, R68]', () => {
    const subject = place([0, TEAM, 0o2775], [ANN, TEAM, 0o644]);

    expect(octal(recordRights({ ...subject, anonymous: true }).mode)).toBe('0660');
    expect(octal(recordRights({ ...subject, anonymous: false }).mode)).toBe('0664');
  });
});

describe('a directory for locks', () => {
  it.each(['000', '022', '077', '777'])(
    'is the same under the umask %s, for everybody and for one user [X36, H17]',
    (umask) => {
      const base = tempDirectory();
      const before = process.umask(Number.parseInt(umask, 8));
      onTestFinished(() => void process.umask(before));

      makeDirectory(join(base, 'machine/locks'), 'everyone');
      makeDirectory(join(base, 'user/locks'), 'owner');
      makeDirectory(join(base, 'data/deep'), 'as its parent');

      const modes = ['machine', 'machine/locks', 'user', 'user/locks', 'data', 'data/deep'].map((name) =>
        octal(statSync(join(base, name)).mode & 0o7777),
      );
      expect(modes).toEqual(['0755', '1777', '0700', '0700', '0755', '0755']);
    },
  );

  it('passes a group on to what is made in it for data, and never its openness to all [X34, X36]', () => {
    const base = tempDirectory();
    for (const [name, mode] of [
      ['team', 0o2775],
      ['open', 0o1777],
    ] as const) {
      mkdirSync(join(base, name));
      chownSync(join(base, name), 0, TEAM);
      chmodSync(join(base, name), mode);
      makeDirectory(join(base, name, 'new'), 'as its parent');
    }

    expect(statSync(join(base, 'team/new'))).toMatchObject({ gid: TEAM, mode: 0o42775 });
    expect(statSync(join(base, 'open/new'))).toMatchObject({ mode: 0o40755 });
  });
});

/** What Linux does in a directory with the sticky bit to who would open another user's file with a wish to make it. */
function protectRegularFiles(): void {
  intercept(
    'openSync',
    (original) =>
      ((path: string, flags: number, ...rest: never[]) => {
        const makes = typeof flags === 'number' && (flags & 0o100) !== 0 && (flags & 0o200) === 0;
        if (makes && statSync(path, { throwIfNoEntry: false }) !== undefined) throw systemError('EACCES');
        return (original as (...args: unknown[]) => number)(path, flags, ...rest);
      }) as typeof original,
  );
}

describe('what is there already', () => {
  it('is opened without a wish to make it: a slot that its holder could not remove, a counter [X35]', () => {
    const subject = place([0, 0, 0o1777], [0, 0, 0o666]);
    const request = { ...requestFor(subject.path), beside: subject.beside };
    const shared = { ...request, mode: 'shared' as const, permits: 1 };
    const left = `${subject.path}.permits/slot-0-of-1`;
    (kernelEngine.tryAcquire(shared) as Grant).release();
    writeFileSync(left, '');
    protectRegularFiles();

    const permit = kernelEngine.tryAcquire(shared);
    expect(permit?.isIntact()).toBe(true);
    permit?.release();

    const other = place([0, 0, 0o1777], [0, 0, 0o666]);
    const claimed = { ...requestFor(other.path), beside: other.beside };
    for (let turn = 0; turn < 2; turn++) {
      const grant = portableEngine().tryAcquire(claimed) as Grant;
      expect(grant.degraded).toEqual([]);
      grant.release();
    }
  });
});
