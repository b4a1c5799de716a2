import { chmodSync, chownSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { adviceOn } from '../../src/errors/advice.ts';
import { tempDirectory } from '../support/temp.ts';

describe('the advice about a path that cannot be used', () => {
  it('differs by what is wrong [X47]', () => {
    const codes = [
      'ENOSPC',
      'EDQUOT',
      'EROFS',
      'ENOTDIR',
      'ENAMETOOLONG',
      'ELOOP',
      'EIO',
      'ESTALE',
      'ENOENT',
      'EPERM',
      'EMFILE',
      'ENFILE',
      'ENOMEM',
    ];
    const advice = codes.map((code) => adviceOn('/etc', code));
    expect(new Set(advice).size).toBe(codes.length);
    for (const each of advice) expect(each).not.toMatch(/writable|permission/i);
    expect(advice.filter((each) => each.startsWith('Find out'))).toEqual([]);
    expect(adviceOn('/etc', 'ENOSPC')).toBe('Make room on the disk');
    expect(adviceOn('/etc', 'EPERM')).toBe('See whether /etc may be changed at all: lsattr -d /etc');
  });

  it('says of /proc and /sys that nobody makes anything there [X47]', () => {
    const [own, elsewhere] = ['Nothing can be made in /proc', 'choose a directory on a disk'];
    for (const path of ['/proc', '/proc/locks/a.lock'])
      expect(adviceOn(path, 'ENOENT')).toBe(`${own}, which is the system's own: ${elsewhere}`);
    const others = ['use another one', 'wait'];
    expect(adviceOn('/sys/locks', 'EACCES', undefined, { others })).toMatch(/own: use another one, or wait$/);
    expect(adviceOn('/process/locks', 'ENOENT')).toMatch(/^Create its directory/);
    expect(adviceOn('/proc', 'EMFILE')).toMatch(/^This process has too many files open/);
  });

  it.skipIf(process.getuid?.() !== 0)(
    'names whose the nearest thing is that can be seen, with an or before the last step, and has nothing given away but what Holdfast made for one user [X46, X47]',
    () => {
      const [directory, theirs] = [tempDirectory(), join(tempDirectory(), "it's")];
      mkdirSync(theirs);
      chownSync(theirs, 61_234, 61_234);
      const above = `${theirs} belongs to user id 61234. Have its owner let this user in, or do this as user id 61234`;
      for (const kept of ['wherever', 'for one user'] as const) {
        expect(adviceOn(join(theirs, 'not/there.lock'), 'EACCES', undefined, { kept })).toBe(above);
      }
      expect(adviceOn(theirs, 'EACCES')).toBe(above);
      const others = ['use another one'];
      expect(adviceOn(theirs, 'EACCES', undefined, { others })).toBe(
        `${above.replace(', or do', ', do')}, or use another one`,
      );
      expect(adviceOn(theirs, 'ENOSPC', undefined, { others })).toBe(
        'Make room on the disk, or use another one',
      );
      const word = `'${theirs.replace("'", "'\\''")}'`;
      expect(adviceOn(theirs, 'EACCES', undefined, { kept: 'for one user' })).toBe(
        `${theirs} belongs to user id 61234. Give it to this user (sudo chown -R 0 ${word}), or do this as user id 61234`,
      );
      chmodSync(directory, 0o500);
      expect(adviceOn(join(directory, 'a.lock'), 'EACCES')).toBe(
        `Give its user access to ${directory} again: chmod u+rwX ${directory}`,
      );
    },
  );

  it('says what Node.js was not given, of its permission model [X49]', () => {
    const denied = (permission: string, resource: string) =>
      adviceOn(
        '/data/a.lock',
        'ERR_ACCESS_DENIED',
        Object.assign(new Error('denied'), { permission, resource }),
      );
    expect(denied('FileSystemWrite', '/data/a b')).toBe("Start Node.js with --allow-fs-write='/data/a b'");
    expect(denied('FileSystemRead', '')).toBe('Start Node.js with --allow-fs-read=/data');
    expect(denied('', '')).toBe('Start Node.js with --allow-addons');
    expect(adviceOn('/data/a.lock', 'ERR_ACCESS_DENIED')).toBe('Start Node.js with --allow-addons');
  });
});
