import { existsSync, readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Place } from '../../../src/engine/portable/place.ts';
import { Agent } from '../../support/agent.ts';
import { Child } from '../../support/child.ts';
import { locksIn } from '../../support/place.ts';
import { tempDirectory } from '../../support/temp.ts';
import { tool } from '../../support/tool.ts';
import { withoutBinding } from '../../support/unbound.ts';
import { until } from '../../support/until.ts';

/** An agent for whose system calls to lock the system has this answer. */
function refusing(home: string, error: string): Promise<Agent> {
  const strace = [
    'strace',
    '-f',
    '-qq',
    '-o',
    '/dev/null',
    '-e',
    'trace=flock',
    '-e',
    `inject=flock:error=${error}`,
  ];
  return Agent.start({ home, through: strace });
}

describe.each(['ENOLCK', 'ENOSYS', 'EOPNOTSUPP'])('where flock says %s', (error) => {
  it('the portable engine takes over by itself and says why; who requires the kernel is refused, and nothing is made [F1, H12, H13, R51]', async () => {
    const home = tempDirectory();
    const agent = await refusing(home, error);

    const refused = agent.acquire('mirror', { require: 'kernel' });
    await expect(refused).rejects.toMatchObject({ code: 'HOLDFAST_CONTRACT', available: 'claim' });
    await expect(refused).rejects.toThrow(`flock says ${error}`);
    const insisted = agent.acquire('mirror', { engine: 'kernel' });
    await expect(insisted).rejects.toMatchObject({ code: 'HOLDFAST_UNSUPPORTED' });
    expect(existsSync(join(home, 'locks'))).toBe(false);

    expect((await agent.acquire('mirror')).degraded).toEqual(['no-kernel-lock']);
    const told = await agent.run(({ locks }) => [locks.lock?.contract, locks.lock?.degraded[0]?.detail]);
    expect(told).toEqual(['claim', expect.stringContaining(`flock says ${error}`)]);
  });

  it('a lock that others have with the kernel is an error, and stays theirs [F1, H13]', async () => {
    const home = tempDirectory();
    const [agent, [holder]] = await Promise.all([refusing(home, error), Agent.several(home, 1)]);
    await holder.acquire('mirror');

    await expect(agent.acquire('mirror')).rejects.toMatchObject({
      code: 'HOLDFAST_MISMATCH',
      wanted: 'portable',
      found: 'kernel',
    });

    await holder.run(({ locks }) => locks.lock?.assertHeld());
  });

  it('a lock that the portable engine came to first is shared with those whose kernel does lock [F1]', async () => {
    const home = tempDirectory();
    const [agent, [other]] = await Promise.all([refusing(home, error), Agent.several(home, 1)]);
    await agent.acquire('mirror');

    expect(await other.couldAcquire('mirror')).toBe(false);
    await agent.release();

    expect((await other.acquire('mirror')).degraded).toEqual(['no-kernel-lock']);
    expect(await agent.couldAcquire('mirror')).toBe(false);
  });
});

describe('without the binding to the system', () => {
  it('a program locks with the portable engine, and its error says what is missing where that will not do [F1]', async () => {
    const { cwd, env } = withoutBinding();
    const source = `import { LockManager } from 'holdfast';
      const locks = new LockManager();
      await locks.with('mirror', (lock) => console.log(lock.contract, lock.degraded[0].detail));
      await locks.acquire('mirror', { require: 'kernel' }).catch((error) => console.log(error.code, error.message));`;

    const said = tool(process.execPath, ['--input-type=module', '--eval', source], { cwd, env });

    const [granted, refused] = said.split('\n');
    expect(granted).toMatch(
      /^claim locked by the portable engine \(contract claim\), because there is no way to ask the kernel/,
    );
    expect(granted).toMatch(/koffi/);
    expect(refused).toMatch(
      /^HOLDFAST_CONTRACT mirror can be locked only with the contract 'claim', and 'kernel' is required/,
    );
    expect(refused).toContain('keep koffi external');
  });

  it('a program warns once, with a code, and names the cause and the cure; asked for the portable engine, it does not [X51]', async () => {
    const { cwd, env } = withoutBinding();
    const source = (options: string) => `import { LockManager } from 'holdfast';
      process.on('warning', ({ name, code, message }) => console.log(name, code, message));
      const locks = new LockManager(${options});
      await locks.with('mirror', () => {});
      await locks.with('other', () => {});
      await new Promise((resolve) => setImmediate(resolve));`;
    const run = (options: string) =>
      tool(process.execPath, ['--input-type=module', '--eval', source(options)], { cwd, env }).trim();

    const warned = run('').split('\n');

    expect(warned).toHaveLength(1);
    expect(warned[0]).toMatch(/^HoldfastWarning HOLDFAST_BINDING .*koffi.* cannot be loaded from .*dist/);
    expect(warned[0]).toContain('keep koffi external');
    expect(run("{ engine: 'portable' }")).toBe('');
  });

  it('holdfast run warns once too, in the same words [X51]', async () => {
    const { cwd, env } = withoutBinding();
    const main = join(cwd, 'node_modules/holdfast/dist/cli/main.js');

    const { code, stderr } = await new Child(process.execPath, [main, 'run', 'mirror', '--', 'true'], {
      cwd,
      env,
    }).exits();

    expect(code).toBe(0);
    expect(stderr.match(/warning:/g)).toHaveLength(1);
    expect(stderr).toMatch(/^holdfast: warning: locked by the portable engine .*keep koffi external/);
  });

  it('holdfast run holds a claim, which the command keeps when the wrapper is killed [F1, A5, R51]', async () => {
    const { cwd, env } = withoutBinding();
    const main = join(cwd, 'node_modules/holdfast/dist/cli/main.js');
    const say = (args: readonly string[]) => new Child(process.execPath, [main, ...args], { cwd, env });
    const wrapper = say(['run', 'mirror', '--', 'sh', '-c', 'echo $$; exec sleep 600']);
    const command = Number(await wrapper.line(''));
    const locks = locksIn(join(cwd, 'home'));
    const isRecorded = () => locks.inspect('mirror').holders[0]?.child !== undefined;
    await until(isRecorded, 'the command is recorded');
    expect(wrapper.stderr).toContain('holdfast: warning: locked by the portable engine');

    await wrapper.killAlone();
    const busy = await say(['run', '--no-wait', 'mirror', '--', 'true']).exits();
    process.kill(command, 'SIGKILL');
    const free = await say(['run', '--timeout', '50s', 'mirror', '--', 'true']).exits();

    expect([busy.code, free.code]).toEqual([75, 0]);
    const { queue } = new Place(locks.pathOf('mirror'));
    expect(readdirSync(locks.directory)).toEqual([basename(queue)]);
  });
});
