/** Where a path lies, as far as that decides what a lock there is worth. */
export interface FileSystem {
  /** As `mount` names it: `ext4`, `nfs4`, `fuse.sshfs`; `unknown` where the system does not say. */
  readonly type: string;
  /** `local`: only this machine's kernel reaches it. `network`: other machines may reach it too. `unknown`: not to be told. */
  readonly reach: 'local' | 'network' | 'unknown';
  /** The mount's options, as far as they were looked up: for network drives, where they decide what a lock does. */
  readonly options: readonly string[];
}

export const UNKNOWN: FileSystem = { type: 'unknown', reach: 'unknown', options: [] };

/** Mount options under which the kernel's lock is kept on this machine alone. */
const LOCAL_LOCK_OPTIONS = ['nolock', 'local_lock=all', 'local_lock=flock', 'nobrl', 'localflock'];

/** The option that keeps the kernel's locks on this machine alone, if the mount has one. */
export function localLockOption({ options }: FileSystem): string | undefined {
  return options.find((option) => LOCAL_LOCK_OPTIONS.includes(option));
}

const STABLE_INODES = ['ext4', 'xfs', 'btrfs', 'tmpfs'];

/** Whether a file has one inode number for as long as it exists, which no other file on the same device has meanwhile. */
export function hasStableInodes({ type }: FileSystem): boolean {
  return STABLE_INODES.includes(type);
}

/** A file system in words: `an NFS network drive (nfs4)`. */
export function describeFileSystem({ type, reach }: FileSystem): string {
  if (reach !== 'network')
    return type === 'unknown' ? 'a file system of unknown type' : `a file system of type ${type}`;
  const family = FAMILIES.find(([pattern]) => pattern.test(type))?.[1];
  return family === undefined ? `a network drive (${type})` : `${family} (${type})`;
}

const FAMILIES: readonly [RegExp, string][] = [
  [/^nfs/, 'an NFS network drive'],
  [/^(cifs|smb)/, 'an SMB network drive'],
  [/^fuse/, 'a FUSE file system, which counts as a network drive'],
  [/^(virtiofs|9p|vboxsf|vmhgfs|prl_fs)/, 'a directory shared with a virtual machine'],
];
