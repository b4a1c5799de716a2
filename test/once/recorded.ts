import { join } from 'node:path';
import { once } from 'holdfast/once';
import { expect, vi } from 'vitest';
import { placeOf } from '../../src/once/scope.ts';
import { newHome } from '../support/place.ts';

/** A key with a success, and where its record is. */
export async function recorded(
  value: unknown = { answer: 42 },
): Promise<{ file: string; directory: string }> {
  newHome();
  await once('build', () => value);
  const { records: directory } = placeOf('build');
  return { file: join(directory, 'success'), directory };
}

/** Whether the record still counts. */
export async function counts(): Promise<boolean> {
  const work = vi.fn(() => ({ answer: 43 }));
  const value = (await once('build', work)) as { answer: number };
  expect(value.answer).toBe(work.mock.calls.length === 0 ? 42 : 43);
  return work.mock.calls.length === 0;
}
