import { readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { Cli } from '../../cli/cli.ts';
import { Agent } from '../../support/agent.ts';
import { locksIn } from '../../support/place.ts';
import { untilStopped } from '../../support/until.ts';

/** A holder of whom nobody here can tell whether it lives, and that stops itself in the middle of its own release. */
async function stoppedInRelease() {
  const cli = new Cli();
  const locks = locksIn(cli.home);
  const [holder] = await Agent.several(cli.home, 1);
  await holder.acquire('mirror', { engine: 'portable' });
  const path = locks.pathOf('mirror');
  const [{ claim = '', boot = '', machine = '' } = {}] = locks.inspect('mirror').holders;
  const text = readFileSync(path, 'utf8');
  writeFileSync(path, text.replace(boot, 'another-boot').replace(machine, 'another-machine'));
  await holder.run(({ fs }, path) => {
    const { unlinkSync } = fs;
    const { syncBuiltinESMExports } = process.getBuiltinModule('node:module');
    fs.unlinkSync = (name) => {
      if (String(name).endsWith(path.slice(path.lastIndexOf('/')))) {
        fs.unlinkSync = unlinkSync;
        syncBuiltinESMExports();
        process.kill(process.pid, 'SIGSTOP');
      }
      unlinkSync(name);
    };
    syncBuiltinESMExports();
  }, path);
  const released = holder.release();
  await untilStopped(holder.pid);
  return { cli, locks, holder, claim, released };
}

describe('a holder that is stopped in the instant before it removes its claim', () => {
  it('keeps the right to it: it is not broken by hand, and removes no successor’s claim when it goes on [X6, H9, H21]', async () => {
    const { cli, locks, holder, claim, released } = await stoppedInRelease();

    const broken = await cli.run(['break', '--claim', claim, '--yes', 'mirror']);
    const successor = await locks.tryAcquire('mirror');
    holder.signal('SIGCONT');
    await released;

    successor?.assertHeld();
    expect([broken.code, broken.stderr]).toEqual([1, expect.stringContaining('look again')]);
    const next = await locks.acquire('mirror', { timeout: 0 });
    next.assertHeld();
    await next.release();
  });
});
