import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Mode } from '../../../src/engine/engine.ts';
import { Place } from '../../../src/engine/portable/place.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { Child, fixture } from '../../support/child.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor } from '../harness.ts';
import { deadProcess, leaveClaim } from './stale.ts';

/** The calls that change something others can see; dying at any other call is dying after the last of these. */
const CALLS = 'mkdir openat write pwrite64 fchmod fsync link rename unlink rmdir utimensat'.split(' ');
const AT_ONCE = 4;
const MOST_CALLS = 100;
const { queue: QUEUE, counter } = new Place('mirror.lock');
const FOREIGN = ['uv.lock', `${QUEUE}/notes.txt`, `${QUEUE}/readers.old`];

type Layout = 'file' | 'directory';

interface Victim {
  readonly layout: Layout;
  readonly mode: Mode;
  /** Whether it meets the claim of a dead process first. */
  readonly over: 'stale' | 'nothing';
}

const dead = deadProcess();

function makePlace({ layout, over }: Victim): string {
  const home = tempDirectory();
  const path = join(home, 'mirror.lock');
  mkdirSync(join(home, QUEUE));
  if (over === 'stale') leaveClaim(path, layout, dead);
  for (const name of FOREIGN) writeFileSync(join(home, name), 'precious');
  return path;
}

/** Runs a victim whose n-th call of one kind is met by this injection; says what came of it, or undefined when it was killed. */
async function run({ layout, mode }: Victim, path: string, call: string, injection: string) {
  const victim = new Child(process.execPath, [fixture('portable-victim.mjs'), layout, mode, path]);
  await victim.line('ready');
  const trace = ['-p', String(victim.pid), '-o', '/dev/null', '-e', `trace=${call}`];
  const tracer = new Child('strace', [...trace, '-e', `inject=${call}:${injection}`]);
  await tracer.says(/attached/, 'stderr');
  victim.say('');
  const { signal, stdout } = await victim.exits();
  await tracer.exits();
  return signal === 'SIGKILL' ? undefined : stdout.split('\n')[1];
}

/** The next one gets the lock at once, nothing foreign is gone, and nothing is left but the counter. */
function expectRecovery(path: string, victim: Victim, where: string): void {
  const engine = portableEngine({ layout: victim.layout });
  const grant = engine.tryAcquire(requestFor(path, 'exclusive'));
  expect(grant?.isIntact(), `the lock can be taken after ${where}`).toBe(true);
  grant?.release();
  // What was not written yet proves nothing, and is litter only when it is old, as it is to this engine.
  const later = portableEngine({ layout: victim.layout, staleAfter: 0 });
  for (const { remove } of later.leftovers(path)) remove?.();
  const home = join(path, '..');
  for (const name of FOREIGN) expect(readFileSync(join(home, name), 'utf8'), where).toBe('precious');
  expect(readdirSync(home).sort(), where).toEqual([QUEUE, 'uv.lock']);
  expect(readdirSync(join(home, QUEUE)).sort(), where).toEqual([
    'notes.txt',
    'readers.old',
    basename(counter),
  ]);
}

/** Kills a victim at every call of every kind, one in each run, until a run is spared. Returns how many were killed. */
async function sweep(victim: Victim): Promise<number> {
  let killed = 0;
  const kinds = [...CALLS];
  const lane = async () => {
    for (let call = kinds.shift(); call !== undefined; call = kinds.shift()) {
      for (let n = 1; n < MOST_CALLS; n++) {
        const path = makePlace(victim);
        const outcome = await run(victim, path, call, `signal=SIGKILL:when=${n}`);
        expectRecovery(path, victim, `a kill at ${call} ${n}: ${outcome}`);
        if (outcome !== undefined) break; // there is no n-th call of this kind
        killed++;
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, lane));
  return killed;
}

describe('a process that is killed at any system call that changes anything', () => {
  it.each([
    { layout: 'file', mode: 'exclusive', over: 'stale' },
    { layout: 'directory', mode: 'exclusive', over: 'stale' },
    { layout: 'file', mode: 'shared', over: 'nothing' },
    { layout: 'directory', mode: 'shared', over: 'nothing' },
  ] as const)(
    'while it takes a lock $layout $mode over $over and releases it leaves the lock to the next [H16, R45, R46]',
    async (victim) => {
      expect(await sweep(victim)).toBeGreaterThan(30);
    },
  );
});
