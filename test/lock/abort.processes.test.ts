import { expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { heard } from '../support/events.ts';
import { newPlace } from '../support/place.ts';
import { passTime } from '../support/time.mjs';
import { LONG, staysOpen } from '../support/turns.ts';

const reason = new Error('the client went away');

it('leaves no late grant behind: the lock is free once its holder released [C4]', async () => {
  const { home, locks } = newPlace();
  const agent = await Agent.start({ home });
  await agent.acquire('mirror');
  const grants = heard('granted');
  const abort = new AbortController();
  const wait = locks.acquire('mirror', { signal: abort.signal });
  expect(await staysOpen(wait)).toBe(true);

  abort.abort(reason);
  await expect(wait).rejects.toBe(reason);
  await agent.release();

  expect(await agent.couldAcquire('mirror')).toBe(true);
  await agent.acquire('mirror');
  await passTime(LONG);
  expect(grants).toEqual([]);
  expect(locks.query().pending).toEqual([]);
});
