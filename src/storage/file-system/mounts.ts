import { readFileSync } from 'node:fs';

/** One line of the mount table. */
export interface Mount {
  readonly point: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** The mount a path lies in; undefined where there is no mount table. The path must be free of links. */
export function mountOf(path: string, table: string | undefined = readTable()): Mount | undefined {
  let found: Mount | undefined;
  for (const mount of parse(table ?? '')) {
    const inside = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`);
    // Of several on one point, the last is the one that is seen.
    if (inside && mount.point.length >= (found?.point.length ?? 0)) found = mount;
  }
  return found;
}

function readTable(): string | undefined {
  try {
    return readFileSync('/proc/self/mountinfo', 'utf8');
  } catch {
    return undefined;
  }
}

// 36 35 98:0 /root /mnt rw,noatime shared:1 - ext3 /dev/root rw,errors=continue   (proc_pid_mountinfo(5))
const LINE = /^\d+ \d+ \S+ \S+ (\S+) (\S+) .*?- (\S+) \S* ?(\S*)$/;

function parse(table: string): Mount[] {
  return table.split('\n').flatMap((line) => {
    const [, point, options = '', type, superOptions = ''] = LINE.exec(line) ?? [];
    if (point === undefined || type === undefined) return [];
    return [{ point: unescaped(point), type, options: `${options},${superOptions}`.split(',') }];
  });
}

/** Blanks, backslashes and the like in a mount point are written as octal numbers. */
function unescaped(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal) => String.fromCharCode(Number.parseInt(octal, 8)));
}
