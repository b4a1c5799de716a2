import { describe, expect, it } from 'vitest';
import { heard } from '../support/events.ts';
import { until } from '../support/until.ts';
import { Line, PATIENT } from './line.ts';

const WAIT = { timeout: 120_000 };

describe('a process that waits behind others', () => {
  it('is told its place at once, and each time that one ahead is gone, however far ahead [R8, R82]', async () => {
    const line = new Line();
    const [holder, first, second, third] = await line.agents(4);
    await holder.acquire('mirror', { purpose: 'nightly save' });
    await line.join(first, 'first', WAIT);
    await line.join(second, 'second', WAIT);
    await line.join(third, 'third', WAIT);
    const events = heard('waiting');
    const places = () => events.map(({ position }) => position).join();

    const wait = line.locks.acquire('mirror', { ...WAIT, purpose: 'report' });
    expect(places()).toBe('4');
    expect(events[0]).toMatchObject({
      resource: 'mirror',
      purpose: 'report',
      holders: [{ pid: holder.pid, purpose: 'nightly save' }],
    });
    await line.abort(first, 'first');
    await until(() => places() === '4,3', 'one far ahead gave up, and the place is 3');
    await third.kill();
    await until(() => places() === '4,3,2', 'the one just ahead was killed, and the place is 2');
    await line.abort(second, 'second');
    await until(() => places() === '4,3,2,1', 'nobody is ahead any more');

    await holder.release();
    await (await wait).release();
    expect(places()).toBe('4,3,2,1');
    const waited = events.map((event) => event.waited);
    expect(waited).toEqual([...waited].sort((a, b) => a - b));
  });

  it('is told its place among its own process’s requests as well [R8, R82]', async () => {
    const line = new Line();
    const [holder, other] = await line.agents(2);
    await holder.acquire('mirror');
    await line.join(other, 'other', WAIT);
    const events = heard('waiting');

    const waits = [1, 2, 3].map(() => line.locks.acquire('mirror', WAIT));

    expect(events.map(({ position }) => position)).toEqual([2, 3, 4]);
    expect(new Set(events.map(({ id }) => id)).size).toBe(3);
    expect(line.locks.query().pending.map(({ position }) => position)).toEqual([2, 3, 4]);
    await holder.release();
    for (const wait of waits) await (await wait).release();
  });

  it('learns its place from its TimeoutError as well [R82]', async () => {
    const line = new Line();
    const [holder, other] = await line.agents(2);
    await holder.acquire('mirror');
    await line.join(other, 'other', PATIENT);

    await expect(line.locks.acquire('mirror', { timeout: 20 })).rejects.toMatchObject({
      code: 'HOLDFAST_TIMEOUT',
      position: 2,
      message: expect.stringContaining('at place 2 of the queue'),
    });
  });
});

describe('whoever looks at a lock', () => {
  it('sees all who wait, in their order, with their mode, purpose and time [R82]', async () => {
    const line = new Line();
    const [a, b, c] = await line.agents(3);
    const held = await line.locks.acquire('mirror');
    await line.join(a, 'a', { ...PATIENT, purpose: 'first' });
    await line.join(b, 'b', { ...PATIENT, mode: 'shared' });
    await line.join(c, 'c', { ...PATIENT, purpose: 'third', sync: true });
    const waiters = () => line.locks.inspect('mirror').waiters;
    await until(() => waiters().every(({ record }) => record.pid !== undefined), 'all say who they are');

    const seen = waiters();
    expect(seen).toMatchObject([
      { mode: 'exclusive', record: { pid: a.pid, purpose: 'first' } },
      { mode: 'shared', record: { pid: b.pid } },
      { mode: 'exclusive', record: { pid: c.pid, purpose: 'third' } },
    ]);
    expect(line.locks.query().held).toMatchObject([{ resource: 'mirror', waiters: [{}, {}, {}] }]);
    expect(line.locks.list()).toMatchObject([{ waiters: [{}, {}, {}] }]);
    const times = seen.map(({ waited }) => waited);
    expect(times).toEqual([...times].sort((x, y) => y - x));
    expect(Math.min(...times)).toBeGreaterThan(0);
    expect(waiters().every(({ waited }, at) => waited > (times[at] as number))).toBe(true);

    await b.kill();
    // A ticket that another waiter examines at this moment looks alive.
    await until(() => waiters().length === 2, 'the dead one is gone');
    expect(waiters().map(({ record }) => record.pid)).toEqual([a.pid, c.pid]);
    await held.release();
    await line.turn(c, 'c');
    await until(() => waiters().length === 0, 'nobody waits any more');
  });

  it('does not count those whose ticket is there and who are dead [R45]', async () => {
    const line = new Line();
    const [a, b] = await line.agents(2);
    const held = await line.locks.acquire('mirror');
    await line.join(a, 'a', PATIENT);
    await line.join(b, 'b', PATIENT);
    await Promise.all([a.kill(), b.kill()]);
    expect(line.tickets).toHaveLength(2);

    await until(() => line.locks.inspect('mirror').waiters.length === 0, 'nobody waits');

    expect(line.tickets).toEqual([]);
    await held.release();
  });
});
