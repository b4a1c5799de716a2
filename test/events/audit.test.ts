import fs, {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { AuditLog } from 'holdfast';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { meant } from '../engine/portable/intercept.ts';
import { Agent } from '../support/agent.ts';
import { locksIn } from '../support/place.ts';
import { tempDirectory } from '../support/temp.ts';
import { makeFifo } from '../support/tool.ts';

interface Line {
  readonly at: string;
  readonly event: string;
  readonly resource: string;
  readonly request: number;
  readonly pid?: number;
}

function linesOf(path: string): Line[] {
  const text = readFileSync(path, 'utf8');
  expect(text.endsWith('\n')).toBe(true);
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Line);
}

/** Has the system do something of another process in the middle of a call, until the test is over. */
function patch(calls: Partial<Record<keyof typeof fs, unknown>>): void {
  const before = Object.fromEntries(Object.keys(calls).map((name) => [name, fs[name as keyof typeof fs]]));
  const replace = (all: object) => {
    Object.assign(fs, all);
    syncBuiltinESMExports();
  };
  replace(calls);
  onTestFinished(() => replace(before));
}

function setUp(audit: { readonly maxBytes?: number; readonly record?: 'anonymous' } = {}) {
  const home = tempDirectory();
  const path = join(home, 'log/audit.jsonl');
  const manager = locksIn(home, { audit: { path, ...audit } });
  return { home, path, manager };
}

describe('the audit log', () => {
  it('has one line for each step of a lock, with who, what and when [R70, R44]', async () => {
    const { manager, path } = setUp();
    const lock = await manager.acquire('mirror', { purpose: 'nightly save' });
    const contender = manager.acquire('mirror', { timeout: 1 });
    await expect(contender).rejects.toMatchObject({ code: 'HOLDFAST_TIMEOUT' });
    await lock.release();
    manager.close();

    const lines = linesOf(path);

    expect(lines.map(({ event }) => event)).toEqual([
      'requested',
      'granted',
      'requested',
      'waiting',
      'timed-out',
      'released',
    ]);
    expect(lines[0]).toMatchObject({
      at: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      resource: 'mirror',
      path: manager.pathOf('mirror'),
      mode: 'exclusive',
      purpose: 'nightly save',
      pid: process.pid,
      user: expect.any(String),
      host: expect.any(String),
      command: expect.any(String),
    });
    expect(lines[4]).toMatchObject({ holders: [{ pid: process.pid, purpose: 'nightly save' }] });
    expect(new Set(lines.map(({ request }) => request)).size).toBe(2);
    expect(lines[0]?.request).toBe(lines[5]?.request);
  });

  it('is for its owner only: mode 0600, in a directory of mode 0700 [R70]', async () => {
    const { home, manager, path } = setUp();
    await (await manager.acquire('mirror')).release();
    manager.close();

    expect(statSync(path).mode & 0o7777).toBe(0o600);
    expect(statSync(join(home, 'log')).mode & 0o7777).toBe(0o700);
  });

  it('can leave out who: neither the writer nor the holders it met are named [R68, R70]', async () => {
    const { home, manager, path } = setUp({ record: 'anonymous' });
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror');
    await expect(manager.acquire('mirror', { timeout: 1 })).rejects.toMatchObject({
      code: 'HOLDFAST_TIMEOUT',
    });
    await holder.kill();
    await (await manager.acquire('mirror')).release();
    manager.close();

    expect(linesOf(path).map(({ event }) => event)).toContain('recovered');
    expect(readFileSync(path, 'utf8')).not.toMatch(/"(pid|user|host|command|holders|previous)"/);
  });

  it('does not name an owner that asked not to be named, whatever it says of others [R68, R70]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    const manager = locksIn(home, { audit: { path }, record: 'anonymous' });
    await (await manager.acquire('mirror')).release();
    manager.close();

    expect(linesOf(path).map(({ event }) => event)).toEqual(['requested', 'granted', 'released']);
    expect(readFileSync(path, 'utf8')).not.toMatch(/"(pid|user|host|command)"/);
  });

  it('tells only of the locks of its own manager [R70]', async () => {
    const { home, manager, path } = setUp();
    const other = locksIn(home);
    await (await other.acquire('other')).release();
    await (await manager.acquire('mirror')).release();
    manager.close();
    await (await manager.acquire('after the end')).release();

    expect(new Set(linesOf(path).map(({ resource }) => resource))).toEqual(new Set(['mirror']));
  });

  it('is put aside when it is full, and keeps as many of those files as it was told [R70]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    const audit = { path, maxBytes: 2048, keep: 3 };
    const manager = locksIn(home, { audit });

    for (let round = 0; round < 60; round++) await (await manager.acquire('mirror')).release();
    manager.close();

    const aside = readdirSync(home).filter((name) => name.startsWith('audit.jsonl.'));
    expect(aside).toHaveLength(3);
    for (const name of aside) {
      expect(name).toMatch(/^audit\.jsonl\.\d{4}-\d\d-\d\dT\d+Z-\d+$/);
      expect(statSync(join(home, name)).size).toBeLessThan(2048 + 1024);
    }
  });

  it('loses nothing when it is put aside several times in one instant [R70]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    const manager = locksIn(home, { audit: { path, maxBytes: 1024, keep: 100 } });
    vi.useFakeTimers({ toFake: ['Date'] }); // its clock stands still
    onTestFinished(() => void vi.useRealTimers());

    for (let round = 0; round < 20; round++) await (await manager.acquire('mirror')).release();
    manager.close();

    const files = readdirSync(home).filter((name) => name.startsWith('audit.jsonl'));
    expect(files.length).toBeGreaterThan(3);
    expect(files.flatMap((name) => linesOf(join(home, name)))).toHaveLength(20 * 3);
  });

  it('is not put aside by who finds the fresh one of another process in its place, but written to at once [R70, X20]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    const manager = locksIn(home, { audit: { path, maxBytes: 2048 } });
    await (await manager.acquire('mirror')).release();
    const aside = join(home, 'put aside by another process');
    appendFileSync(path, `{"event":"${'x'.repeat(2048)}"}\n`);
    renameSync(path, aside);
    writeFileSync(path, '{"event":"of another process"}\n');

    await (await manager.acquire('late')).release();
    manager.close();

    expect(readFileSync(path, 'utf8')).toMatch(/^\{"event":"of another process"\}\n\{/);
    expect(linesOf(path)).toHaveLength(4);
    expect(readFileSync(aside, 'utf8')).not.toContain('late');
    expect(readdirSync(home).filter((name) => name.startsWith('audit.jsonl'))).toEqual(['audit.jsonl']);
  });

  it('loses no line and mixes none when several processes write and put aside one file [R70]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    const agents = await Agent.several(home, 4);
    const rounds = 150;
    await Promise.all(
      agents.map(async (agent, i) => {
        await agent.manage({ audit: { path, maxBytes: 4096, keep: 100_000 } });
        await agent.run(
          async ({ manager }, name, rounds) => {
            for (let round = 0; round < rounds; round++) await (await manager.acquire(name)).release();
            manager.close();
          },
          `lock ${i}`,
          rounds,
        );
      }),
    );

    const files = readdirSync(home).filter((name) => name.startsWith('audit.jsonl'));
    const lines = files.flatMap((name) => linesOf(join(home, name)));
    expect(files.length).toBeGreaterThan(50);
    expect(lines).toHaveLength(agents.length * rounds * 3);
    for (const agent of agents) {
      const own = lines.filter(({ pid }) => pid === agent.pid);
      expect(own).toHaveLength(rounds * 3);
      expect(new Set(own.map(({ request, event }) => `${request} ${event}`)).size).toBe(rounds * 3);
    }
    for (const agent of agents) expect(agent.child.stderr).not.toContain('Warning');
  });

  it('has its newest line in the file at its path, whatever is kept of those put aside [X20]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    const manager = locksIn(home, { audit: { path, maxBytes: 2048, keep: 0 } });

    for (let round = 0; round < 30; round++) {
      await (await manager.acquire(`mirror ${round}`)).release();
      expect(linesOf(path).at(-1)).toMatchObject({ event: 'released', resource: `mirror ${round}` });
    }
    manager.close();

    expect(readdirSync(home).filter((name) => name.startsWith('audit'))).toEqual(['audit.jsonl']);
  });

  it('keeps the file put aside last, also when the clock was set back since the others were [X20]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    const later = 'audit.jsonl.2999-12-31T235959999Z-1';
    writeFileSync(join(home, later), '{"event":"of a time to come"}\n');
    writeFileSync(path, `{"event":"${'x'.repeat(2048)}"}\n`);
    const manager = locksIn(home, { audit: { path, maxBytes: 2048, keep: 1 } });

    await (await manager.acquire('mirror')).release();
    manager.close();

    const [aside, ...more] = readdirSync(home).filter((name) => name.startsWith('audit.jsonl.'));
    expect(more).toEqual([]);
    expect(aside).toBe(`audit.jsonl.3000-01-01T000000000Z-${process.pid}`);
    expect(readFileSync(join(home, aside as string), 'utf8')).toContain('xxx');
    expect(linesOf(path)).toHaveLength(3);
  });

  it('puts no file aside in the place of another one, of a thread that is at it as well [X20]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    writeFileSync(path, `{"event":"${'x'.repeat(2048)}"}\n`);
    const manager = locksIn(home, { audit: { path, maxBytes: 2048 } });
    const { renameSync: rename } = fs;
    patch({
      renameSync: (from: string, to: string) => {
        if (meant(from) === path) {
          const free = existsSync(to) ? `${path}.2026-01-01T000000000Z-1` : to;
          writeFileSync(free, '{"event":"of another thread"}\n');
        }
        rename(from, to);
      },
    });

    await (await manager.acquire('mirror')).release();
    manager.close();

    const aside = readdirSync(home).filter((name) => name.startsWith('audit.jsonl.'));
    const texts = aside.map((name) => readFileSync(join(home, name), 'utf8'));
    expect(texts.filter((text) => text.includes('of another thread'))).toHaveLength(1);
    expect(texts.filter((text) => text.includes('xxx'))).toHaveLength(1);
  });

  it('loses no line to a process that puts the file aside and removes it, just before it is written [X20]', async () => {
    const { home, manager, path } = setUp();
    await (await manager.acquire('mirror')).release();
    const { writeSync: write } = fs;
    let isOver = false;
    patch({
      writeSync: (...args: [fd: number, bytes: Uint8Array, offset: number]) => {
        if (!isOver && String(args[1]).includes('"late"')) {
          isOver = true;
          renameSync(path, join(home, 'aside'));
          rmSync(join(home, 'aside'));
          writeFileSync(path, '{"event":"of another process"}\n');
        }
        return write(...args);
      },
    });

    await (await manager.acquire('late')).release();
    manager.close();

    expect(linesOf(path).map(({ event }) => event)).toEqual([
      'of another process',
      'requested',
      'granted',
      'released',
    ]);
  });

  it('goes on in a full file that cannot be put aside, and says so once [X20, R70]', async () => {
    const home = tempDirectory();
    const path = join(home, 'audit.jsonl');
    writeFileSync(path, `{"event":"${'x'.repeat(2048)}"}\n`);
    const manager = locksIn(home, { audit: { path, maxBytes: 2048 } });
    const warnings: string[] = [];
    const onWarning = ({ message }: Error) => void warnings.push(message);
    process.on('warning', onWarning);
    onTestFinished(() => void process.off('warning', onWarning));
    patch({
      renameSync: () => {
        throw Object.assign(new Error('refused'), { code: 'EACCES' });
      },
    });

    await (await manager.acquire('mirror')).release();
    await new Promise((resolve) => setImmediate(resolve));
    manager.close();

    expect(
      linesOf(path)
        .slice(1)
        .map(({ event }) => event),
    ).toEqual(['requested', 'granted', 'released']);
    expect(warnings).toEqual([expect.stringMatching(/audit\.jsonl cannot be put aside \(EACCES\)/)]);
    expect(readdirSync(home).filter((name) => name.startsWith('audit'))).toEqual(['audit.jsonl']);
  });

  it('has a line also for a wait that was aborted for a reason that is not JSON [R70]', async () => {
    const { home, manager, path } = setUp();
    const [holder] = await Agent.several(home, 1);
    await holder.acquire('mirror');
    const circular: { self?: unknown } = {};
    circular.self = circular;
    for (const reason of [circular, 10n, new Error('too late'), 'enough']) {
      const controller = new AbortController();
      const wait = manager.acquire('mirror', { signal: controller.signal });
      controller.abort(reason);
      await expect(wait).rejects.toBe(reason);
    }
    manager.close();

    const aborted = linesOf(path).filter(({ event }) => event === 'aborted');
    expect(aborted).toMatchObject([
      { reason: '[object Object]' },
      { reason: '10' },
      { reason: 'Error: too late' },
      { reason: 'enough' },
    ]);
  });
});

describe('an audit log that cannot be written', () => {
  it.each([
    ['a symbolic link', (path: string, victim: string) => symlinkSync(victim, path)],
    ['a directory', (path: string) => mkdirSync(path)],
    ['a FIFO that nobody reads', makeFifo],
  ])('because it is %s fails no lock and is told once, as a warning [R70, R69]', async (_what, plant) => {
    const home = tempDirectory();
    const victim = join(home, 'victim');
    writeFileSync(victim, 'precious');
    const path = join(home, 'audit.jsonl');
    plant(path, victim);
    const agent = await Agent.start({ home, manager: { audit: { path } } });

    for (let round = 0; round < 3; round++) {
      await agent.acquire('mirror');
      await agent.release();
    }

    await agent.child.says(/The audit log/, 'stderr');
    const { stderr } = await agent.child.finish();
    expect(stderr.split('The audit log').length - 1).toBe(1);
    expect(readFileSync(victim, 'utf8')).toBe('precious');
  });

  it('by its options is refused at once, naming the option [R70]', () => {
    const path = join(tempDirectory(), 'audit.jsonl');
    const wrong: readonly (readonly [string, object])[] = [
      ['audit.path', { path: '' }],
      ['audit.path', { path: 'a\0b' }],
      ['audit.maxBytes', { path, maxBytes: 10 }],
      ['audit.maxBytes', { path, maxBytes: Number.NaN }],
      ['audit.keep', { path, keep: -1 }],
      ['audit.keep', { path, keep: 1.5 }],
    ];
    for (const [input, options] of wrong) {
      expect(() => new AuditLog(options as never)).toThrow(
        expect.objectContaining({ code: 'HOLDFAST_INPUT', input }),
      );
    }
    expect(existsSync(path)).toBe(false);
  });
});
