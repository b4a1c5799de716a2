import { existsSync, readdirSync } from 'node:fs';
import type { Mode } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { queueDirectory } from '../../src/engine/kernel/entry.ts';
import { Child, type Ending, fixture } from '../support/child.ts';
import { newPlace } from '../support/place.ts';

interface Expected {
  readonly code: number | null;
  readonly signal?: NodeJS.Signals;
  readonly stdout: readonly string[];
  readonly stderr?: string;
  /** The process ran no code of its own any more. */
  readonly sudden?: boolean;
}

/** Every way to end, with what a program without locks does. */
const endings: Record<string, Expected> = {
  return: { code: 0, stdout: ['exit handler 0'] },
  throw: { code: 1, stdout: ['exit handler 1'], stderr: 'Error: the body failed' },
  'process.exit': { code: 3, stdout: ['exit handler 3'] },
  'uncaught exception': { code: 1, stdout: ['exit handler 1'], stderr: 'Error: nobody caught this' },
  'unhandled rejection': { code: 1, stdout: ['exit handler 1'], stderr: 'Error: nobody handled this' },
  'handled SIGTERM': { code: 7, stdout: ['own handler', 'exit handler 7'] },
  SIGTERM: { code: null, signal: 'SIGTERM', stdout: [], sudden: true },
  SIGINT: { code: null, signal: 'SIGINT', stdout: [], sudden: true },
  SIGKILL: { code: null, signal: 'SIGKILL', stdout: [], sudden: true },
};

const states = [
  { state: 'waiting', mode: 'exclusive' },
  { state: 'holding', mode: 'exclusive' },
  { state: 'holding', mode: 'shared' },
  { state: 'released', mode: 'exclusive' },
] as const;

async function runTo(ending: string, state: string, mode: Mode, home: string): Promise<Ending> {
  const child = new Child(process.execPath, [fixture('hold-ending.mjs'), state, mode, ending, 'mirror'], {
    env: { HOLDFAST_HOME: home },
  });
  await child.line('ready');
  if (ending.includes('SIG')) child.signal(ending.replace('handled ', '') as NodeJS.Signals);
  else child.say('end');
  return child.exits();
}

const cases = states.flatMap((where) => Object.keys(endings).map((ending) => ({ ...where, ending })));

describe.each(cases)('a process that ends by $ending while $state ($mode)', ({ state, mode, ending }) => {
  it('ends as it would without a lock, and leaves none behind [H25, C4, R9, R10, R12, G15]', async () => {
    const { home, locks: manager } = newPlace();
    const own = state === 'waiting' ? await manager.acquire('mirror') : undefined;

    const { code, signal, stdout, stderr } = await runTo(ending, state, mode, home);

    const expected = endings[ending] as Expected;
    expect({ code, signal, stdout: stdout.trim().split('\n').slice(1) }).toEqual({
      code: expected.code,
      signal: expected.signal ?? null,
      stdout: expected.stdout,
    });
    if (expected.stderr === undefined) expect(stderr).toBe('');
    else expect(stderr).toContain(expected.stderr);

    if (own !== undefined) {
      own.assertHeld();
      expect(own.recovered).toBe(false);
      await own.release();
    }
    expect(manager.inspect('mirror')).toMatchObject({ state: 'free', holders: [] });
    const lock = await manager.acquire('mirror', { timeout: 0 });
    const diedHolding = expected.sudden === true || !['return', 'throw'].includes(ending);
    expect(lock.recovered).toBe(state === 'holding' && mode === 'exclusive' && diedHolding);
    await lock.release();
    expect(readdirSync(manager.directory)).toEqual([lock.path.slice(manager.directory.length + 1)]);
  });
});

it('leaves no record of a shared holder behind when the process exits by itself [R12]', async () => {
  const { home, locks: manager } = newPlace();

  await runTo('process.exit', 'holding', 'shared', home);

  expect(existsSync(queueDirectory(manager.pathOf('mirror')))).toBe(false);
});
