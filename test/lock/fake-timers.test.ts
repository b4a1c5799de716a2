import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { Child, fixture } from '../support/child.ts';
import { newPlace } from '../support/place.ts';
import { until } from '../support/until.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const vitest = [
  'node_modules/vitest/vitest.mjs',
  'run',
  '--config',
  fixture('fake-timers/vitest.config.mjs'),
];

describe.each(['kernel', 'portable'] as const)('with the %s engine', (engine) => {
  it.each([
    ['Vitest', [...vitest, '--pool=forks']],
    ['Vitest in a thread, also process.nextTick', [...vitest, '--pool=threads']],
    ['node:test', [fixture('fake-timers/node.mjs')]],
  ])(
    'waits, timeouts and signs of life go on in real time while time is faked by %s [X27]',
    async (_, args) => {
      const { home, locks } = newPlace({ engine });
      await using _busy = await locks.acquire('busy');
      const mirror = await locks.acquire('mirror');
      const end = await locks.acquire('end');

      const child = new Child(process.execPath, args, {
        cwd: root,
        env: { HOLDFAST_HOME: home, ENGINE: engine },
      });
      await child.line('busy: HOLDFAST_TIMEOUT');
      await child.line('waiting');
      const [kept] = locks.query().held.filter(({ resource }) => resource === 'kept');
      expect(kept?.holders).toMatchObject([{ since: expect.not.stringMatching(/^1970/) }]); // where the faked clocks stand
      const beats = () => statSync(locks.pathOf('kept')).mtimeMs;
      const first = beats();
      if (engine === 'portable')
        await until(() => beats() !== first, 'the claim of the other process is touched');
      await mirror.release();
      await child.line('granted');
      await end.release();

      expect(await child.exits()).toMatchObject({ code: 0 });
    },
  );
});
