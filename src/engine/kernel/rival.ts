import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { isExhaustion } from '../../errors/exhaustion.ts';
import { EngineMismatchError, ExhaustedError, RefusedError } from '../../errors/lock-errors.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { liveness } from '../../identity/index.ts';
import { readBeginning } from '../../storage/regular-file.ts';
import type { LockRequest } from '../engine.ts';
import { CLAIM_FILE, CLAIM_SIGNATURE, readersDirectory } from '../signature.ts';

const SIGNATURE = Buffer.from(CLAIM_SIGNATURE, 'latin1');
const MOST_TEXT = 8192;
/** How often in a row one and the same directory must be seen without a claim in it. */
const CERTAIN = 3;
/** How often, when what lies in it has a claim's name and is none. */
const CHANGING = 100;

/**
 * Refuses a lock that the portable engine has in use. Asked only while the lock file carries no block of this engine, so
 * an ordinary acquisition never comes here.
 *
 * Why the two never both grant (trace; K a kernel contender, R a portable reader, L the lock path):
 *  1. R publishes its gate at L, leaves its reader claim in the queue directory, and removes the gate.
 *  2. K makes L, empty, or opens what is there, and locks it. From then on no portable contender gets past L.
 *  3. K reads L. R's gate: refused. Empty: K looks for reader claims. R was past 1 before 2, so K sees it and is refused.
 *  4. K writes its block. Whoever finds one there knows that somebody was past 3, and that no reader came after.
 *  A writer's claim stands at L for as long as it holds the lock, so K meets it at 3.
 *
 * @throws {EngineMismatchError}
 */
export function refuseRival(request: LockRequest, content: Buffer, length: number): void {
  const claimed = length >= SIGNATURE.length && content.subarray(0, SIGNATURE.length).equals(SIGNATURE);
  if (claimed) throw new EngineMismatchError(request, 'kernel', 'portable');
  refuseReaders(request);
}

/** The same before a lock file is made, so that none is left where the portable engine's readers are. */
export function refuseReaders(request: LockRequest): void {
  const path = readersDirectory(request.path);
  let isInUse: boolean;
  try {
    isInUse = hasLivingReader(path);
  } catch (error) {
    throw cannotTell({ ...request, path }, error);
  }
  if (isInUse) throw new EngineMismatchError({ ...request, path }, 'kernel', 'portable');
}

/**
 * What a directory in the place of the lock file is: a claim of the portable engine, or nothing of Holdfast's. Claims come
 * and go: one that is another one, or gone, by the time its file is looked for is taken for what it was.
 */
export function directoryInPlace(request: LockRequest): Error {
  const { path } = request;
  let before = identityOf(path);
  for (let alike = 1; before !== undefined && alike <= CHANGING; ) {
    if (isClaim(join(path, CLAIM_FILE))) break;
    const now = identityOf(path);
    alike = now === before ? alike + 1 : 1;
    before = now;
    if (alike === CHANGING || (alike > CERTAIN && isWithoutClaim(path))) {
      return new RefusedError(request, 'is a directory');
    }
  }
  return new EngineMismatchError(request, 'kernel', 'portable');
}

function isWithoutClaim(path: string): boolean {
  try {
    return !readdirSync(path).includes(CLAIM_FILE);
  } catch (error) {
    return systemCode(error) !== 'ENOENT'; // one that may not be read is refused as what it is for certain: a directory
  }
}

/** What tells a directory from another one, and from itself before it was changed; undefined when there is none. */
function identityOf(path: string): string | undefined {
  try {
    const stats = lstatSync(path, { throwIfNoEntry: false, bigint: true });
    return stats?.isDirectory() === true ? `${stats.dev} ${stats.ino} ${stats.ctimeNs}` : undefined;
  } catch {
    return undefined;
  }
}

function isClaim(path: string): boolean {
  try {
    return readBeginning(path, SIGNATURE.length) === CLAIM_SIGNATURE;
  } catch {
    return false; // gone, or not ours to read
  }
}

/** @throws the system's error for what may be a reader and cannot be looked at. */
function hasLivingReader(directory: string): boolean {
  return namesIn(directory).some((name) => {
    const path = join(directory, name);
    const text = readBeginning(path, MOST_TEXT) || readBeginning(join(path, CLAIM_FILE), MOST_TEXT);
    return text.startsWith(CLAIM_SIGNATURE) && liveness(holderIn(text)) !== 'dead';
  });
}

function namesIn(directory: string): string[] {
  try {
    // An error that is thrown costs as much as all the rest of a look.
    return lstatSync(directory, { throwIfNoEntry: false }) === undefined ? [] : readdirSync(directory);
  } catch (error) {
    if (isExhaustion(systemCode(error) ?? '')) throw error;
    return []; // as a rule: there is none
  }
}

function cannotTell(facts: LockRequest, error: unknown): Error {
  const code = systemCode(error) ?? 'EIO';
  if (isExhaustion(code)) return new ExhaustedError(facts, code, error);
  return new RefusedError(
    facts,
    `holds what cannot be read (${code}), and may be a reader of the portable engine`,
  );
}

/** Nobody, who is never proved dead, where the record is damaged. */
function holderIn(text: string): HolderRecord {
  try {
    const holder: unknown = JSON.parse(/^holder (.*)$/m.exec(text)?.[1] ?? '{}');
    return typeof holder === 'object' && holder !== null ? holder : {};
  } catch {
    return {};
  }
}
