import { hostname } from 'node:os';
import { describe, expect, it } from 'vitest';
import { liveness, processFacts, recordOf } from '../../src/identity/index.ts';
import { self } from '../../src/identity/self.ts';
import { Agent } from '../support/agent.ts';
import { Child } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';

describe('the record of a process on Windows', () => {
  it('tells start time, boot and machine, and the same ones whenever it is asked [R3, R13, F3, H1]', () => {
    expect(self()).toMatchObject({
      pid: process.pid,
      host: hostname(),
      start: expect.stringMatching(/^\d{18}$/),
      boot: expect.stringMatching(/^[0-9a-f]{14,16}-[0-9a-f]{16}$/),
      machine: expect.stringMatching(/^[0-9a-f]{16}$/),
    });
    expect(processFacts.bootId()).toBe(self().boot);
    expect(processFacts.look(process.pid)?.start).toBe(self().start);
  });

  it('is the same to another process, apart from the process itself [R13, H2]', async () => {
    const [agent] = await Agent.several(tempDirectory(), 1);
    await agent.acquire('mirror', { purpose: 'save' });

    const { holders } = await agent.run(({ manager }) => manager.inspect('mirror'));

    const { boot, machine, host } = self();
    expect(holders).toMatchObject([{ pid: agent.pid, boot, machine, host }]);
    expect(holders[0]?.start).toBe(processFacts.look(agent.pid)?.start);
    expect(liveness(holders[0] ?? {})).toBe('alive');
  });
});

describe('whether a process lives, on Windows', () => {
  it('is alive while it runs, and dead once it was ended [F7, R13, R45]', async () => {
    const child = new Child(process.execPath, ['-e', 'setInterval(() => {}, 1e6)']);
    const record = recordOf(child.pid);

    expect(liveness(record)).toBe('alive');
    await child.kill();
    expect(liveness(record)).toBe('dead');
  });

  it('is dead when its id belongs to another process by now, or to none [F7, H1]', () => {
    expect(liveness({ ...self(), start: '133765432101234567' })).toBe('dead');
    expect(liveness({ ...self(), pid: 4_000_000 })).toBe('dead');
  });

  it('is unknown from another machine or boot, and dead from an earlier boot of this one [F7, H2, H5, H6]', () => {
    const earlier = { ...self(), boot: '1d00000000000000-0123456789abcdef', start: '133765432101234567' };

    expect(liveness(earlier, 'local')).toBe('dead');
    expect(liveness(earlier, 'shared')).toBe('unknown');
    expect(liveness({ ...earlier, machine: '0123456789abcdef' }, 'local')).toBe('unknown');
    expect(liveness({ ...earlier, host: 'other' }, 'local')).toBe('unknown');
  });

  it('is unknown, not dead, while its process runs, even if the boot seems to be another [H2, R47]', () => {
    expect(liveness({ ...self(), boot: '1d00000000000000-0123456789abcdef' }, 'local')).toBe('unknown');
  });
});
