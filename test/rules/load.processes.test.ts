import { describe, expect, it } from 'vitest';
import { Cli } from '../cli/cli.ts';
import { makeFifo } from '../support/tool.ts';
import { writeRules } from './text.ts';

describe('files that cannot be read', () => {
  it('hold nobody up: a directory or a FIFO in the place of the file [H18]', async () => {
    const path = writeRules({ 'rules/holdfast.yaml': '' });
    makeFifo(`${path}.fifo`);

    for (const place of [`${path}.fifo`, path.replace(/\/[^/]*$/, '')]) {
      // A process of its own, for one that opens a FIFO like a file hangs without end.
      expect(await new Cli().run(['guard', '--rules', place, '--', 'echo', 'ran'])).toMatchObject({
        code: 125,
        stdout: '',
        stderr: `holdfast: ${place}: is not a file.\n`,
      });
    }
  });
});
