import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { nestedPath } from '../../src/engine/nested.ts';
import { fileResource } from '../../src/lock/resource.ts';
import { Cli, main } from '../cli/cli.ts';
import { asUser, Child } from '../support/child.ts';
import { needsRoot } from '../support/root.ts';

const OWNER = 65534;
const STRANGER = 61234;

it('a nested lock that a stranger planted in a directory open to all, and keeps locked, is refused by name [X1, X55, H17]', async () => {
  needsRoot();
  const cli = new Cli();
  chmodSync(cli.home, 0o755);
  const directory = join(cli.home, 'shared');
  mkdirSync(directory);
  chmodSync(directory, 0o1777);
  const file = join(directory, 'roles.json');
  writeFileSync(file, '{}', { mode: 0o600 });
  chownSync(file, OWNER, OWNER);
  const planted = nestedPath(fileResource(file).path);
  const [setpriv = '', ...through] = asUser(STRANGER);
  const stranger = new Child(setpriv, [...through, 'flock', planted, 'sh', '-c', 'echo locked; cat']);
  await stranger.line('locked');
  const run = ['run', '-n', '--engine', 'kernel', '--file', file, '--'];

  const nested = await cli.asUser(OWNER, [...run, process.execPath, main, ...run, 'echo', 'got']).finish();
  const next = await cli.asUser(OWNER, [...run, 'echo', 'got']).finish();

  for (const refused of [nested, next]) {
    expect(refused).toMatchObject({ code: 125, stdout: '' });
    expect(refused.stderr).toContain(planted);
    expect(refused.stderr).toContain(`belongs to user id ${STRANGER}`);
  }
  await stranger.finish();
});
