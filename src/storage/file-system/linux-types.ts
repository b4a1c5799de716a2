import type { FileSystem } from './file-system.ts';

type Kind = readonly [type: string, reach: FileSystem['reach']];

/** FUSE stands for many file systems; its mount tells which. */
export const FUSE = 0x65735546;

/**
 * What `statfs` calls `f_type` on Linux (statfs(2), linux/magic.h and the file systems' own sources). `local` are those
 * whose `flock` the kernel itself implements, in memory, for every file system without one of its own; `network` those
 * that other machines may have mounted too, whatever they make of `flock`.
 */
export const LINUX_TYPES: ReadonlyMap<number, Kind> = new Map<number, Kind>([
  [0xef53, ['ext4', 'local']], // and ext2, ext3
  [0x58465342, ['xfs', 'local']],
  [0x9123683e, ['btrfs', 'local']],
  [0x01021994, ['tmpfs', 'local']],
  [0x858458f6, ['ramfs', 'local']],
  [0x794c7630, ['overlay', 'local']],
  [0x2fc12fc1, ['zfs', 'local']],
  [0xf2f52010, ['f2fs', 'local']],
  [0xca451a4e, ['bcachefs', 'local']],
  [0x3153464a, ['jfs', 'local']],
  [0x52654973, ['reiserfs', 'local']],
  [0x3434, ['nilfs2', 'local']],
  [0x4d44, ['vfat', 'local']],
  [0x2011bab0, ['exfat', 'local']],
  [0x5346544e, ['ntfs', 'local']],
  [0x7366746e, ['ntfs3', 'local']],
  [0x482b, ['hfsplus', 'local']],
  [0x61756673, ['aufs', 'local']],
  [0x24051905, ['ubifs', 'local']],
  [0x72b6, ['jffs2', 'local']],
  [0x15013346, ['udf', 'local']],
  [0x9660, ['iso9660', 'local']],
  [0x73717368, ['squashfs', 'local']],
  [0xe0f5e1e2, ['erofs', 'local']],
  [0x6969, ['nfs', 'network']],
  [0xff534d42, ['cifs', 'network']],
  [0xfe534d42, ['smb2', 'network']],
  [0x517b, ['smb', 'network']],
  [0x564c, ['ncp', 'network']],
  [0x5346414f, ['afs', 'network']],
  [0x6b414653, ['afs', 'network']],
  [0x73757245, ['coda', 'network']],
  [0x00c36400, ['ceph', 'network']],
  [0x0bd00bd0, ['lustre', 'network']],
  [0x47504653, ['gpfs', 'network']],
  [0x01161970, ['gfs2', 'network']],
  [0x7461636f, ['ocfs2', 'network']],
  [0x20030528, ['orangefs', 'network']],
  [0x19830326, ['beegfs', 'network']],
  [0xaad7aaea, ['panfs', 'network']],
  [0x61636673, ['acfs', 'network']],
  [0xa501fcf5, ['vxfs', 'network']],
  [0x01021997, ['9p', 'network']],
  [0x786f4256, ['vboxsf', 'network']],
  [0xbacbacbc, ['vmhgfs', 'network']],
  [0x7c7c6673, ['prl_fs', 'network']],
]);
