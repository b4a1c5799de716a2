import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { attempt, type Check } from './check.ts';
import type { Partner } from './partner.ts';

const ROUNDS = 20;

/** Two processes want one name at the same instant: what claims are made of, and so is publishing a file. */
export async function checkRaces(a: Partner, b: Partner, scratch: string): Promise<Check[]> {
  return [
    await attempt('link race', () => race(a, b, 'link', join(scratch, 'links'))),
    await attempt('rename race', () => race(a, b, 'rename', join(scratch, 'renames'))),
  ];
}

async function race(
  a: Partner,
  b: Partner,
  order: 'link' | 'rename',
  folder: string,
): Promise<Omit<Check, 'name'>> {
  mkdirSync(folder);
  const what = order === 'link' ? 'a file was given one name' : 'a directory was given one place';
  for (let round = 0; round < ROUNDS; round++) {
    const to = join(folder, `to-${round}`);
    const prepare = (who: string) => {
      const from = join(folder, `${who}-${round}`);
      if (order === 'rename') mkdirSync(from);
      writeFileSync(order === 'rename' ? join(from, 'claim') : from, '');
      return from;
    };
    const sources = [prepare('a'), prepare('b')] as const;
    const results = await Promise.all([
      a.ask(order, { from: sources[0], to }),
      b.ask(order, { from: sources[1], to }),
    ]);
    const winners = results.filter(({ done }) => done).length;
    if (winners === 2) {
      const next =
        'The portable engine cannot be used here; that of the kernel can where exclusion is ok above.';
      return { mark: 'fail', says: `${what} by two processes at once`, next };
    }
    if (winners === 0) {
      const [code] = results.map((result) => result.code);
      return { mark: 'note', says: `there is no such thing here (${code})` };
    }
  }
  return { mark: 'ok', says: `${what} by one of two processes, ${ROUNDS} times of ${ROUNDS}` };
}
