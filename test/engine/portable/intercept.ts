import fs, { readlinkSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';

type Call<N extends keyof typeof fs> = (typeof fs)[N];

/** Puts something in the way of one call to the file system until the test is over; once for each call. */
export function intercept<N extends keyof typeof fs>(name: N, wrap: (original: Call<N>) => Call<N>): void {
  const original = fs[name];
  Object.assign(fs, { [name]: wrap(original) });
  syncBuiltinESMExports();
  onTestFinished(() => {
    Object.assign(fs, { [name]: original });
    syncBuiltinESMExports();
  });
}

/** The path that a call meant: root gives some by the descriptor of their directory. */
export function meant(path: unknown): string {
  const [, fd, rest = ''] = /^\/proc\/self\/fd\/(\d+)\/(.*)$/.exec(String(path)) ?? [];
  return fd === undefined ? String(path) : join(readlinkSync(`/proc/self/fd/${fd}`), rest);
}

/** What the system says when a call fails. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** Has a call to the file system fail where it is told to, until the test is over. */
export function failWhere<N extends 'openSync' | 'readSync' | 'readFileSync' | 'readdirSync'>(
  name: N,
  code: string,
  isSo: (of: unknown) => boolean,
): void {
  intercept(name, (original) => {
    const call = original as (...parameters: unknown[]) => unknown;
    return ((...parameters: unknown[]) => {
      if (isSo(parameters[0])) throw systemError(code);
      return call(...parameters);
    }) as Call<N>;
  });
}

/** Sees the call that shows a claim of either layout at a path; `around` makes it, sooner, later or not at all. */
export function interceptShowing(path: string, around: (show: () => void, own: string) => void): void {
  interceptNaming((show, own, to) => (to === path ? around(show, own) : show()));
}

/** The same for all paths in a directory. */
export function interceptShowingIn(directory: string, around: (show: () => void) => void): void {
  interceptNaming((show, _own, to) => (dirname(to) === directory ? around(show) : show()));
}

function interceptNaming(around: (show: () => void, from: string, to: string) => void): void {
  for (const name of ['linkSync', 'renameSync'] as const) {
    intercept(name, (original) => (from, to) => around(() => original(from, to), meant(from), meant(to)));
  }
}

/** One step on the way to the disk: `sync` of a path, or `show` of what was made at `from` under its name. */
export interface DiskStep {
  readonly did: 'sync' | 'show';
  readonly path: string;
  readonly from?: string;
}

/** What becomes known to the disk, and to others, from now on until the test is over; it grows with every call. */
export function diskSteps(): DiskStep[] {
  const steps: DiskStep[] = [];
  const open = new Map<number, string>();
  intercept('openSync', (original) => (path, ...rest) => {
    const fd = original(path, ...rest);
    open.set(fd, String(path));
    return fd;
  });
  intercept('fsyncSync', (original) => (fd) => {
    original(fd);
    steps.push({ did: 'sync', path: open.get(fd) ?? '' });
  });
  interceptNaming((show, from, path) => {
    show();
    steps.push({ did: 'show', from, path });
  });
  return steps;
}
