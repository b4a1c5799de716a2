import { readlinkSync, type Stats } from 'node:fs';
import { dirname, join, parse, resolve, sep } from 'node:path';
import { lstatOrNothing } from '../../storage/fs/stat.ts';

/** A name whose change can change what a path leads to, and the directory it is in, which is free of links. */
export interface Spot {
  readonly directory: string;
  readonly name: string;
  /** Of the directory. A directory that is made again can get the number of the one before it, at the same path. */
  readonly identity: string;
}

export interface Way {
  /** Each link on the way, and what it ends with: the file, or the first name that is missing. */
  readonly spots: readonly Spot[];
  /** The directory the file is in, or would be in; undefined when a directory above it is missing. */
  readonly home: string | undefined;
}

/** As many as Linux follows. */
const MOST_LINKS = 40;

/** Follows a path as the system does, link by link, and notes what to watch. Never throws: what cannot be seen is missing. */
export function wayTo(path: string): Way {
  const absolute = resolve(path);
  const spots: Spot[] = [];
  let { root: at } = parse(absolute);
  let identity = identityOf(lstatOrNothing(at));
  const left = absolute.slice(at.length).split(sep);
  for (let links = 0; left.length > 0; ) {
    const name = left.shift() as string;
    if (name === '' || name === '.') continue;
    const next = name === '..' ? dirname(at) : join(at, name);
    const found = lstatOrNothing(next);
    const isLast = left.length === 0;
    if (found?.isSymbolicLink() === true && links++ < MOST_LINKS) {
      spots.push({ directory: at, name, identity });
      const target = readLink(next);
      const { root } = parse(target);
      left.unshift(...target.slice(root.length).split(sep));
      if (root === '') continue;
      at = resolve(root);
      identity = identityOf(lstatOrNothing(at));
    } else if (isLast || found?.isDirectory() !== true) {
      spots.push({ directory: at, name, identity });
      return { spots, home: isLast ? at : undefined };
    } else {
      at = next;
      identity = identityOf(found);
    }
  }
  return { spots, home: undefined };
}

/** Empty when it has just been replaced: the next look sees by what. */
function readLink(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return '';
  }
}

function identityOf(stats: Stats | undefined): string {
  return stats === undefined ? 'none' : `${stats.dev}:${stats.ino}:${stats.birthtimeMs}`;
}
