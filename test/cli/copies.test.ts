import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Check } from '../../src/cli/doctor/check.ts';
import { Agent } from '../support/agent.ts';
import { memoryDirectory } from '../support/temp.ts';
import { tool } from '../support/tool.ts';
import { Cli } from './cli.ts';

/** A directory that was copied while another process held a lock on a file in it; and that process. */
async function afterCopying(engine: 'portable' | 'kernel') {
  const cli = new Cli();
  const [holder] = await Agent.several(cli.home, 1);
  const home = memoryDirectory();
  const [data, copy] = [join(home, 'data'), join(home, 'copy')];
  mkdirSync(data);
  await holder.acquire({ file: join(data, 'roles.json') }, { engine, purpose: 'nightly save' });
  tool('cp', ['-a', data, copy]);
  return { cli, holder, data, copy, file: join(copy, 'roles.json') };
}

const isHeld = ({ locks }: { locks: Record<string, { assertHeld(): void }> }) => locks.lock?.assertHeld();

describe('a directory that was copied while a portable lock in it was held', () => {
  it('tells who looks that a copy of a claim is in the way, and what removes it [X31]', async () => {
    const { cli, copy, file } = await afterCopying('portable');

    const { code, stdout } = await cli.run(['who', file]);
    const [place] = ((await cli.json(['doctor', '--json', copy])) as { places: { checks: Check[] }[] })
      .places;

    expect(code).toBe(0);
    expect(stdout).toMatch(/roles\.json is kept .*by a copy of the claim of "nightly save" \(pid \d+/);
    expect(stdout).toContain(`remove the copy: holdfast clean ${file}\n`);
    expect((await cli.run(['ls', '--directory', copy])).stdout).toContain(
      'a copy of the claim of nightly save',
    );
    expect(place?.checks.find(({ name }) => name === 'copies')).toMatchObject({
      mark: 'warn',
      says: expect.stringMatching(/^\.roles\.json\.lock is kept by a copy of the claim of "nightly save"/),
      next: expect.stringContaining(`holdfast clean ${copy}.`),
    });
  });

  it('advises whoever wants the lock to remove the copy, and not to end a process that holds nothing there [X31]', async () => {
    const { cli, holder, file } = await afterCopying('portable');

    const refused = await cli.run(['run', '--timeout', '0', '--file', file, '--', 'true']);
    const broken = await cli.run(['break', '--kill', '--yes', file]);

    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toContain(`remove the copy: holdfast clean ${file}`);
    expect(refused.stderr).not.toContain('break');
    expect(broken.code).toBe(125);
    expect(broken.stderr).toContain('remove the copy: holdfast clean ');
    await holder.run(isHeld);
  });

  it('has the lock free again after a clean, which leaves the holder’s own lock alone [X31, F12]', async () => {
    const { cli, holder, data, copy, file } = await afterCopying('portable');

    const { code, stdout } = await cli.run(['clean', copy]);

    expect([code, stdout]).toEqual([
      0,
      'removed claim .roles.json.lock: is a copy of a claim, and nobody holds a lock by it\n',
    ]);
    expect((await cli.run(['run', '--timeout', '0', '--file', file, '--', 'true'])).code).toBe(0);
    expect((await cli.run(['clean', data])).stdout).toContain('kept claim .roles.json.lock: its owner lives');
    await holder.run(isHeld);
  });

  it('can be cleared of one copy by the identity of the claim as well [X31]', async () => {
    const { cli, holder, file } = await afterCopying('portable');
    const { holders } = (await cli.json(['who', '--json', file])) as { holders: { claim: string }[] };

    const { code } = await cli.run(['break', '--yes', '--claim', holders[0]?.claim ?? '', file]);

    expect(code).toBe(0);
    expect((await cli.run(['who', file])).code).toBe(1);
    await holder.run(isHeld);
  });
});

it('a kernel lock that was copied while it was held is free, whatever its record says [X31]', async () => {
  const { cli, holder, file } = await afterCopying('kernel');

  const { code, stdout } = await cli.run(['who', file]);

  expect(code).toBe(1);
  expect(stdout).toMatch(/roles\.json is free\n$/);
  expect((await cli.run(['run', '--timeout', '0', '--file', file, '--', 'true'])).code).toBe(0);
  await holder.run(isHeld);
});
