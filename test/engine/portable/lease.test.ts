import { describe, expect, it } from 'vitest';
import { Agent } from '../../support/agent.ts';
import { tempDirectory } from '../../support/temp.ts';
import { untilStopped } from '../../support/until.ts';

const layouts = ['file', 'directory'] as const;

describe.each(layouts)('under a lease (lock %s)', (layout) => {
  const engine = { engine: 'portable', layout } as const;

  it('a holder that is stopped for longer is succeeded, and finds out at its first check [H21, H9]', async () => {
    const home = tempDirectory();
    const [holder, next] = await Agent.several(home, 2);
    await holder.acquire('mirror', { ...engine, lease: 300 });
    const token = await holder.run(({ locks }) => locks.lock?.token);
    holder.signal('SIGSTOP');
    await untilStopped(holder.pid);

    const { recovered } = await next.acquire('mirror', { ...engine, lease: 20_000, timeout: 120_000 });
    holder.signal('SIGCONT');

    await expect(holder.run(({ locks }) => locks.lock?.assertHeld())).rejects.toMatchObject({
      code: 'HOLDFAST_LOST',
      reason: 'expired',
      message: expect.stringContaining('its lease ran out before this process renewed it'),
    });
    expect(await holder.run(({ locks }) => locks.lock?.signal.aborted)).toBe(true);
    await holder.release(); // of what is somebody else's by now
    await next.run(({ locks }) => locks.lock?.assertHeld());
    expect(recovered).toBe(true);
    expect(await next.run(({ locks }) => locks.lock?.token)).toBeGreaterThan(token as number);
  });

  it('a holder that works keeps the lock for longer than the lease, and the contract says what it is worth [H21]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    await holder.acquire('mirror', { ...engine, lease: 1500 });

    const waiting = other.acquire('mirror', { ...engine, lease: 1500, timeout: 4000 });

    await expect(waiting).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
    await holder.run(({ locks }) => locks.lock?.assertHeld());
    expect(await holder.run(({ locks }) => locks.lock?.contract)).toBe('lease');
  });

  it('a holder that is killed is succeeded at once [R10, R45]', async () => {
    const home = tempDirectory();
    const [holder, next] = await Agent.several(home, 2);
    await holder.acquire('mirror', { ...engine, lease: 3_600_000 });
    await holder.kill();

    expect((await next.acquire('mirror', { ...engine, timeout: 0 })).recovered).toBe(true);
  });

  it('nothing is taken from a holder that never agreed to one [H21, F4]', async () => {
    const home = tempDirectory();
    const [holder, other] = await Agent.several(home, 2);
    await holder.acquire('mirror', engine);
    holder.signal('SIGSTOP');
    await untilStopped(holder.pid);

    const waiting = other.acquire('mirror', { ...engine, lease: 50, timeout: 1000 });

    await expect(waiting).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
    holder.signal('SIGCONT');
    await holder.run(({ locks }) => locks.lock?.assertHeld());
  });

  it('a reader that is stopped for longer is not waited for [H21]', async () => {
    const home = tempDirectory();
    const [reader, writer] = await Agent.several(home, 2);
    await reader.acquire('mirror', { ...engine, lease: 300, mode: 'shared' });
    reader.signal('SIGSTOP');
    await untilStopped(reader.pid);

    await writer.acquire('mirror', { ...engine, timeout: 120_000 });
    reader.signal('SIGCONT');

    await expect(reader.run(({ locks }) => locks.lock?.assertHeld())).rejects.toMatchObject({
      reason: 'expired',
    });
    await reader.release();
    await writer.run(({ locks }) => locks.lock?.assertHeld());
  });
});
