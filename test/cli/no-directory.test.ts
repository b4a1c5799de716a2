import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cli, main } from './cli.ts';

/** A call in a working directory that was deleted. */
async function nowhere(cli: Cli, ...args: readonly string[]) {
  const gone = join(cli.home, 'gone');
  const script = `mkdir ${gone} && cd ${gone} && rmdir ${gone} && exec "$0" "$@"`;
  return cli.program('sh', ['-c', script, process.execPath, main, ...args]).finish();
}

describe('in a working directory that was deleted', () => {
  it('what needs none works without one [X46, F14]', async () => {
    const cli = new Cli();
    expect(await nowhere(cli, 'run', 'x', '--', 'echo', 'ran')).toMatchObject({ code: 0, stdout: 'ran\n' });
    const once = ['once', 'y', '--', 'echo', 'once'];
    for (const _ of ['run', 'replayed']) {
      expect(await nowhere(cli, ...once)).toMatchObject({ code: 0, stdout: 'once\n' });
    }
    expect((await cli.run(once, { cwd: '/' })).stdout).toBe('once\n'); // the user's: there is no project to be of
    for (const call of ['ls', 'once ls', 'wait x', 'log', 'clean', 'doctor', 'once --stdout y']) {
      const { code, stderr } = await nowhere(cli, ...call.split(' '));
      expect([call, code, stderr]).toEqual([call, 0, '']);
    }
  });

  it('what needs one says so, and what to do [X46]', async () => {
    const cli = new Cli();
    for (const call of [
      'run ./file -- true',
      'guard -- true',
      'doc get x.json a',
      'once -q --inputs *.ts --id x -- true',
    ]) {
      const { code, stdout, stderr } = await nowhere(cli, ...call.split(' '));
      expect([call, code, stdout]).toEqual([call, 125, '']);
      expect(stderr).toMatch(
        /^holdfast: .*the working directory was deleted\. Go to a directory that exists/,
      );
    }
  });
});
