import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { newHome } from '../support/place.ts';
import { Work } from './work.ts';

describe('a result', () => {
  it('outlives the process that made it [A1]', async () => {
    const home = newHome();
    const [other] = await Agent.several(home, 1);
    await other.run(({ once }) => once('build', () => ({ made: 'there' })));
    await other.kill();
    expect(await new Work().once()).toEqual({ made: 'there' });
  });
});
