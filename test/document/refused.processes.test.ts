import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { openDocument, updateFile } from 'holdfast/document';
import { describe, expect, it } from 'vitest';
import { within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';

describe('what stands at the path of a document and is no file', () => {
  it.each([
    ['a FIFO', ['mkfifo', 'roles.json']],
    ['a device', ['mknod', 'roles.json', 'c', '1', '5']],
  ] as const)(
    'is a typed error at once, and is not waited for: %s [D37]',
    async (_what, [command, ...words]) => {
      const directory = memoryDirectory();
      execFileSync(command, words, { cwd: directory });
      const path = join(directory, 'roles.json');
      await expect(within(openDocument(path), 'opening it')).rejects.toMatchObject({
        code: 'HOLDFAST_UNREADABLE',
      });
      await expect(within(updateFile(path, String), 'its edit')).rejects.toMatchObject({
        code: 'HOLDFAST_UNREADABLE',
      });
    },
  );
});
