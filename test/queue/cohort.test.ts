import { renameSync, writeFileSync } from 'node:fs';
import type { Lock } from 'holdfast';
import { describe, expect, it } from 'vitest';
import type { Agent } from '../support/agent.ts';
import { passTime } from '../support/time.mjs';
import { LONG, someTurns } from '../support/turns.ts';
import { until } from '../support/until.ts';
import { Line, PATIENT } from './line.ts';

const MOST_TURNS = 32;

describe('a thread that hands its lock on to itself', () => {
  it('does so in the order of the calls, with rising tokens, until others wait for 32 turns [R7]', async () => {
    const line = new Line();
    const [other] = await line.agents(1);
    const first = await line.locks.acquire('mirror');
    const turns: string[] = [];
    const tokens: number[] = [first.token];
    const all = Array.from({ length: 100 }, async (_, n) => {
      const lock = await line.locks.acquire('mirror', PATIENT);
      turns.push(String(n), ...line.turns);
      tokens.push(lock.token);
      await lock.release();
    });
    await line.join(other, 'other', PATIENT);

    await first.release();
    await Promise.all(all);

    const own = turns.filter((turn) => turn !== 'other');
    expect(own).toEqual(Array.from({ length: 100 }, (_, n) => String(n)));
    expect(turns.indexOf('other')).toBe(MOST_TURNS + 1); // seen by the one after it
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  it('counts its turns from when others wait on, so that each of them waits for 32 at most [R7]', async () => {
    const line = new Line();
    const agents = await line.agents(3);
    let [own, most] = [0, 0];
    let open = true;
    const spin = async () => {
      while (open) {
        const lock = await line.locks.acquire('mirror', PATIENT);
        own++;
        await someTurns(1);
        await lock.release();
      }
    };
    const spinning = [spin(), spin(), spin()];

    for (let round = 0; round < 5; round++) {
      await Promise.all(
        agents.map(async (agent, at) => {
          await line.ask(agent, `${round}.${at}`, PATIENT);
          const before = own;
          await until(() => line.turns.includes(`${round}.${at}`), 'the other has its turn');
          most = Math.max(most, own - before);
        }),
      );
    }
    open = false;
    await Promise.all(spinning);

    // The turn under way, 32 more, and those that pass before this loop sees that the other had its turn.
    expect(most).toBeLessThanOrEqual(MOST_TURNS + 4);
    expect(own).toBeGreaterThan(0);
  });

  it('goes on counting tokens in the next process when it is killed in the middle of its turns [R10, R45]', async () => {
    const line = new Line();
    const [victim] = await line.agents(1);
    const before = await line.locks.acquire('mirror');
    const start = before.token;
    await before.release();
    const last = await handOn(victim, 50);
    expect(last).toBe(start + 50);
    const waiting = line.locks.acquire('mirror', PATIENT);

    await victim.kill();

    const lock = await waiting;
    expect(lock.recovered).toBe(true);
    expect(lock.token).toBeGreaterThan(last);
    await lock.release();
    const next = await line.locks.acquire('mirror');
    expect(next.token).toBeGreaterThan(lock.token);
    expect(next.recovered).toBe(false);
    await next.release();
  });

  it('does not hand on a lock whose file was replaced: the next one gets that of the new file [H7]', async () => {
    const line = new Line();
    const [other] = await line.agents(1);
    const first = await line.locks.acquire('mirror');
    const waits = [1, 2].map(() => line.locks.acquire('mirror', PATIENT));
    renameSync(line.path, `${line.path}.old`);
    writeFileSync(line.path, '');
    await other.acquire('mirror');

    await first.release();
    await passTime(LONG);
    expect(line.locks.query().pending).toHaveLength(2);
    await other.release();

    for (const wait of waits) {
      const lock = await wait;
      lock.assertHeld();
      expect(await other.couldAcquire('mirror')).toBe(false);
      await lock.release();
    }
  });

  it('hands on no lock without a token, and strict requests are refused as ever', async () => {
    const line = new Line();
    const [strict] = await line.agents(1);
    const first = await line.locks.acquire('mirror');
    await first.release();
    writeFileSync(line.path, 'the notes of somebody else');
    await strict.manage({ strict: true });

    const locks: Lock[] = [];
    const held = await line.locks.acquire('mirror');
    const waits = [1, 2, 3].map(async () => {
      const lock = await line.locks.acquire('mirror', PATIENT);
      locks.push(lock);
      await lock.release();
    });
    const refused = strict.run(({ manager }) => {
      const waits = [1, 2].map(() => manager.acquire('mirror', { timeout: 60_000 }));
      return Promise.allSettled(waits).then((ends) =>
        ends.map((end) => (end.status === 'rejected' ? end.reason.code : 'granted')),
      );
    });
    await until(() => line.signedTickets.length === 1, 'the strict process waits');
    await held.release();
    await Promise.all(waits);

    expect(await refused).toEqual(['HOLDFAST_DEGRADED', 'HOLDFAST_DEGRADED']);
    const reasons = [held, ...locks].map(({ degraded }) => degraded.map(({ reason }) => reason));
    expect(reasons).toEqual(Array.from({ length: 4 }, () => ['foreign-content']));
    expect(line.locks.inspect('mirror').state).toBe('free');
  });

  it('does not lose the lock between an asynchronous and a synchronous wait of the same thread [R81]', async () => {
    const line = new Line();
    const [holder] = await line.agents(1);
    await line.ask(holder, 'holder', { keep: true });
    await until(() => line.turns.length === 1, 'the other process holds it');
    const waiting = line.locks.acquire('mirror', PATIENT);
    await until(() => line.signedTickets.length === 1, 'this thread waits');
    const left = line.leave(holder, 'holder');

    const now = line.locks.acquireSync('mirror', { timeout: 120_000 });
    const { token } = now;
    await left;
    await now.release();
    const lock = await waiting;
    expect(lock.token).toBe(token + 1);
    await lock.release();

    expect(line.tickets).toEqual([]);
    expect(await holder.couldAcquire('mirror')).toBe(true);
    expect(line.locks.inspect('mirror').state).toBe('free');
  });
});

/** Takes the lock there and hands it on so many times; the token of the last one, which is kept. */
function handOn(agent: Agent, times: number): Promise<number> {
  return agent.run(async ({ manager, locks }, times) => {
    const waits = Array.from({ length: times }, () => manager.acquire('mirror', { timeout: 60_000 }));
    for (const wait of waits.slice(0, -1)) await (await wait).release();
    locks.last = (await waits.at(-1)) as Lock;
    return locks.last.token;
  }, times);
}
