import { closeQuietly } from '../../storage/fs/quietly.ts';
import { trace } from '../../trace/trace.ts';
import type { HeldPermit, LockRequest, Outer } from '../engine.ts';
import { openLockFile } from './lock-file.ts';
import { isOpenUnder } from './nested.ts';
import { clearSlots } from './permit.ts';
import { syscalls } from './syscalls/index.ts';
import { nativePath } from './syscalls/native.ts';
import { wake } from './wake/index.ts';

/** The lock of a permit, shared by who holds the permit nested; see `Admission`. */
export class Joined {
  /** The lock whose permit it is. */
  readonly path: string;
  readonly descriptor: number;

  private constructor(path: string, fd: number) {
    this.path = path;
    this.descriptor = fd;
  }

  /** For who has the nested lock. Undefined where the outer one does not hold its permit any more. */
  static join(request: LockRequest, outer: Outer & { readonly permit: HeldPermit }): Joined | undefined {
    const { lock, by } = outer.permit;
    const { fd } = openLockFile({ ...request, path: lock });
    const system = syscalls();
    const isShared = system.lock(fd, 'shared') === 0;
    if (isShared && system.check(fd, nativePath(lock)).same && isOpenUnder(outer, by)) {
      trace?.(lock, `is shared with the holder of ${by}, nested`);
      return new Joined(lock, fd);
    }
    if (isShared) system.lock(fd, 'none');
    closeQuietly(fd);
    return undefined;
  }

  /** After the nested lock. `isLeft`: to those who have inherited the descriptor. */
  release(isLeft: boolean): void {
    if (!isLeft) syscalls().lock(this.descriptor, 'none');
    clearSlots(this.path);
    wake().touch(this.descriptor);
    syscalls().close(this.descriptor);
  }
}
