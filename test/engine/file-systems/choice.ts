import type { Contract } from '../../../src/engine/engine.ts';
import { engine } from '../../../src/engine/index.ts';
import type { Mounted } from '../../support/mounts.ts';
import { conformance } from '../conformance.ts';

const module = new URL('../../../dist/engine/index.js', import.meta.url);

/** The rules of every engine, kept by the one that is chosen by itself in a directory of this file system. */
export function conformanceOn(fileSystem: string, { directory }: Mounted, contract: Contract): void {
  conformance(`${contract}-contract-on-${fileSystem}`, () => ({
    engine,
    contract,
    elsewhere: { module, name: 'engine' },
    directory,
  }));
}
