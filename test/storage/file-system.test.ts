import { mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  describeFileSystem,
  type FileSystem,
  fileSystemOf,
  localLockOption,
  nearest,
} from '../../src/storage/file-system/index.ts';
import { linuxFileSystem } from '../../src/storage/file-system/linux.ts';
import { mountOf } from '../../src/storage/file-system/mounts.ts';
import { windowsFileSystem } from '../../src/storage/file-system/windows.ts';
import { tempDirectory } from '../support/temp.ts';

const TABLE = String.raw`22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:5 / /dev rw,nosuid shared:2 - devtmpfs devtmpfs rw
40 22 0:41 / /srv rw,relatime shared:7 - nfs4 nas:/srv rw,vers=4.2,local_lock=none
41 40 0:42 / /srv/My\040Disk rw - nfs nas:/disk rw,vers=3,nolock,local_lock=all
42 22 0:43 / /mnt/ssh rw,nosuid - fuse.sshfs me@host: rw,user_id=0
43 22 8:17 / /mnt/usb rw - fuseblk /dev/sdb1 rw
44 22 0:44 / /mnt/ssh rw - tmpfs over rw
45 22 0:45 / /host rw - virtiofs host rw
46 22 0:46 / /share rw - cifs //nas/share rw,nobrl
47 22 0:47 / /empty rw - fuse.odd  rw`;

const found = (path: string) => mountOf(path, TABLE)?.type;
const linux = (path: string, magic: number) => linuxFileSystem(path, magic, (asked) => mountOf(asked, TABLE));

describe('the mount a path lies in', () => {
  it.each([
    ['/', 'ext4'],
    ['/srvx', 'ext4'],
    ['/srv', 'nfs4'],
    ['/srv/locks', 'nfs4'],
    ['/srv/My Disk/locks', 'nfs'],
    ['/mnt/ssh/x', 'tmpfs'],
    ['/empty', 'fuse.odd'],
  ])(
    'is the nearest above it, the last of several on one point, and told with blanks: %s is %s',
    (path, type) => {
      expect(found(path)).toBe(type);
    },
  );

  it('is unknown where there is no table, or none that can be read', () => {
    expect([mountOf('/srv', ''), mountOf('/srv', 'no such line\n- - -')]).toEqual([undefined, undefined]);
  });
});

describe('a file system', () => {
  it.each<[magic: number, path: string, type: string, reach: FileSystem['reach']]>([
    [0xef53, '/home', 'ext4', 'local'],
    [0x58465342, '/home', 'xfs', 'local'],
    [0x9123683e, '/home', 'btrfs', 'local'],
    [0x01021994, '/tmp', 'tmpfs', 'local'],
    [0x794c7630, '/', 'overlay', 'local'],
    [0x6969, '/srv/locks', 'nfs4', 'network'],
    [0xff534d42, '/share', 'cifs', 'network'],
    [0xfe534d42, '/share', 'cifs', 'network'],
    [0x01021997, '/home', 'ext4', 'network'],
    [0x00c36400, '/home', 'ext4', 'network'],
    [0x65735546, '/empty/locks', 'fuse.odd', 'network'],
    [0x65735546, '/host/locks', 'virtiofs', 'network'],
    [0x65735546, '/mnt/usb', 'fuseblk', 'local'],
    [0x12345678, '/host', 'virtiofs', 'unknown'],
  ])('of the magic number %x at %s is %s, and %s [H12, R49]', (magic, path, type, reach) => {
    expect(linux(path, magic)).toMatchObject({ type, reach });
  });

  it('is what the kernel says it is, for a directory that exists and for one that is still to be made [R49]', () => {
    const directory = tempDirectory();
    const here = fileSystemOf(directory);

    expect(here).toMatchObject({ reach: 'local' });
    expect(fileSystemOf(join(directory, 'not', 'made'))).toEqual(here);
    expect(fileSystemOf('/dev/shm')).toMatchObject({ type: 'tmpfs', reach: 'local' });
    expect(fileSystemOf('/proc')).toMatchObject({ type: 'proc', reach: 'unknown' });
    expect(fileSystemOf(`${directory}\0`)).toMatchObject({ type: 'unknown', reach: 'unknown' });
  });

  it('is looked up where a link leads, and nearest above what does not exist', () => {
    const directory = tempDirectory();
    mkdirSync(join(directory, 'real'));
    symlinkSync(join(directory, 'real'), join(directory, 'link'));

    expect(nearest(join(directory, 'link/a/b'))).toBe(join(directory, 'real'));
    expect(nearest(directory)).toBe(directory);
  });

  it('on Windows is a network drive when its real path is a share, mapped to a letter or not [R49, R13]', () => {
    expect(windowsFileSystem('Z:\\locks', '\\\\nas\\share\\locks')).toMatchObject({
      type: 'smb',
      reach: 'network',
    });
    expect(windowsFileSystem('C:\\locks', 'C:\\locks')).toMatchObject({ reach: 'unknown' });
  });

  it('says which mount option keeps the kernel’s lock on this machine [H12]', () => {
    expect(localLockOption(linux('/srv/locks', 0x6969))).toBe(undefined);
    expect(localLockOption(linux('/srv/My Disk', 0x6969))).toBe('nolock');
    expect(localLockOption(linux('/share', 0xff534d42))).toBe('nobrl');
  });

  it('is named in words [R52]', () => {
    const words = [
      linux('/srv/locks', 0x6969),
      linux('/share', 0xff534d42),
      linux('/empty', 0x65735546),
      linux('/host', 0x65735546),
      linux('/home', 0x58465342),
    ].map(describeFileSystem);
    expect(words).toEqual([
      'an NFS network drive (nfs4)',
      'an SMB network drive (cifs)',
      'a FUSE file system, which counts as a network drive (fuse.odd)',
      'a directory shared with a virtual machine (virtiofs)',
      'a file system of type xfs',
    ]);
  });
});
