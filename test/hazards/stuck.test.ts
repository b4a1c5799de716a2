import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { tempDirectory } from '../support/temp.ts';
import { makeFifo } from '../support/tool.ts';
import { untilStopped } from '../support/until.ts';

const engines = [
  ['kernel engine', { engine: 'kernel' }],
  ['portable engine, lock file', { engine: 'portable', layout: 'file' }],
  ['portable engine, lock directory', { engine: 'portable', layout: 'directory' }],
] as const;

describe.each(engines)('a holder that is stopped (%s)', (_name, engine) => {
  it('is not robbed, and is told to waiters as stuck, by name, with what to do [H21, R11, R82]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    await holder.acquire('mirror', { ...engine, purpose: 'nightly save' });
    holder.signal('SIGSTOP');
    await untilStopped(holder.pid);

    for (const timeout of [0, 300]) {
      const error = await other.acquire('mirror', { ...engine, timeout }).catch((error: Error) => error);
      expect(error).toMatchObject({
        code: timeout === 0 ? 'HOLDFAST_BUSY' : 'HOLDFAST_TIMEOUT',
        holders: [{ pid: holder.pid, stopped: true }],
        message: expect.stringMatching(/"nightly save" \(pid \d+, .*stuck: it is stopped\)/),
      });
      expect((error as Error).message).toContain(
        `Its lock is not taken away, because its work may be half done: let it go on (kill -CONT ${holder.pid}), ` +
          'or end it: holdfast break --kill mirror.',
      );
    }

    holder.signal('SIGCONT');
    await holder.run(({ locks }) => locks.lock?.assertHeld());
    await holder.release();
    await other.acquire('mirror', engine);
  });
});

describe.each(engines.slice(1))('a holder whose event loop is blocked (%s)', (_name, engine) => {
  it('is not robbed, however long that lasts, and is told as stuck once it was silent for a while [H21, R11]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    await holder.acquire('mirror', { ...engine, purpose: 'nightly save' });
    const fifo = join(home, 'fifo');
    makeFifo(fifo);
    const blocked = holder.run(({ fs }, fifo) => fs.readFileSync(fifo, 'utf8'), fifo); // until somebody writes to it

    const error = await other.acquire('mirror', engine).catch((error: Error) => error);

    expect(error).toMatchObject({ code: 'HOLDFAST_TIMEOUT', holders: [{ pid: holder.pid }] });
    expect((error as Error).message).toMatch(/"nightly save" .*stuck: no sign of life for \d\.\ds\)/);
    expect((error as Error).message).toContain(
      'wait until it goes on, or end it: holdfast break --kill mirror.',
    );
    writeFileSync(fifo, 'go on');
    expect(await blocked).toBe('go on');
    await holder.run(({ locks }) => locks.lock?.assertHeld());
  });
});

describe.each(engines.slice(1))('a holder that works (%s)', (_name, engine) => {
  it('gives a sign of life every second, and is not called stuck [R11]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    await holder.acquire('mirror', engine);

    const error = await other.acquire('mirror', { ...engine, timeout: 4500 }).catch((error: Error) => error);

    expect((error as Error).message).not.toContain('stuck');
  });
});
