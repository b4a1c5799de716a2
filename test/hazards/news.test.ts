import { chmodSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import { beforeEach, describe, expect, it } from 'vitest';
import { Place } from '../../src/engine/portable/place.ts';
import { Agent } from '../support/agent.ts';
import { asUser } from '../support/child.ts';
import { needsRoot } from '../support/root.ts';
import { tempDirectory } from '../support/temp.ts';

const ANN = 65534;
const BEN = 61234;
const PORTABLE = { engine: 'portable' } as const;

beforeEach(() => needsRoot());

/** Data for all in a directory open to all, where nobody removes the files of others. */
function placeForAll(): { readonly file: string } {
  const directory = tempDirectory();
  chmodSync(directory, 0o1777);
  const file = join(directory, 'roles.json');
  writeFileSync(file, '{}');
  chmodSync(file, 0o666);
  return { file };
}

function start(uid: number): Promise<Agent> {
  return Agent.start({ home: tempDirectory(), through: asUser(uid), env: {} });
}

/** Leaves the news that one of Ann's processes died holding the lock exclusively, in a file of hers. */
async function leaveNewsOfAnn(target: { readonly file: string }): Promise<Place> {
  const [dying, reader] = await Promise.all([start(ANN), start(ANN)]);
  const { path } = await dying.acquire(target, PORTABLE);
  await dying.kill();
  await reader.acquire(target, { ...PORTABLE, mode: 'shared' });
  await reader.release();
  return new Place(path);
}

async function isTold(agent: Agent, target: { readonly file: string }): Promise<boolean> {
  const { recovered } = await agent.acquire(target, PORTABLE);
  await agent.release();
  return recovered;
}

describe('that a holder died, where only its user may remove the news', () => {
  it('is told to the other users once, and so is each death after it [X14, X35, R45]', async () => {
    const target = placeForAll();
    const { news } = await leaveNewsOfAnn(target);
    const ben = await start(BEN);
    expect([await isTold(ben, target), await isTold(ben, target)]).toEqual([true, false]);

    const dying = await start(BEN);
    await dying.acquire(target, PORTABLE);
    await dying.kill();

    expect([await isTold(ben, target), await isTold(ben, target)]).toEqual([true, false]);
    expect(readFileSync(news, 'utf8')).toMatch(/^holdfast-told 1\n$/);
  });

  it('is told to the next one when who heard it did not get the lock after all [X14, X35]', async () => {
    const target = placeForAll();
    const { counter } = await leaveNewsOfAnn(target);
    const ben = await start(BEN);
    chmodSync(counter, 0o444); // so that a grant is degraded, which a strict manager refuses
    await ben.manage({ strict: true });
    await expect(ben.acquire(target, PORTABLE)).rejects.toMatchObject({ code: 'HOLDFAST_DEGRADED' });
    await ben.manage({});
    chmodSync(counter, 0o666);

    expect([await isTold(ben, target), await isTold(ben, target)]).toEqual([true, false]);
  });

  it('leaves nothing once one comes who may remove them [R12, X35]', async () => {
    const target = placeForAll();
    const { news } = await leaveNewsOfAnn(target);
    expect(await isTold(await start(BEN), target)).toBe(true);
    expect(existsSync(news)).toBe(true);

    expect((await new LockManager().acquire(target, PORTABLE)).recovered).toBe(false);

    expect(existsSync(news)).toBe(false);
  });
});
