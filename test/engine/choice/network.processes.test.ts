import { afterEach, describe, expect, it, vi } from 'vitest';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { LockManager } from '../../../src/lock/manager.ts';
import type { ManagerOptions } from '../../../src/lock/options.ts';
import { fileSystems } from '../../../src/storage/file-system/index.ts';
import { Agent } from '../../support/agent.ts';
import { tempDirectory } from '../../support/temp.ts';

afterEach(() => vi.restoreAllMocks());

/** A manager whose locks lie on this network drive, as far as it can tell. */
function onDrive(type: string, options: readonly string[] = [], manager: ManagerOptions = {}): LockManager {
  vi.spyOn(fileSystems, 'of').mockReturnValue({ type, reach: 'network', options });
  return new LockManager({ directory: `${tempDirectory()}/locks`, ...manager });
}

describe('the kernel’s lock on a network drive', () => {
  it('is waited for by looking every 250 milliseconds at most, unless told otherwise [R50]', async () => {
    const home = tempDirectory();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror');
    const locks = onDrive('nfs4', [], { engine: 'kernel', directory: `${home}/locks` });
    const wait = vi.spyOn(kernelEngine, 'wait');
    for (const options of [{}, { pollInterval: 90 }]) {
      await expect(locks.acquire('mirror', { timeout: 1, ...options })).rejects.toThrow('waited');
    }

    expect(wait.mock.calls.map(([{ pollInterval }]) => pollInterval)).toEqual([250, 90]);
  });
});
