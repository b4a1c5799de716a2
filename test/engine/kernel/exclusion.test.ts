import fs, { readdirSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { expect, it, onTestFinished, vi } from 'vitest';
import { tryExclusion } from '../../../src/engine/kernel/exclusion.ts';
import { tempDirectory } from '../../support/temp.ts';

/** Has the process run out of descriptors at every second file it opens, until the test is over. */
function withoutSecondDescriptors(): void {
  const { openSync } = fs;
  let opened = 0;
  const opening = vi.spyOn(fs, 'openSync').mockImplementation((...call) => {
    if (++opened % 2 === 0) throw Object.assign(new Error('EMFILE: injected'), { code: 'EMFILE' });
    return openSync(...call);
  });
  syncBuiltinESMExports();
  onTestFinished(() => {
    opening.mockRestore();
    syncBuiltinESMExports();
  });
}

it('a trial of the kernel’s lock for which the descriptors do not last tells nothing, and leaves nothing behind [H12, H23]', () => {
  const directory = tempDirectory();
  expect(tryExclusion(directory).verdict).toBe('excludes'); // and the binding to the system is loaded
  const descriptors = () => readdirSync('/proc/self/fd').length;
  const before = descriptors();
  withoutSecondDescriptors();

  expect(tryExclusion(directory)).toEqual({
    verdict: 'untested',
    detail: 'no file could be made to try it with (EMFILE)',
  });

  expect(descriptors()).toBe(before);
  expect(readdirSync(directory)).toEqual([]);
});
