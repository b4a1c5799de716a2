import { describe, expect, it } from 'vitest';
import { liveness, recordOf } from '../../src/identity/index.ts';
import { Child } from '../support/child.ts';

describe('a process of this boot and pid namespace', () => {
  it('is alive while it runs, and dead once it was killed [F7, R45, R47]', async () => {
    const child = new Child('sleep', ['600']);
    const record = recordOf(child.pid);

    expect(liveness(record)).toBe('alive');
    await child.kill();
    expect(liveness(record)).toBe('dead');
    expect(liveness(record, 'local')).toBe('dead');
  });

  it('is unknown, or dead, never alive, when the record does not tell when it started [F7, H1]', async () => {
    const child = new Child('sleep', ['600']);
    const { start: _start, ...record } = recordOf(child.pid);

    expect(liveness(record)).toBe('unknown');
    await child.kill();
    expect(liveness(record)).toBe('dead');
  });

  it('is dead as a zombie, which its parent never asks about [R45]', async () => {
    const parent = new Child('python3', [
      '-c',
      `
import os, sys
pid = os.fork()
if pid == 0:
    sys.stdin.readline()
    os._exit(0)
print('pid', pid, flush=True)
os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
print('zombie', flush=True)
sys.stdin.readline()
`,
    ]);
    const pid = Number((await parent.line('pid')).slice(4));
    const record = recordOf(pid);
    expect(liveness(record)).toBe('alive');
    parent.say('end');

    await parent.line('zombie');

    expect(liveness(record)).toBe('dead');
  });

  it('is alive when only its first thread has ended, though it looks like a zombie [F7]', async () => {
    const child = new Child('python3', [
      '-c',
      `
import ctypes, os, threading
def wait_for_the_end_of_the_first():
    while open('/proc/self/stat').read().rsplit(')', 1)[1].split()[0] != 'Z': pass
    print('looks dead', flush=True)
    threading.Event().wait()
threading.Thread(target=wait_for_the_end_of_the_first).start()
ctypes.CDLL(None).pthread_exit(None)
`,
    ]);
    await child.line('looks dead');

    expect(liveness(recordOf(child.pid))).toBe('alive');
  });
});
