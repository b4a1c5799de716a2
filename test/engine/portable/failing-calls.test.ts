import fs, { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Grant, Mode } from '../../../src/engine/engine.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { HoldfastError } from '../../../src/errors/base.ts';
import { memoryDirectory } from '../../support/temp.ts';
import { requestFor } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';

/** What lies in the queue directory for a while may be litter, but what is foreign stays. */
const { queue: QUEUE } = new Place('mirror.lock');
const FOREIGN = ['uv.lock', `${QUEUE}/notes.txt`];
const dead = deadProcess();

type When = 'instead of' | 'after';

interface Failure {
  readonly at: number;
  readonly code: string;
  /** `after`: the call is made, and its answer is lost on the way, as a network file system can do it. */
  readonly when: When;
}

/** Runs something synchronous of which one call to the file system fails; says which, or undefined when there was none. */
function failing<T>(
  { at, code, when }: Failure,
  body: () => T,
): { result: T | undefined; error: unknown; call: string | undefined } {
  type Call = (...args: unknown[]) => unknown;
  const originals = Object.entries(fs as unknown as Record<string, Call>).filter(([name]) =>
    /Sync$/.test(name),
  );
  let calls = 0;
  let call: string | undefined;
  let nested = false;
  for (const [name, original] of originals) {
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        if (nested) return original(...args);
        nested = true;
        try {
          const hit = ++calls === at;
          if (hit) call = `${name} (${String(args[0])})`;
          const lost = hit && when === 'after';
          // A close that fails has closed all the same: close(2).
          const isMade = !hit || lost || name === 'closeSync';
          const result = isMade ? original(...args) : undefined;
          if (!hit) return result;
          if (lost && name === 'openSync') fs.closeSync(result as number); // the descriptor is not the caller's
          throw Object.assign(new Error(`${code}: injected, ${name}`), { code, syscall: name });
        } finally {
          nested = false;
        }
      },
    });
  }
  syncBuiltinESMExports();
  try {
    return { result: body(), error: undefined, call };
  } catch (error) {
    return { result: undefined, error, call };
  } finally {
    Object.assign(fs, Object.fromEntries(originals));
    syncBuiltinESMExports();
  }
}

describe.each(['file', 'directory'] as const)(
  'a call to the file system that fails, with claims in the %s layout',
  (layout) => {
    it.each([
      ['exclusive', 'EIO', 'instead of'],
      ['exclusive', 'ENOSPC', 'instead of'],
      ['exclusive', 'EIO', 'after'],
      ['exclusive', 'ESTALE', 'after'],
      ['shared', 'EIO', 'instead of'],
      ['shared', 'ENOSPC', 'instead of'],
      ['shared', 'EIO', 'after'],
    ] as const)(
      'costs the attempt at most, whichever call it is: %s, %s %s the call [H13, H14, H16]',
      (mode: Mode, code: string, when: When) => {
        const engine = portableEngine({ layout });
        let granted = 0;
        for (let at = 1; ; at++) {
          const home = memoryDirectory();
          const path = join(home, 'mirror.lock');
          mkdirSync(join(home, QUEUE));
          leaveClaim(path, layout, dead);
          for (const name of FOREIGN) writeFileSync(join(home, name), 'precious');

          let grant: Grant | undefined;
          const { error, call } = failing({ at, code, when }, () => {
            grant = engine.tryAcquire(requestFor(path, mode));
            grant?.isIntact();
            grant?.release();
          });

          const where = `${code} ${when} call ${at}, ${call}`;
          if (error !== undefined) expect(error, where).toBeInstanceOf(HoldfastError);
          if (grant !== undefined) granted++;
          const next = engine.tryAcquire(requestFor(path, 'exclusive'));
          expect(next?.isIntact(), `the lock can be taken after ${where}`).toBe(true);
          next?.release();
          for (const name of FOREIGN) expect(readFileSync(join(home, name), 'utf8'), where).toBe('precious');
          expect(readdirSync(home).sort(), where).toEqual([QUEUE, 'uv.lock']);
          if (call === undefined) {
            expect(at).toBeGreaterThan(30);
            expect(granted).toBeGreaterThan(5);
            return;
          }
        }
      },
    );
  },
);
