import { inspectOpen, openForLooking } from './inspect.ts';
import { closeQuietly } from './lock-file.ts';
import { syscalls } from './syscalls/index.ts';
import { nativePath } from './syscalls/native.ts';
import { wake } from './wake/index.ts';

/**
 * Watches a lock without contending for it: looks again after every hint and at the backstop, always through the same
 * descriptor, because closing one would be a hint to everybody who waits.
 */
export function untilFree(path: string, onFree: () => void): () => void {
  const name = nativePath(path);
  let fd: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopWatch = () => {};

  function look(): void {
    clearTimeout(timer);
    if (fd === undefined || !syscalls().check(fd, name).same) reopen();
    if (fd === undefined || inspectOpen(path, fd).state === 'free') {
      stop();
      onFree();
    } else {
      timer = setTimeout(look, wake().backstop);
    }
  }

  function reopen(): void {
    close();
    fd = openForLooking(path);
    if (fd !== undefined) stopWatch = wake().watch(fd, path, 'lock', look);
  }

  function close(): void {
    stopWatch();
    stopWatch = () => {};
    if (fd !== undefined) closeQuietly(fd);
    fd = undefined;
  }

  function stop(): void {
    clearTimeout(timer);
    close();
  }

  timer = setTimeout(look, 0);
  return stop;
}
