import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { Child, fixture } from './child.ts';
import { tool } from './tool.ts';

const MEBIBYTE = 1024 * 1024;
/** The smallest images their mkfs accepts; sparse, so that they take little of the disk. */
const IMAGES = { ext4: 32 * MEBIBYTE, xfs: 320 * MEBIBYTE };

/** What a FUSE file system makes of flock: leaves it to this machine's kernel, refuses it, or says yes to everybody. */
export type FuseLocks = 'none' | 'refused' | 'ignored';

/** A file system that is there for the tests of one suite. Its directory is known once they run. */
export interface Mounted {
  readonly directory: () => string;
}

/** An image of its own kind, in a file. */
export function mountedImage(type: keyof typeof IMAGES): Mounted {
  return mounted((base, point) => {
    const image = join(base, 'image');
    writeFileSync(image, '');
    truncateSync(image, IMAGES[type]);
    tool(`mkfs.${type}`, ['-q', image]);
    tool('mount', ['-o', 'loop', '-t', type, image, point]);
  });
}

export function mountedTmpfs(): Mounted {
  return mounted((_, point) => {
    tool('mount', ['-t', 'tmpfs', '-o', 'size=16m', 'holdfast-test', point]);
  });
}

/** An overlay as container engines make them: a layer below that is only read, and one above that takes what is written. */
export function mountedOverlay(): Mounted {
  return mounted((base, point) => {
    const layers = ['lower', 'upper', 'work'].map((name) => join(base, name));
    for (const layer of layers) mkdirSync(layer);
    const [lower, upper, work] = layers;
    const options = `lowerdir=${lower},upperdir=${upper},workdir=${work}`;
    tool('mount', ['-t', 'overlay', '-o', options, 'holdfast-test', point]);
  });
}

/**
 * A FUSE file system, served by test/fixtures/fuse-passthrough.py. `deceiving`: it works for as long as it is tried out.
 * `sticking`: so too, and locks on what is named after an exclusion outlast their release.
 */
export function mountedFuse(locks: FuseLocks | 'deceiving' | 'sticking'): Mounted {
  return mounted(async (base, point) => {
    if (!existsSync('/dev/fuse')) {
      throw new Error('/dev/fuse is missing: this test needs the FUSE module of the kernel (modprobe fuse)');
    }
    const root = join(base, 'root');
    mkdirSync(root);
    const args = [fixture('fuse-passthrough.py'), root, point, locks];
    const server = new Child('python3', args, { lifetime: 'own' });
    await server.line('mounted');
    return server;
  });
}

type Mount = (base: string, point: string) => undefined | Promise<Child>;

function mounted(mount: Mount): Mounted {
  let base = '';
  let point = '';
  let server: Child | undefined;

  beforeAll(async () => {
    base = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-mount-')));
    point = join(base, 'mounted');
    mkdirSync(point);
    server = await mount(base, point);
  });

  afterAll(async () => {
    // Lazily, for a test that failed may have left something open.
    if (point !== '') tool('umount', ['--lazy', point]);
    await server?.end();
    rmSync(base, { recursive: true, force: true });
  });

  return { directory: () => point };
}
