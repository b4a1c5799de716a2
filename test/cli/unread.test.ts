import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { Cli, main } from './cli.ts';

it.each([
  ['once --follow', 141, () => ['once', '--follow', 'quiet', '--', 'sh', '-c', 'echo line; exec sleep 1000']],
  ['log --follow', 0, () => ['log', '--follow', '-n', '1']],
  ['doc watch', 0, (file: string) => ['doc', 'watch', '--json', file]],
])(
  '%s ends when its reader has what it wants, though nothing more happens [R82]',
  async (_name, status, words) => {
    const cli = new Cli();
    onTestFinished(async () => void (await cli.run(['once', 'clean', '--all', '--stop'])));
    const file = join(cli.home, 'roles.json');
    writeFileSync(file, '{}');
    await cli.run(['run', 'mirror', '--', 'true']);
    const script = '{ "$0" "$@"; echo "ended with $?" >&2; } | head -n 1';

    const { stdout, stderr } = await cli
      .program('sh', ['-c', script, process.execPath, main, ...words(file)])
      .exits();

    expect(stdout.trim().split('\n')).toHaveLength(1);
    expect(stderr).toContain(`ended with ${status}`);
  },
);
