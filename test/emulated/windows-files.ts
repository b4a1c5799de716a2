import { closeSync, openSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { writeDurably } from '../../src/storage/durable.ts';
import { replaceSync } from '../../src/storage/replace/index.ts';
import { Agent } from '../support/agent.ts';
import { newPlace } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { someTurns } from '../support/turns.ts';

describe('a file on Windows that somebody has open', () => {
  it('is replaced once it is closed, and as a whole [G4, G7, R13]', async () => {
    const path = join(tempDirectory(), 'record');
    writeFileSync(path, 'old');
    const reader = openSync(path, 'r');
    let isOver = false;
    const writing = writeDurably(path, Buffer.from('new')).finally(() => {
      isOver = true;
    });

    await someTurns();
    expect([isOver, readFileSync(path, 'utf8')]).toEqual([false, 'old']);
    closeSync(reader);
    await writing;

    expect(readFileSync(path, 'utf8')).toBe('new');
  });

  it('keeps its content, with an error and no litter, when it is never closed [G7, R13]', async () => {
    const directory = tempDirectory();
    const path = join(directory, 'record');
    writeFileSync(path, 'old');
    const reader = openSync(path, 'r');

    await expect(writeDurably(path, Buffer.from('new'))).rejects.toMatchObject({ code: 'EPERM' });
    expect(() => replaceSync(join(directory, 'missing'), path)).toThrow('ENOENT');

    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(readdirSync(directory)).toEqual(['record']);
    closeSync(reader);
  });
});

it('is not refused a lock directory on Windows that others take away and put there at that moment [R13, G7]', async () => {
  const { home } = newPlace();
  const agents = await Agent.several(home, 4);
  for (const agent of agents) await agent.manage({ engine: 'portable', layout: 'directory' });

  const grants = await Promise.all(
    agents.map((agent) =>
      agent.run(async ({ manager }) => {
        for (let cycle = 0; cycle < 40; cycle++) {
          const mode = cycle % 2 === 0 ? 'shared' : 'exclusive';
          await manager.with('mirror', { mode, timeout: Infinity }, () => {});
        }
        return 'all granted';
      }),
    ),
  );

  expect(grants).toEqual(agents.map(() => 'all granted'));
});

it('names a data file on Windows in a way that its shells take literally [A4]', async () => {
  const { home, locks } = newPlace();
  const [agent] = await Agent.several(home, 1);
  const plain = join(home, 'roles.json');
  const spaced = join(home, 'my roles.json');
  await agent.acquire({ file: plain }, {}, 'one');
  await agent.acquire({ file: spaced }, {}, 'other');

  await expect(locks.acquire({ file: plain }, { timeout: 0 })).rejects.toThrow(`holdfast who ${plain} `);
  await expect(locks.acquire({ file: spaced }, { timeout: 0 })).rejects.toThrow(`holdfast who "${spaced}" `);
});
