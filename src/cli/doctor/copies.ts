import { basename } from 'node:path';
import { holder, shellWord } from '../../errors/describe.ts';
import { copyAdvice } from '../../errors/lock-errors.ts';
import { query } from '../../lock/query.ts';
import { attempt, type Check } from './check.ts';

/** Copies of claims, which came with a copied directory and keep its locks from everybody. Nothing where there are none. */
export async function checkCopies(directory: string): Promise<Check[]> {
  const check = await attempt('copies', () => {
    const found = query(directory).held.flatMap(({ path, holders }) => {
      const copy = holders.find((record) => record.copy === true);
      return copy === undefined ? [] : [`${basename(path)} is kept by ${holder(copy)}`];
    });
    if (found.length === 0) return { mark: 'ok', says: 'there are none' };
    return { mark: 'warn', says: found.join('; '), next: `${copyAdvice(shellWord(directory))}.` };
  });
  return check.mark === 'ok' ? [] : [check];
}
