import { expect, it } from 'vitest';
import { Cli, main } from './cli.ts';

it.each([['--version'], ['--help'], ['completion', 'bash']])(
  'an output that cannot be written, of %s, is told, and is no success [R82]',
  async (...words) => {
    const cli = new Cli();
    const script = '"$0" "$@" >/dev/full';
    const { code, stderr } = await cli
      .program('sh', ['-c', script, process.execPath, main, ...words])
      .finish();
    expect(code).toBe(125);
    expect(stderr).toBe('holdfast: standard output cannot be written: ENOSPC. Make room on its disk\n');
  },
);
