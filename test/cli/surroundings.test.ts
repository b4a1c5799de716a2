import { existsSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { fixture } from '../support/child.ts';
import { until } from '../support/until.ts';
import { Cli, main } from './cli.ts';
import { Guarded } from './guarded.ts';

const RULES = 'operations:\n  act: { command: mirror **, uses: { mirror: exclusive } }\n';

describe('nothing but the command is looked for in PATH:', () => {
  it('what tells Ctrl-C from kill is the system’s own program [X44]', async () => {
    const cli = new Guarded(RULES);
    const marker = join(cli.home, 'started');
    cli.writeTool('bin/cat', `#!/bin/sh\n: > '${marker}'\nexec /bin/cat "$@"\n`);
    const running = cli.start(['run', 'x', '--', process.execPath, fixture('cli-recorder.mjs')]);
    const [, , wrapper = ''] = await running.says(/ready (\d+) (\d+)/);
    const children = () =>
      readFileSync(`/proc/${wrapper}/task/${wrapper}/children`, 'latin1').trim().split(' ');
    const programs = () => children().map((pid) => readlinkSync(`/proc/${pid}/exe`));
    await until(() => children().length >= 2 && programs().some((file) => file.endsWith('/cat')), 'it runs');
    expect(existsSync(marker)).toBe(false);
  });
});

describe.each([
  ['run', ['run', 'x']],
  ['run, held back', ['run', '--engine', 'portable', 'x']],
  ['once', ['once', 'x']],
  ['once, in the background', ['once', '--wait', '--quiet', 'x']],
] as const)('%s', (_way, words) => {
  it('gives its command the limit of descriptors that it has itself been given [X44]', async () => {
    const script = 'ulimit -Sn 256; "$@"; exit $?';
    const command = ['sh', '-c', 'ulimit -Sn; ulimit -Hn'];
    const cli = new Cli();
    const running = cli.program('bash', [
      '-c',
      script,
      'bash',
      process.execPath,
      main,
      ...words,
      '--',
      ...command,
    ]);
    const hard = await cli.program('sh', ['-c', 'ulimit -Hn']).finish();
    expect(await running.finish()).toMatchObject({ code: 0, stdout: `256\n${hard.stdout}`, stderr: '' });
  });
});

it('the command of --validate has that limit too [X44]', async () => {
  const cli = new Cli();
  const file = join(cli.home, 'limit');
  const validate = ['--validate', `ulimit -Sn > ${file}`];
  await cli.run(['once', 'x', '--', 'true']);
  const words = [main, 'once', ...validate, 'x', '--', 'true'];
  await cli
    .program('bash', ['-c', 'ulimit -Sn 256; "$@"; exit $?', 'bash', process.execPath, ...words])
    .finish();
  expect(readFileSync(file, 'utf8')).toBe('256\n');
});

describe('an empty entry of PATH is the working directory', () => {
  it.each([':/usr/bin:/bin', '/usr/bin:/bin:', '/usr/bin::/bin'])(
    'in %j, for run and guard [X44]',
    async (PATH) => {
      const cli = new Guarded(RULES);
      cli.writeTool('project/mirror', '#!/bin/sh\necho here "$@"\n');
      const options = { cwd: cli.project, env: { PATH } };
      for (const words of [['run', 'x'], ['run', '--engine', 'portable', 'y'], ['guard']]) {
        const ending = await cli.run([...words, '--', 'mirror', 'go'], options);
        expect(ending, words.join(' ')).toMatchObject({ code: 0, stdout: 'here go\n', stderr: '' });
      }
    },
  );

  it('behind a wrapper, too [X44]', async () => {
    const cli = new Guarded(RULES);
    cli.writeTool('project/mirror', '#!/bin/sh\necho here "$@"\n');
    await cli.run(['guard', '--shim', '../shims', 'mirror'], { cwd: cli.project });
    const PATH = `${join(cli.home, 'shims')}::/usr/bin:/bin`;
    const ending = await cli.program('mirror', ['go'], { cwd: cli.project, env: { PATH } }).exits();
    expect(ending).toMatchObject({ code: 0, stdout: 'here go\n', stderr: '' });
  });
});
