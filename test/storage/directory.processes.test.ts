import { readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stateHome } from '../../src/storage/home.ts';
import { Agent } from '../support/agent.ts';
import { Barrier } from '../support/barrier.ts';
import { tempDirectory } from '../support/temp.ts';

describe('the directory of a lock', () => {
  it('may be made by several processes at once [G13]', async () => {
    const home = tempDirectory();
    const agents = await Agent.several(home, 4);
    for (let round = 0; round < 5; round++) {
      const top = join(home, `round ${round}`);
      const directory = join(top, 'a/b/c');
      await Promise.all(agents.map((agent) => agent.manage({ directory })));
      // All of them find each of the four missing, one after the other, before any of them makes the topmost; then all
      // of them make each of the three others.
      const barrier = await Barrier.before(4 + 3, top, agents);
      const acquired = agents.map((agent, i) =>
        agent.run(
          async ({ manager }, name) => void (await (await manager.acquire(name)).release()),
          `lock ${i}`,
        ),
      );
      await Promise.all([barrier.pass(), ...acquired]);
      expect(readdirSync(directory)).toHaveLength(agents.length);
    }
  });

  it('cannot be a file, nor lie below one, nor be a link to nowhere: an error with the path [R82]', async () => {
    const base = tempDirectory();
    const file = join(base, 'file');
    writeFileSync(file, '');
    const link = join(base, 'link');
    symlinkSync(join(base, 'nowhere'), link);
    const [agent] = await Agent.several(base, 1);
    for (const [directory, systemCode] of [
      [file, 'ENOTDIR'],
      [join(file, 'below'), 'ENOTDIR'],
      [link, 'EEXIST'],
    ] as const) {
      await agent.manage({ directory });
      await expect(agent.acquire('mirror')).rejects.toMatchObject({
        code: 'HOLDFAST_UNWRITABLE',
        systemCode,
        message: expect.stringContaining(directory),
      });
    }
    expect(readdirSync(base).sort()).toEqual(['file', 'link']);
  });
});

describe('where the state lives', () => {
  it('is never guessed from a variable that cannot be meant: the error names it [F13]', async () => {
    const wrong: readonly (readonly [string, string])[] = [
      ['HOLDFAST_HOME', 'relative'],
      ['XDG_STATE_HOME', './x'],
      ['HOLDFAST_HOME', '/a\0b'],
    ];
    for (const [name, value] of wrong) {
      expect(() => stateHome({ [name]: value })).toThrow(
        expect.objectContaining({ code: 'HOLDFAST_INPUT', input: `environment variable ${name}` }),
      );
    }
    const agent = await Agent.start({ home: 'relative' });
    await expect(agent.acquire('mirror')).rejects.toMatchObject({
      code: 'HOLDFAST_INPUT',
      message: expect.stringContaining('HOLDFAST_HOME'),
    });
  });
});
