import { lstatSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { strangeness } from '../../engine/file/strangers.ts';
import { STICKY } from '../../storage/fs/rights.ts';
import { attempt, type Check } from './check.ts';

/** What locks of data files keep beside the data: the lock file, and its directories. */
const LOCK = /^(\.(.+)\.lock)(\.queue|\.permits)?$/;

/** What several users of the locks on files in a directory have to know of it. Looks only. */
export async function checkUsers(directory: string, engine: string): Promise<Check> {
  return attempt('users', () => {
    const refused = process.getuid === undefined ? [] : strangersIn(directory);
    if (refused.length > 0) {
      const next =
        'Have root give them to the owner of the data (chown), or keep the data where only its users can make files.';
      return { mark: 'fail', says: `some locks are refused here: ${refused.join('; ')}`, next };
    }
    if (isOutsideGroup(directory)) {
      const says =
        'this user owns the directory, but is not in its group: its members may keep this user from a lock';
      return { mark: 'warn', says, next: 'Add this user to the group of the directory.' };
    }
    if (process.getuid === undefined || (statSync(directory).mode & STICKY) === 0) {
      return { mark: 'ok', says: 'whoever may use the data may use its lock' };
    }
    if (engine === 'kernel') {
      const says = `whoever may use the data may use its lock (sticky bit${protectedRegular()})`;
      return { mark: 'ok', says };
    }
    const says =
      'the sticky bit keeps the lock of a process that died for its user, the owner of the directory and root: ' +
      'others are refused until one of them takes it';
    return { mark: 'warn', says, next: 'Keep data of several users in a directory of their group.' };
  });
}

/** Whoever of the group is first at a lock makes it for the group, and can give nothing to the owner. */
function isOutsideGroup(directory: string): boolean {
  const { uid, gid, mode } = statSync(directory);
  const isOwn = uid !== 0 && uid === process.geteuid?.();
  const groups = [process.getegid?.(), ...(process.getgroups?.() ?? [])];
  return isOwn && (mode & 0o030) === 0o030 && !groups.includes(gid);
}

function strangersIn(directory: string): string[] {
  return readdirSync(directory).flatMap((name) => {
    const [, , data] = LOCK.exec(name) ?? [];
    const path = join(directory, name);
    const found = data === undefined ? undefined : lstatSync(path, { throwIfNoEntry: false });
    if (data === undefined || found === undefined) return [];
    const why = strangeness({ path, beside: join(directory, data), access: 'owner' }, found);
    return why === undefined ? [] : [`${name} ${why}`];
  });
}

/** Linux refuses to open another user's file with a wish to make it there, which Holdfast does not need. */
function protectedRegular(): string {
  try {
    const value = readFileSync('/proc/sys/fs/protected_regular', 'utf8').trim();
    return value === '0' ? '' : `; fs.protected_regular is ${value}, which changes nothing`;
  } catch {
    return '';
  }
}
