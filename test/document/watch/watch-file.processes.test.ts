import { mkdirSync, renameSync, rmSync, symlinkSync, unlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDocument } from 'holdfast/document';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { type FileWatch, type WatchDegradation, watchFile } from '../../../src/document/watch/watch-file.ts';
import { fileSystems } from '../../../src/storage/file-system/index.ts';
import { readBeginning } from '../../../src/storage/regular-file.ts';
import { Child, fixture } from '../../support/child.ts';
import { memoryDirectory, tempDirectory } from '../../support/temp.ts';
import { passTime } from '../../support/time.mjs';
import { tool } from '../../support/tool.ts';
import { until, untilStopped } from '../../support/until.ts';

/** Milliseconds: twelve days, half of what a timer can have. */
const NEVER = 2 ** 30;
const NO_WATCHES = [
  ...['unshare', '--user', '--map-root-user', 'sh', '-c'],
  'echo 0 > /proc/sys/user/max_inotify_watches && exec "$0" "$@"',
];

/** Watches in this process; `contents` grows by each that a look found. */
class Watching {
  readonly contents: string[] = [];
  readonly degraded: WatchDegradation[] = [];
  readonly watch: FileWatch;
  looks = 0;

  constructor(path: string) {
    const look = () => {
      this.looks++;
      const found = contentOf(path);
      if (found !== this.contents.at(-1)) this.contents.push(found);
    };
    this.watch = watchFile(path, look, { onDegraded: (degradation) => this.degraded.push(degradation) });
    onTestFinished(() => this.watch.close());
  }

  static async of(path: string): Promise<Watching> {
    const watching = new Watching(path);
    await until(() => watching.looks > 0, 'the first look');
    return watching;
  }

  sees(content: string): Promise<void> {
    return until(() => this.contents.at(-1) === content, `a look finds ${content}`);
  }
}

/** Of a file or what a link leads to; empty where there is none. */
function contentOf(path: string): string {
  return readBeginning(path, 100);
}

function newFile(directory = tempDirectory()) {
  const path = join(directory, 'roles.json');
  writeFileSync(path, '0');
  return { directory, path };
}

/** Another process that replaces a file so many times; resolves when it is done. */
async function replace(path: string, count: number, pause = 0): Promise<void> {
  const child = new Child(process.execPath, [fixture('document-replacer.mjs'), path, `${count}`, `${pause}`]);
  expect((await child.exits()).code).toBe(0);
}

/** How many watches of the system's the watcher has. */
async function watchesOf(watcher: Child): Promise<number> {
  watcher.forget();
  watcher.say('count');
  return Number((await watcher.line('holds')).split(' ')[2]);
}

function watcherOf(path: string, through: readonly string[] = []): Child {
  const [command = '', ...args] = [...through, process.execPath, fixture('document-watcher.mjs'), path];
  return new Child(command, args);
}

describe('a file that another process replaces', () => {
  it('is seen as it is in the end, after 1,000 times at 2 ms [R18, D13]', async () => {
    const { path } = newFile();
    const watching = await Watching.of(path);
    await replace(path, 1_000, 2);
    await watching.sees('1000');
    expect(watching.contents.length).toBeGreaterThan(100);
  });

  it.each([6_000, 20_000])(
    'is seen as it is in the end, after %i times while the one that watches is stopped [D14]',
    async (count) => {
      const { path } = newFile(memoryDirectory());
      const watcher = watcherOf(path);
      await watcher.line('ready');
      watcher.signal('SIGSTOP');
      await untilStopped(watcher.pid);
      await replace(path, count);
      watcher.signal('SIGCONT');
      await watcher.line(`seen ${count}`);
    },
  );
});

it('a change from outside is told by the event of the system, and by timers that are due within 50 ms at most [R17]', async () => {
  for (const name of ['setTimeout', 'setInterval'] as const) {
    const ofNode = globalThis[name];
    vi.spyOn(globalThis, name).mockImplementation(((callback: () => void, ms = 0) =>
      ofNode(callback, ms > 50 ? NEVER : ms)) as typeof ofNode);
  }
  onTestFinished(() => void vi.restoreAllMocks());
  const { path } = newFile();
  const document = await openDocument(path);
  onTestFinished(() => document.close());
  const told: unknown[] = [];
  document.on('external', ({ value }) => told.push(value));
  await replace(path, 1);
  await until(() => told.length > 0, 'the change is told');
  expect(told).toEqual([1]);
});

describe('the directory of a watched file', () => {
  it('is watched again when it was deleted and made again [R18]', async () => {
    const { directory, path } = newFile(join(tempDirectory()));
    const watching = await Watching.of(path);
    for (const round of ['1', '2', '3']) {
      tool('sh', [
        '-c',
        'rm -r "$1" && mkdir "$1" && echo -n "$2" > "$1/roles.json"',
        'sh',
        directory,
        round,
      ]);
      await watching.sees(round);
      await replace(path, 10, 2);
      await watching.sees('10');
    }
  });

  it('has a watch of the system again, and not only the timer, when it was made again [R18]', async () => {
    const { directory, path } = newFile(join(tempDirectory()));
    const watcher = watcherOf(path);
    await watcher.line('ready');
    for (let round = 0; round < 3; round++) {
      rmSync(directory, { recursive: true });
      mkdirSync(directory);
      writeFileSync(path, `${round}`);
      await watcher.line(`seen ${round}`);
      await until(async () => (await watchesOf(watcher)) === 1, 'it is watched again');
    }
  });

  it('is waited for while it, and the one above it, are missing [R18]', async () => {
    const above = join(tempDirectory(), 'above');
    const directory = join(above, 'below');
    mkdirSync(directory, { recursive: true });
    const { path } = newFile(directory);
    const watching = await Watching.of(path);
    rmSync(above, { recursive: true });
    await watching.sees('');
    mkdirSync(above);
    mkdirSync(directory);
    await replace(path, 3);
    await watching.sees('3');
  });

  it('is watched at its own path only, when it is moved away and back [D15]', async () => {
    const { directory, path } = newFile(join(tempDirectory()));
    const away = `${directory}-away`;
    onTestFinished(() => rmSync(away, { recursive: true, force: true }));
    const watching = await Watching.of(path);
    renameSync(directory, away);
    await watching.sees('');
    mkdirSync(directory);
    await replace(path, 5);
    await watching.sees('5');
    await replace(join(away, 'roles.json'), 7);
    rmSync(directory, { recursive: true });
    renameSync(away, directory);
    await watching.sees('7');
    await replace(path, 8, 1);
    await watching.sees('8');
  });

  it('is looked at by timer where a change raises no event [R18]', async () => {
    const root = tempDirectory();
    const directory = join(root, 'above', 'middle', 'below');
    mkdirSync(directory, { recursive: true });
    const { path } = newFile(directory);
    const watching = await Watching.of(path);
    renameSync(join(root, 'above'), join(root, 'away'));
    await watching.sees('');
    renameSync(join(root, 'away'), join(root, 'above'));
    await watching.sees('0');
    await replace(path, 2);
    await watching.sees('2');
  });
});

describe('a link on the way to a watched file', () => {
  it('is followed, and its targets are watched wherever they are, when any of them changes', async () => {
    const root = tempDirectory();
    const [one, two] = [join(root, 'one'), join(root, 'two')];
    for (const directory of [one, two]) mkdirSync(directory);
    const { path } = newFile(one);
    writeFileSync(join(two, 'roles.json'), 'two');
    symlinkSync(one, join(root, 'directory'));
    symlinkSync('directory/roles.json', join(root, 'chain.json'));
    const link = join(tempDirectory(), 'link.json');
    symlinkSync(join(root, 'chain.json'), link);
    const found: string[] = [];
    const look = () => void found.push(tool('cat', [link]));
    const watch = watchFile(link, look, { onDegraded: () => {} });
    onTestFinished(() => watch.close());
    const sees = (content: string) => until(() => found.at(-1) === content, `a look finds ${content}`);

    await sees('0');
    await replace(path, 3);
    await sees('3');
    symlinkSync(two, join(root, 'next'));
    renameSync(join(root, 'next'), join(root, 'directory'));
    await sees('two');
    await replace(join(two, 'roles.json'), 4);
    await sees('4');
    unlinkSync(link);
    symlinkSync(path, link);
    await sees('3');
  });
});

describe('where no events can be relied on', () => {
  it('the file is polled when the system gives no watches, which is told once [R19, D16]', async () => {
    const { path } = newFile();
    const watcher = watcherOf(path, NO_WATCHES);
    await watcher.line('ready');
    for (const count of [1, 5, 9]) {
      await replace(path, count);
      await watcher.line(`seen ${count}`);
    }
    expect(watcher.stdout.match(/degraded \S+/g)).toEqual(['degraded no-events']);
  });

  it('the file is polled on a network drive, four times a second, which is told with its type [R17, R19, R50, R52]', async () => {
    vi.spyOn(fileSystems, 'of').mockReturnValue({ type: 'nfs4', reach: 'network', options: [] });
    onTestFinished(() => void vi.restoreAllMocks());
    const { path } = newFile();
    const watching = await Watching.of(path);
    await until(() => watching.degraded.length > 0, 'it is told');
    expect(watching.degraded).toEqual([
      {
        reason: 'network-drive',
        detail: expect.stringContaining(
          'on an NFS network drive (nfs4), where changes by other machines raise no',
        ),
      },
    ]);
    const before = watching.looks;
    await passTime(10_000);
    expect(watching.looks - before).toBeGreaterThanOrEqual(39);
    expect(watching.degraded).toHaveLength(1);
  });

  it('polling goes on when the share went away and returns [D15]', async () => {
    const base = tempDirectory();
    const [root, point] = [join(base, 'root'), join(base, 'point')];
    for (const directory of [root, point]) mkdirSync(directory);
    const mount = async () => {
      const server = new Child('python3', [fixture('fuse-passthrough.py'), root, point, 'none']);
      await server.line('mounted');
      return server;
    };
    const unmount = () => void tool('umount', ['--lazy', point]);
    const path = join(point, 'roles.json');
    writeFileSync(join(root, 'roles.json'), 'before');

    const server = await mount();
    const watcher = watcherOf(path);
    await watcher.line('seen before');
    server.signal('SIGKILL');
    await server.exited;
    await watcher.line('nothing');
    unmount();
    writeFileSync(join(root, 'roles.json'), 'after');
    await mount();
    onTestFinished(unmount);
    await watcher.line('seen after');
    expect(watcher.stdout.match(/degraded \S+/g)).toEqual(['degraded network-drive']);
  });
});

describe('a file that nobody changes', () => {
  it('is looked at once a second', async () => {
    const { path } = newFile();
    const watching = await Watching.of(path);
    await passTime(2_000); // the first look by timer comes early
    const before = watching.looks;
    await passTime(20_000);
    expect(watching.looks - before).toBeGreaterThanOrEqual(19);
    expect(watching.looks - before).toBeLessThanOrEqual(21);
    expect(watching.degraded).toEqual([]);
  });

  it('raises no look of its own when its neighbours change', async () => {
    const { directory, path } = newFile();
    const watching = await Watching.of(path);
    await replace(join(directory, 'other.json'), 200, 1);
    expect(watching.looks).toBeLessThan(50);
  });

  it('is found as it was when it is only touched, through hundreds of looks', async () => {
    const { path } = newFile();
    const watching = await Watching.of(path);
    for (let time = 0; time < 200; time++) {
      utimesSync(path, time, time);
      const before = watching.looks;
      await until(() => watching.looks > before, 'a look at what was touched');
    }
    expect(watching.contents).toEqual(['0']);
  });
});

describe('a watch', () => {
  it('keeps no process alive', async () => {
    const { path } = newFile();
    const watcher = watcherOf(path);
    await watcher.line('ready');
    watcher.process.stdin?.end();
    expect((await watcher.exits()).code).toBe(0);
  });

  it('leaves no descriptor and no watch behind when it is closed', async () => {
    const { directory, path } = newFile();
    const link = join(tempDirectory(), 'link.json');
    symlinkSync(path, link);
    const watcher = watcherOf(link);
    await watcher.line('ready');
    expect(await watchesOf(watcher)).toBe(2);
    rmSync(directory, { recursive: true });
    await watcher.line('nothing');
    watcher.forget();
    watcher.say('close');
    expect(await watcher.line('holds')).toMatch(/^holds \d+ 0$/);
  });
});
