import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { tempDirectory } from '../support/temp.ts';

it('keeps the lock when its holder opens, reads and closes the lock file again [H10, R1]', async () => {
  const home = tempDirectory();
  const [holder, other] = await Agent.several(home, 2);
  const { path } = await holder.acquire('mirror');

  const seen = await holder.run(({ fs }, path) => {
    fs.closeSync(fs.openSync(path, 'r+'));
    return fs.readFileSync(path, 'utf8');
  }, path);

  expect(seen).toBe(readFileSync(path, 'utf8'));
  expect(seen).toContain('state held');
  expect(await other.couldAcquire('mirror')).toBe(false);
  await holder.run(({ locks }) => locks.lock?.assertHeld());
  await holder.release();
  expect(await other.couldAcquire('mirror')).toBe(true);
});
