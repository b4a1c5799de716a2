import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Engine, Grant } from '../../../src/engine/engine.ts';
import { permitsDirectory } from '../../../src/engine/file/permits.ts';
import { queueDirectory } from '../../../src/engine/kernel/entry.ts';
import { kernelEngine } from '../../../src/engine/kernel/kernel.ts';
import { portableEngine } from '../../../src/engine/portable/portable.ts';
import { readersDirectory } from '../../../src/engine/signature.ts';
import { fileResource } from '../../../src/lock/resource.ts';
import { makeDirectory } from '../../../src/storage/directory.ts';
import { needsRoot } from '../../support/root.ts';
import { tempDirectory } from '../../support/temp.ts';
import { requestFor } from '../harness.ts';
import { intercept } from '../portable/intercept.ts';

const ANN = 65534;

beforeEach(() => {
  needsRoot('give files to other users');
});

/** Data of another user in a directory of hers, and something of root's elsewhere. */
function setUp() {
  const home = tempDirectory();
  const hers = join(home, 'hers');
  mkdirSync(hers);
  const data = join(hers, 'roles.json');
  writeFileSync(data, '{}');
  for (const path of [hers, data]) chownSync(path, ANN, ANN);
  const roots = join(home, 'roots');
  mkdirSync(roots);
  chmodSync(roots, 0o700);
  const { path } = fileResource(data);
  const request = (permits?: number) => ({ ...requestFor(path, 'shared'), beside: data, permits });
  return { home, hers, path, roots, request };
}

/** As soon as root has made a directory there, its owner puts a link to something of root's in its place. */
function swapOnceMade(path: string, target: string): { readonly happened: () => boolean } {
  let happened = false;
  intercept(
    'mkdirSync',
    (original) =>
      ((at: string, ...rest: never[]) => {
        const result = (original as (...args: unknown[]) => unknown)(at, ...rest);
        if (at === path && !happened) {
          happened = true;
          renameSync(path, `${path}.aside`);
          symlinkSync(target, path);
        }
        return result;
      }) as typeof original,
  );
  return { happened: () => happened };
}

/** Whatever it comes to: the lock may be refused then. */
function use(engine: Engine, request: ReturnType<ReturnType<typeof setUp>['request']>): void {
  let grant: Grant | undefined;
  try {
    grant = engine.tryAcquire(request);
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^HOLDFAST_/) });
  }
  grant?.release();
}

const portable = portableEngine();
const PLACES: [string, Engine, (lock: string) => string, number | undefined][] = [
  ['the queue of the kernel engine', kernelEngine, queueDirectory, undefined],
  ['the permits of the kernel engine', kernelEngine, permitsDirectory, 2],
  ['the queue of the portable engine', portable, queueDirectory, undefined],
  ['the readers of the portable engine', portable, readersDirectory, undefined],
];

describe.each(PLACES)('%s, made by root in a directory of another user', (_, engine, placeOf, permits) => {
  it('is given to that user, and not what a link in its place leads to [X13, X36]', () => {
    const { path, roots, request } = setUp();
    const place = placeOf(path);
    const swap = swapOnceMade(place, roots);

    use(engine, request(permits));

    expect(swap.happened()).toBe(true);
    expect(statSync(roots)).toMatchObject({ uid: 0, gid: 0, mode: 0o40700 });
    expect(readdirSync(roots).map((name) => lstatSync(join(roots, name)).uid)).not.toContain(ANN);
  });

  it('belongs to that user when nobody swaps anything [X36]', () => {
    const { path, request } = setUp();
    const grant = engine.tryAcquire(request(permits)) as Grant;
    const place = placeOf(path);
    const { uid, gid, mode } = statSync(place);
    const files = readdirSync(place).map((name) => lstatSync(join(place, name)));
    grant.release();

    expect({ uid, gid, mode: mode & 0o7777 }).toEqual({ uid: ANN, gid: ANN, mode: 0o755 });
    for (const file of files.filter((each) => each.isFile())) {
      expect(file).toMatchObject({ uid: ANN, gid: ANN, mode: 0o100644 });
    }
  });
});

it('a directory for locks that root makes in another user’s home is hers, and not what a link leads to [X13, X36]', () => {
  const { hers, roots } = setUp();
  makeDirectory(join(hers, '.local/state/locks'), 'owner');
  for (const name of ['.local', '.local/state', '.local/state/locks'])
    expect(statSync(join(hers, name))).toMatchObject({ uid: ANN, gid: ANN, mode: 0o40700 });

  const swap = swapOnceMade(join(hers, 'other'), roots);
  makeDirectory(join(hers, 'other'), 'owner');

  expect(swap.happened()).toBe(true);
  expect(statSync(roots)).toMatchObject({ uid: 0, gid: 0, mode: 0o40700 });
});

it('root gives back a lock without removing what a link in the queue’s place leads to [X13]', () => {
  const { path, roots, request } = setUp();
  const grant = kernelEngine.tryAcquire(request()) as Grant;
  const queue = queueDirectory(path);
  const [entry] = readdirSync(queue) as [string];
  writeFileSync(join(roots, entry), 'precious');
  renameSync(queue, `${queue}.aside`);
  symlinkSync(roots, queue);

  grant.release();

  expect(readFileSync(join(roots, entry), 'utf8')).toBe('precious');
});

it.each(['file', 'directory'] as const)(
  'root removes its claim from the directory in which it has just seen it, whatever stands at its path by then (lock %s) [X13]',
  (layout) => {
    const { home, hers, path, request } = setUp();
    const grant = portableEngine({ layout }).tryAcquire({ ...request(), mode: 'exclusive' }) as Grant;
    const another = join(home, 'another');
    mkdirSync(another);
    const precious = join(another, path.slice(dirname(path).length + 1));
    writeFileSync(precious, 'precious');
    let happened = false;
    const swap = () => {
      if (happened) return;
      happened = true;
      renameSync(hers, join(home, 'aside'));
      renameSync(another, hers);
    };
    if (layout === 'file')
      intercept('unlinkSync', (original) => (file) => {
        swap();
        original(file);
      });
    else
      intercept('renameSync', (original) => (from, to) => {
        if (String(from).endsWith('.lock') && !happened) {
          happened = true;
          original(hers, join(home, 'aside'));
          original(another, hers);
        }
        original(from, to);
      });

    grant.release();

    expect(happened).toBe(true);
    expect(existsSync(path)).toBe(true);
  },
);
