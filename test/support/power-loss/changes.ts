import { relative } from 'node:path';

/** One call that changes files, with paths below the directory that is looked at. */
export type Change =
  | { readonly call: 'create'; readonly path: string; readonly mode: number; readonly empties: boolean }
  /** Without `at`: behind what is there. */
  | { readonly call: 'write'; readonly path: string; readonly bytes: Buffer; readonly at?: number }
  | { readonly call: 'truncate'; readonly path: string; readonly size: number }
  | { readonly call: 'mode'; readonly path: string; readonly mode: number }
  /** Modification time in microseconds. */
  | { readonly call: 'time'; readonly path: string; readonly time: number }
  | { readonly call: 'rename' | 'exchange' | 'link'; readonly path: string; readonly to: string }
  | { readonly call: 'unlink' | 'rmdir' | 'mkdir' | 'sync'; readonly path: string };

/** Of strace: all calls that change a file, and those that sync one. */
export const CHANGING =
  'openat,write,pwrite64,writev,pwritev,truncate,ftruncate,chmod,fchmod,fchmodat,utimensat,fsync,fdatasync,rename,renameat,renameat2,link,linkat,unlink,unlinkat,rmdir,mkdir,mkdirat';

const TEXT = /"((?:[^"\\]|\\.)*)"/g;
const ESCAPE = /\\(?:([0-7]{1,3})|(.))/gs;
const NAMED: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', v: '\v', f: '\f' };

/**
 * What `strace -f -y -s LONG` has written of the changes below a directory, in the order in which the calls ended, with
 * paths by way of a descriptor led back to what was opened. Failed calls change nothing.
 */
export function changesIn(trace: string, directory: string): Change[] {
  const opened = new Map<string, string>();
  const real = (path: string) =>
    path.replace(/^\/proc\/self\/fd\/(\d+)/, (all, fd: string) => opened.get(fd) ?? all);
  return finishedCalls(trace).flatMap((line): Change[] => {
    const [, call = '', words = '', result = '', what] =
      /^(\w+)\((.*)\)\s+= (-?\d+)(?:<([^>]*)>)?/s.exec(line) ?? [];
    if (call === '' || result.startsWith('-')) return [];
    if (call === 'openat' && what !== undefined) opened.set(result, what);
    const change = changeOf(call, words, Number(result));
    if (change === undefined) return [];
    const path = within(directory, real(change.path));
    if (!('to' in change)) return path === undefined ? [] : [{ ...change, path }];
    const to = within(directory, real(change.to));
    if (path !== undefined && to !== undefined) return [{ ...change, path, to }];
    // A link that leads out of it is a mirror.
    if (to !== undefined || (path !== undefined && change.call === 'rename'))
      throw new Error(`It crosses the border: ${line}`);
    return [];
  });
}

function within(directory: string, path: string): string | undefined {
  const short = relative(directory, path);
  return short === '..' || short.startsWith('../') ? undefined : short;
}

/** Two halves of a call that another thread's came between are put together, where it ended. */
function finishedCalls(trace: string): string[] {
  const begun = new Map<string, string>();
  return trace.split('\n').flatMap((line) => {
    const [, thread = '', rest = ''] = /^(\d+) +(.*)$/s.exec(line) ?? [];
    const start = /^(.*) <unfinished \.\.\.>$/s.exec(rest)?.[1];
    if (start !== undefined) {
      begun.set(thread, start);
      return [];
    }
    const end = /^<\.\.\. \w+ resumed>(.*)$/s.exec(rest)?.[1];
    return [end === undefined ? rest : `${begun.get(thread) ?? ''}${end}`];
  });
}

function changeOf(call: string, words: string, result: number): Change | undefined {
  const texts = [...words.matchAll(TEXT)].map(([, text = '']) => unescaped(text));
  const [first = '', second = ''] = texts.map(String);
  const path = /^\d+<([^>]*)>/.exec(words)?.[1] ?? first;
  const mode = Number.parseInt(/, 0?(\d+)(?:, 0)?$/.exec(words)?.[1] ?? '0', 8);
  switch (call) {
    case 'openat':
      if (!words.includes('O_CREAT')) return undefined;
      return { call: 'create', path: first, mode, empties: words.includes('O_TRUNC') };
    case 'write':
    case 'writev':
      return { call: 'write', path, bytes: Buffer.concat(texts).subarray(0, result) };
    case 'pwrite64':
    case 'pwritev': {
      const at = Number(/, (\d+)$/.exec(words)?.[1]);
      return { call: 'write', path, bytes: Buffer.concat(texts).subarray(0, result), at };
    }
    case 'truncate':
    case 'ftruncate':
      return { call: 'truncate', path, size: Number(/, (\d+)$/.exec(words)?.[1]) };
    case 'chmod':
    case 'fchmod':
    case 'fchmodat':
      return { call: 'mode', path: call === 'fchmodat' ? first : path, mode };
    case 'utimensat': {
      const [, , seconds, nanoseconds] =
        /tv_sec=.*?tv_nsec=.*?(tv_sec=(\d+), tv_nsec=(\d+))/.exec(words) ?? [];
      return { call: 'time', path: first || path, time: Number(seconds) * 1e6 + Number(nanoseconds) / 1e3 };
    }
    case 'fsync':
    case 'fdatasync':
      return { call: 'sync', path };
    case 'rename':
    case 'renameat':
    case 'renameat2':
      return { call: words.endsWith('RENAME_EXCHANGE') ? 'exchange' : 'rename', path: first, to: second };
    case 'link':
    case 'linkat':
      return { call: 'link', path: first, to: second };
    case 'unlink':
    case 'unlinkat':
      return { call: words.includes('AT_REMOVEDIR') ? 'rmdir' : 'unlink', path: first };
    case 'rmdir':
      return { call: 'rmdir', path: first };
    default:
      return { call: 'mkdir', path: first };
  }
}

function unescaped(text: string): Buffer {
  const plain = text.replace(ESCAPE, (_all, octal?: string, other = '') =>
    octal === undefined ? (NAMED[other] ?? other) : String.fromCharCode(Number.parseInt(octal, 8)),
  );
  return Buffer.from(plain, 'latin1');
}
