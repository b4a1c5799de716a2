import { closeSync, openSync, promises, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeDurably } from '../../src/storage/durable.ts';
import { replaceSync } from '../../src/storage/replace/index.ts';
import { Agent } from '../support/agent.ts';
import { within } from '../support/deadline.ts';
import { newPlace } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';

/** Resolves when the system has refused so many renames. */
function refusedRenames(count: number): Promise<void> {
  const { rename } = promises;
  onTestFinished(() => void Object.assign(promises, { rename }));
  return new Promise((resolve) => {
    let refused = 0;
    promises.rename = (...paths) =>
      rename(...paths).catch((error) => {
        if (++refused === count) resolve();
        throw error;
      });
  });
}

describe('a file on Windows that somebody has open', () => {
  it('is replaced once it is closed, and as a whole [G4, G7, R13]', async () => {
    const path = join(tempDirectory(), 'record');
    writeFileSync(path, 'old');
    const reader = openSync(path, 'r');
    let isOver = false;
    const refused = refusedRenames(3);
    const writing = writeDurably(path, Buffer.from('new')).finally(() => {
      isOver = true;
    });

    await within(refused, 'a rename is refused, tried again, and refused again');
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

  const fourTimes = (agent: Agent) =>
    agent.run(async ({ manager }) => {
      for (const mode of ['shared', 'exclusive', 'shared', 'exclusive'] as const) {
        await manager.with('mirror', { mode, timeout: Infinity }, () => {});
      }
      return 4;
    });
  const grantsOf = async (agent: Agent) => {
    let grants = 0;
    while (grants < 40) grants += await fourTimes(agent);
    return grants;
  };

  expect(await Promise.all(agents.map(grantsOf))).toEqual(agents.map(() => 40));
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
