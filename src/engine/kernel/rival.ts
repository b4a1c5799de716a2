import { readdirSync } from 'node:fs';
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

/** What a directory in the place of the lock file is: a claim of the portable engine, or nothing of Holdfast's. */
export function directoryInPlace(request: LockRequest): Error {
  return isClaim(join(request.path, CLAIM_FILE))
    ? new EngineMismatchError(request, 'kernel', 'portable')
    : new RefusedError(request, 'is a directory');
}

function isClaim(path: string): boolean {
  try {
    return readBeginning(path, SIGNATURE.length) === CLAIM_SIGNATURE;
  } catch {
    return false; // refused as what it is for certain: a directory
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
    return readdirSync(directory);
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
