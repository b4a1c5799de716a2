import { closeSync, openSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { BoundedCache } from '../../storage/bounded-cache.ts';
import { READ_SAFELY } from '../../storage/fs/open-flags.ts';
import { lstatOrNothing, mayBeThere } from '../../storage/fs/stat.ts';
import type { EngineName } from '../engine.ts';
import { cannotLook } from '../file/cannot-look.ts';
import { wasUsedAt } from '../portable/portable.ts';
import { CLAIM_SIGNATURE } from '../signature.ts';
import { type Surroundings, surroundingsOf } from './surroundings.ts';

/** One lock path, and the engine that an automatic choice takes there. */
export interface Site {
  readonly surroundings: Surroundings;
  /** Follows what is met at the path; see `choice.ts`. */
  domain: EngineName;
}

const sites = new BoundedCache<string, Site>();

/** What this thread knows of a lock path; looked up at its first use. */
export function siteOf(path: string): Site {
  let site = sites.get(path);
  if (site === undefined) {
    const surroundings = surroundingsOf(dirname(path));
    site = { surroundings, domain: recordedAt(path) ?? surroundings.prefers };
    sites.set(path, site);
  }
  return site;
}

/**
 * The engine that has been used for a lock, as far as that shows without opening anything: a claim directory, or what
 * the portable engine leaves beside a lock that is free. A regular file is either engine's, and whichever opens it knows.
 */
function recordedAt(path: string): EngineName | undefined {
  const found = lstatOrNothing(path);
  if (found?.isDirectory()) return 'portable';
  return found === undefined && wasUsedAt(path) ? 'portable' : undefined;
}

/** The engine to ask about a lock: that of what stands at the path now. */
export function engineToAsk(path: string): EngineName {
  const found = lstatOrNothing(path);
  const kind = found?.isFile() === true ? kindOfFile(path) : undefined;
  if (kind !== undefined) return kind;
  if ((found === undefined || found.isFile()) && wasUsedAt(path, mayBeThere)) return 'portable';
  return recordedAt(path) ?? siteOf(path).domain;
}

/**
 * Undefined for a file that is gone by now, as a claim goes that is given back, or shared.
 *
 * @throws {UnwritableError | ExhaustedError} it cannot be told: to whom a claim is a file of the kernel's, it is free.
 */
function kindOfFile(path: string): EngineName | undefined {
  let fd: number | undefined;
  try {
    fd = openSync(path, READ_SAFELY);
    const start = Buffer.alloc(CLAIM_SIGNATURE.length);
    readSync(fd, start, 0, start.length, 0);
    return start.equals(Buffer.from(CLAIM_SIGNATURE)) ? 'portable' : 'kernel';
  } catch (error) {
    const code = systemCode(error);
    if (code === 'ENOENT') return undefined;
    if (code === 'EACCES' || code === 'EPERM') return 'kernel'; // which cannot open it either, and says so
    throw cannotLook(path, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}
