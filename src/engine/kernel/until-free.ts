import { closeQuietly } from '../../storage/fs/quietly.ts';
import { openRegularFile } from '../../storage/regular-file.ts';
import { clearTimeout, setTimeout } from '../../time/time.ts';
import { cannotLook } from '../file/cannot-look.ts';
import { nestedPath } from '../nested.ts';
import { inspectClosed, inspectOpen } from './inspect.ts';
import { syscalls } from './syscalls/index.ts';
import { nativePath } from './syscalls/native.ts';
import { wake } from './wake/index.ts';

/**
 * Watches a lock without contending for it: looks again after every hint and at the backstop, always through the same
 * descriptor, because closing one would be a hint to everybody who waits. Where the file cannot be opened, by what the
 * system lists: a lock that was seen there, and is not any more, was released.
 */
export function untilFree(path: string, onFree: () => void, onError: (error: unknown) => void): () => void {
  let name: ReturnType<typeof nativePath> | undefined;
  let fd: number | undefined;
  let timer: NodeJS.Timeout | undefined;
  let stopWatch = () => {};
  let stopNested: (() => void) | undefined;
  let wasListed = false;

  function look(): void {
    clearTimeout(timer);
    try {
      if (isHeld()) {
        timer = setTimeout(look, wake().backstop);
      } else {
        stop();
        onFree();
      }
    } catch (error) {
      stop();
      onError(cannotLook(path, error));
    }
  }

  function isHeld(): boolean {
    try {
      name ??= nativePath(path);
      if (fd === undefined || !syscalls().check(fd, name).same) reopen();
    } catch (error) {
      const isListed = inspectClosed(path) !== undefined;
      if (!isListed && !wasListed) throw cannotLook(path, error);
      wasListed = isListed;
      return isListed;
    }
    if (fd === undefined) return false;
    const { state, holders } = inspectOpen(path, fd, 'recorded');
    if (state !== 'free' && holders.some(({ nested }) => nested === true)) watchNested();
    return state !== 'free';
  }

  /** The end of a nested holder changes the nested lock alone. */
  function watchNested(): void {
    stopNested ??= untilFree(
      nestedPath(path),
      () => {
        stopNested = undefined;
        look();
      },
      () => {},
    );
  }

  function reopen(): void {
    close();
    fd = openRegularFile(path);
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
    stopNested?.();
    close();
  }

  timer = setTimeout(look, 0);
  return stop;
}
