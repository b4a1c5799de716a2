import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { Agent } from '../../support/agent.ts';
import { tempDirectory } from '../../support/temp.ts';

const GROUP = 4710;
const TEAM = [4711, 4712, 4713];
const inTeam = (uid: number) => ['setpriv', `--reuid=${uid}`, `--regid=${GROUP}`, '--clear-groups'];

it('that a holder died is told to one of the others also where none of them may write the counter [X16, R45, H17]', async () => {
  const home = join(tempDirectory(), 'team');
  mkdirSync(home);
  chownSync(home, 0, GROUP);
  chmodSync(home, 0o2770);
  const target = { file: join(home, 'roles.json') };
  writeFileSync(target.file, '{}');
  const terms = { engine: 'portable', timeout: 0 } as const;
  const [first, second, third] = (await Promise.all(
    TEAM.map((uid) => Agent.start({ home, through: inTeam(uid) })),
  )) as [Agent, Agent, Agent];
  const { path } = await first.acquire(target, terms);
  chmodSync(new Place(path).counter, 0o444);
  await first.release();
  expect(await second.acquire(target, terms)).toMatchObject({
    recovered: false,
    degraded: ['record-not-written'],
  });

  await second.kill();

  expect((await third.acquire(target, terms)).recovered).toBe(true);
  await third.release();
  expect((await first.acquire(target, terms)).recovered).toBe(false);
  await first.release();
});
