import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Cli } from './cli.ts';

const NOBODY = 65_534;

/** The command line of a user who is not root, in a home of his own. */
class Nobody {
  readonly cli = new Cli();

  constructor() {
    chownSync(this.cli.home, NOBODY, NOBODY);
  }

  run(...args: readonly string[]) {
    return this.cli.asUser(NOBODY, ['once', ...args], { cwd: this.cli.home }).finish();
  }

  /** What root has taken of a task, as a call with sudo would leave it. */
  takeFrom(id: string): string {
    const records = join(this.cli.home, 'once');
    const name = readdirSync(records).find((each) => each.startsWith(`once-${id}~`)) as string;
    const success = join(
      records,
      name,
      readdirSync(join(records, name)).find((each) => each.startsWith('success')) as string,
    );
    for (const path of [success, join(records, name)]) chownSync(path, 0, 0);
    chmodSync(success, 0o600);
    chmodSync(join(records, name), 0o755);
    return success;
  }
}

describe('records that belong to root', () => {
  it('are an error that names them, their owner and the next step, wherever their task is asked for [H17, R82]', async () => {
    const nobody = new Nobody();
    await nobody.run('a', '--', 'true');
    const success = nobody.takeFrom('a');
    for (const args of [
      ['a', '--', 'true'],
      ['--peek', 'a'],
      ['--stdout', 'a'],
      ['--reset', 'a'],
    ]) {
      const { code, stdout, stderr } = await nobody.run(...args);
      expect({ code, stdout }, args.join(' ')).toEqual({ code: 125, stdout: '' });
      expect(stderr).toContain(`holdfast: What once has recorded in ${success} cannot be read: EACCES. `);
      expect(stderr).toContain(`belongs to root. Give it to this user (sudo chown -R ${NOBODY} `);
    }
  });

  it('are listed as what they are, and left by clean, which goes on to the others [A13, H17]', async () => {
    const nobody = new Nobody();
    for (const id of ['a', 'b']) await nobody.run(id, '--', 'true');
    const success = nobody.takeFrom('a');
    const listed = await nobody.run('ls');
    expect(listed.code).toBe(0);
    expect(listed.stdout).toMatch(/\nb +done .*\n\? +inaccessible /);
    expect(listed.stderr).toContain(`recorded in ${success} cannot be read: EACCES. `);
    const json = JSON.parse((await nobody.run('ls', '--json')).stdout);
    expect(json).toMatchObject([
      { id: 'b', state: 'done' },
      { id: null, state: 'inaccessible', path: success },
    ]);
    const cleaned = await nobody.run('clean', '--all');
    expect(cleaned.code).toBe(1);
    expect(cleaned.stdout).toMatch(/^b is forgotten\nWhat once has recorded in .* belongs to root\. /);
  });
});

describe('a home that cannot be read', () => {
  it('that is a file is an error, not an empty list [R82]', async () => {
    const cli = new Cli();
    const file = join(cli.home, 'file');
    writeFileSync(file, '');
    const env = { HOLDFAST_HOME: file };
    for (const args of [['ls'], ['clean', '--all']]) {
      const { code, stdout, stderr } = await cli.run(['once', ...args], { env });
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
      expect(stderr).toContain(
        `cannot be read: ENOTDIR. Move ${file} away: a directory has to be there, or choose another directory`,
      );
    }
  });

  it('that is another user’s is an error that says whose it is [H17, R82]', async () => {
    const nobody = new Nobody();
    mkdirSync(join(nobody.cli.home, 'once'));
    chownSync(nobody.cli.home, 0, 0);
    chmodSync(nobody.cli.home, 0o711);
    chmodSync(join(nobody.cli.home, 'once'), 0o700);
    for (const args of [['ls'], ['clean', '--all']]) {
      const { code, stdout, stderr } = await nobody.run(...args);
      expect({ code, stdout }).toEqual({ code: 125, stdout: '' });
      expect(stderr).toContain(`${join(nobody.cli.home, 'once')} belongs to root. `);
    }
  });
});
