import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { processFacts, recordOf } from '../../src/identity/index.ts';
import { Agent } from '../support/agent.ts';
import { Child } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { untilStopped } from '../support/until.ts';

describe('the record of this process', () => {
  it('is in the lock file while the lock is held, with the time, and gone after [R3, G12, F3]', async () => {
    const home = tempDirectory();
    const [holder] = await Agent.several(home, 1);
    const before = Date.now();
    const { path } = await holder.acquire('mirror', { purpose: 'nightly save' });

    const text = readFileSync(path, 'utf8');
    expect(text).toMatch(new RegExp(`^pid ${holder.pid}$`, 'm'));
    expect(text).toMatch(/^purpose "nightly save" *$/m);
    const since = Date.parse(/^since (.*)$/m.exec(text)?.[1] as string);
    expect(since).toBeGreaterThanOrEqual(before);
    expect(since).toBeLessThanOrEqual(Date.now());

    await holder.release();
    expect(readFileSync(path, 'utf8')).not.toContain('pid');
  });
});

it('sees whether a process is stopped [R11]', async () => {
  const child = new Child('sleep', ['600']);
  expect(processFacts.isStopped(child.pid)).toBe(false);
  child.signal('SIGSTOP');
  await untilStopped(child.pid);
  expect(processFacts.isStopped(child.pid)).toBe(true);
  expect(processFacts.isStopped(2 ** 30)).toBeUndefined();
});

it('is not misled by a process that calls itself what looks like more facts of it [H1, R11]', async () => {
  const named = new Child('python3', [
    '-c',
    `
import ctypes, sys
PR_SET_NAME = 15
ctypes.CDLL(None).prctl(PR_SET_NAME, b'a) T (b', 0, 0, 0)
print('named', flush=True)
sys.stdin.readline()
`,
  ]);
  const { start } = recordOf(named.pid);
  await named.line('named');

  expect(readFileSync(`/proc/${named.pid}/stat`, 'latin1')).toContain('(a) T (b)');
  expect(processFacts.isStopped(named.pid)).toBe(false);
  expect(recordOf(named.pid).start).toBe(start);
});

it('sees a process as stopped that a debugger stopped [R11]', async () => {
  const debugged = new Child('python3', [
    '-c',
    `
import ctypes, os, signal, sys
PTRACE_TRACEME = 0
pid = os.fork()
if pid == 0:
    ctypes.CDLL(None).ptrace(PTRACE_TRACEME, 0, None, None)
    os.kill(os.getpid(), signal.SIGTRAP)
os.waitpid(pid, os.WUNTRACED)
print('stopped', pid, flush=True)
sys.stdin.readline()
os.kill(pid, signal.SIGKILL)
`,
  ]);
  const pid = Number((await debugged.line('stopped')).slice('stopped '.length));

  expect(processFacts.isStopped(pid)).toBe(true);
});
