import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { Child, fixture } from './child.ts';
import { tempDirectory } from './temp.ts';

/** A system call of the thread that works: on which file, with which result. */
export interface Call {
  readonly name: string;
  /** Of the descriptor that it was given, or the first path; empty where it has none. */
  readonly path: string;
  readonly result: number;
}

/** What does memory, time, and the waking of other threads of Node.js, which V8 calls whenever it likes. */
const OF_NODE =
  /^(mmap|munmap|mremap|mprotect|madvise|brk|futex|gettid|getpid|epoll_\w+|sched_\w+|rt_\w+|clock_\w+|getrusage|tgkill|eventfd2)$/;

/** What the C library and V8 ask about the machine while they do so: the number of cores, and how memory is promised. */
const OF_THE_MACHINE = /^(\/sys\/devices\/system\/cpu\/online|\/proc\/sys\/vm\/overcommit_memory)$/;

/** The calls of a fixture's main thread between its two marks; see `counted.mjs`. */
export async function callsOf(what: string, path: string, times: number): Promise<Call[]> {
  const trace = join(tempDirectory(), 'trace');
  const program = [process.execPath, fixture('counted.mjs'), what, path, `${times}`];
  const child = new Child('strace', ['-y', '-s', '0', '-o', trace, ...program]);
  expect(await child.exits()).toMatchObject({ code: 0, stderr: '' });
  const lines = readFileSync(trace, 'utf8');
  const [, between = ''] = /"\/begin"[^\n]*\n([\s\S]*?)\n[^\n]*"\/end"/.exec(lines) ?? [];
  return between.split('\n').flatMap((line) => {
    const [, name = '', rest = '', result = ''] = /^(\w+)\((.*)\) += (-?\d+)/.exec(line) ?? [];
    if (name === '' || OF_NODE.test(name) || rest.includes('<anon_inode:')) return [];
    const [, descriptor, literal] = /^\d+<([^>]*)>|"([^"]*)"/.exec(rest) ?? [];
    const file = descriptor ?? literal ?? '';
    return OF_THE_MACHINE.test(file) ? [] : [{ name, path: file, result: Number(result) }];
  });
}
