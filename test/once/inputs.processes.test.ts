import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { InputError } from 'holdfast';
import { once } from 'holdfast/once';
import { expect, it } from 'vitest';
import { within } from '../support/deadline.ts';
import { newHome } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { makeFifo } from '../support/tool.ts';

it.each<[string, (path: string) => void]>([
  ['a FIFO', makeFifo],
  ['a link to an endless device', (path) => symlinkSync('/dev/zero', path)],
  ['a link to a directory', (path) => symlinkSync('.', path)],
])('an input that is %s is refused, and nobody waits for it [A14, H18]', async (_, make) => {
  newHome();
  const file = join(tempDirectory(), 'input');
  make(file);
  const asked = once('build', () => 1, { inputs: ['v1', { file }] });
  await expect(within(asked, 'the call ends')).rejects.toBeInstanceOf(InputError);
  await expect(asked).rejects.toThrow(`inputs[1] names "${file}", which is no regular file.`);
});
