import { dirname } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { isFull } from '../../errors/exhaustion.ts';
import { nearest } from '../../storage/file-system/index.ts';
import type { Check } from './check.ts';
import { checkCopies } from './copies.ts';
import { checkFiles } from './files.ts';
import { checkLocks } from './locks.ts';
import { Partner } from './partner.ts';
import { checkRaces } from './races.ts';
import { inScratch, makeScratch, nameScratch, removeScratch } from './scratch.ts';
import { checkSurroundings, type Decision, decide, explainDecision } from './surroundings.ts';
import { checkUsers } from './users.ts';
import { checkWatches } from './watches.ts';

/** What was found out about one directory. */
export interface Examination extends Decision {
  readonly directory: string;
  /** Locks on `names` live there, or those of data `files` do. */
  readonly holds: 'names' | 'files';
  /** False when something failed. */
  readonly safe: boolean;
  readonly checks: readonly Check[];
}

/** Tries everything in one directory, or, where it is not there yet, in the nearest one above. Leaves nothing behind. */
export async function examine(directory: string, holds: Examination['holds']): Promise<Examination> {
  const { decision, checks: all } = await examineNearest(directory, holds);
  return { directory, holds, ...decision, safe: all.every(({ mark }) => mark !== 'fail'), checks: all };
}

async function examineNearest(
  directory: string,
  holds: Examination['holds'],
): Promise<{ decision: Decision; checks: Check[] }> {
  let existing: string;
  try {
    existing = nearest(directory);
  } catch (error) {
    return { decision: decide(directory, undefined), checks: [unwritable(directory, error)] };
  }
  const before = await checkSurroundings(existing);
  const { decision, checks } = await tryOut(existing);
  const users = holds === 'files' ? [await checkUsers(existing, decision.engine)] : [];
  return { decision, checks: [...before, ...users, ...(await checkCopies(existing)), ...checks] };
}

/**
 * Whoever ends early, leaves nothing: this process cleans up on a signal, and when it is killed, its partners do. For that
 * they are there, and know the place, before it is made.
 */
async function tryOut(directory: string): Promise<{ decision: Decision; checks: Check[] }> {
  const scratch = nameScratch(directory);
  const [a, b] = [new Partner(scratch), new Partner(scratch)];
  const end = async () => {
    await Promise.all([a.kill(), b.kill()]);
    removeScratch(scratch);
  };
  const stop = onSignals(end);
  try {
    await Promise.all([a.ask('clock', {}), b.ask('clock', {})]);
    const failed = makeOrExplain(scratch);
    if (failed !== undefined) return { decision: decide(directory, undefined), checks: [failed] };
    return await inScratch(scratch, async (path) => {
      const between = () => checkRaces(a, b, path);
      const { contract, checks } = await checkLocks(a, b, { scratch: path, between });
      const decision = decide(directory, contract);
      const explained = [await checkWatches(path), WRITABLE, ...explainDecision(decision)];
      return { decision, checks: [...explained, ...checks, ...(await checkFiles(path))] };
    });
  } finally {
    stop();
    await end();
  }
}

const WRITABLE: Check = { name: 'writing', mark: 'ok', says: 'files can be made here' };

function makeOrExplain(scratch: string): Check | undefined {
  try {
    makeScratch(scratch);
    return undefined;
  } catch (error) {
    return unwritable(dirname(scratch), error);
  }
}

function unwritable(directory: string, error: unknown): Check {
  const says = `no file can be made in ${directory} (${systemCode(error) ?? error})`;
  const full = isFull(systemCode(error));
  const next = full
    ? 'Free some space or inodes.'
    : 'Let this user write to it, or choose another directory (HOLDFAST_HOME, --directory, fallbackDirectory).';
  return { name: 'writing', mark: 'fail', says, next };
}

/** Cleans up before the process ends of a signal, as it would have without. */
function onSignals(end: () => Promise<void>): () => void {
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  const handlers = signals.map((signal) => {
    const handler = () => {
      void end().finally(() => {
        stop();
        process.kill(process.pid, signal);
      });
    };
    process.on(signal, handler);
    return { signal, handler };
  });
  const stop = () => {
    for (const { signal, handler } of handlers) process.off(signal, handler);
  };
  return stop;
}
