import { hostname, userInfo } from 'node:os';
import type { AcquireOptions, LockManager, Target } from 'holdfast';
import { describe, expect, it } from 'vitest';
import { Agent } from '../support/agent.ts';
import { Child } from '../support/child.ts';
import { newPlace } from '../support/place.ts';
import { Thread } from '../support/thread.ts';

const user = userInfo().username;
const TIME = '\\d\\d:\\d\\d:\\d\\d, (\\d+ms|\\d+\\.\\ds)';

/** A regular expression that matches this text, `<time>` and `<span>` standing for what differs each time. */
function pattern(text: string): RegExp {
  const literal = text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  return new RegExp(`^${literal.replaceAll('<time>', TIME).replaceAll('<span>', '(\\d+ms|\\d+\\.\\ds)')}$`);
}

async function messageOf(locks: LockManager, target: Target, options: AcquireOptions): Promise<string> {
  const error: Error = await locks.acquire(target, options).then(
    () => {
      throw new Error('The lock was free.');
    },
    (error) => error,
  );
  return error.message;
}

describe('the message of a lock that somebody holds', () => {
  it('names who, since when, how long was waited, and what to do next [A4, G14, R82]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const { path } = await agent.acquire('mirror', { purpose: 'aba mirror save' });
    const who = `mirror is held by "aba mirror save" (pid ${agent.pid}, user ${user}, since <time>)`;
    const name = `--directory ${home}/locks mirror`;
    const next = `Look: holdfast who ${name} · wait: holdfast wait ${name}`;

    expect(await messageOf(locks, 'mirror', { timeout: 0 })).toMatch(
      pattern(`${who}. ${next}. Lock: ${path}`),
    );
    expect(await messageOf(locks, 'mirror', { timeout: 10 })).toMatch(
      pattern(`${who}; waited <span> at place 1 of the queue. ${next}. Lock: ${path}`),
    );
  });

  it('says that another thread of this very process holds it [X30]', async () => {
    const { home, locks } = newPlace();
    const thread = await Thread.start(home);
    await thread.tell('acquire', 'mirror');

    const message = await messageOf(locks, 'mirror', { timeout: 0 });

    expect(message).toMatch(
      /^mirror is held by this process: ".*" \(pid \d+, thread \d+, .*\)\. Release it /,
    );
    expect(message).not.toMatch(/holdfast wait/);
  });

  it('never tells to delete a lock file, nor names this very machine [A4]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('mirror');

    const message = await messageOf(locks, 'mirror', { timeout: 0 });

    expect(message).not.toMatch(/delete|remove|rm /i);
    expect(message).not.toContain(`host ${hostname()}`);
    expect(message).toContain('"hold-agent.mjs"');
  });

  it.each([
    ['my mirror', "'my mirror'"],
    ["it's", "'it'\\''s'"],
    ['$(reboot)', "'$(reboot)'"],
    ['a;b', "'a;b'"],
    ['~root', "'~root'"],
    ['plain-1.2_x', 'plain-1.2_x'],
  ])('names %s as a shell takes it literally [A4]', async (name, word) => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire(name);

    const message = await messageOf(locks, name, { timeout: 0 });

    expect(message).toContain(`${name} is held by`);
    expect(message).toContain(
      `who --directory ${home}/locks ${word} · wait: holdfast wait --directory ${home}/locks ${word}.`,
    );
    const shell = new Child('sh', ['-c', `printf %s ${word}`], { cwd: home });
    expect((await shell.finish()).stdout).toBe(name);
  });

  it('shows no control character of a name or a record to a terminal [R66]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    await agent.acquire('evil\u001b[2J\r\n', { purpose: '\u001b]0;owned\u0007\u202e' });

    const message = await messageOf(locks, 'evil\u001b[2J\r\n', { timeout: 0 });

    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters that must not appear
    expect(message.replace(/Look: .*/s, '')).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u202e]/);
  });

  it('names a data file as it was asked for, and the command line that leads to it [G14]', async () => {
    const { home, locks } = newPlace();
    const agent = await Agent.start({ home });
    const file = `${home}/roles.json`;
    await agent.acquire({ file });

    const message = await messageOf(locks, { file }, { timeout: 0 });

    expect(message).toMatch(
      pattern(
        `${file} is held by "hold-agent.mjs" (pid ${agent.pid}, user ${user}, since <time>). ` +
          `Look: holdfast who ${file} · wait: holdfast wait ${file}. Lock: ${home}/.roles.json.lock`,
      ),
    );
  });

  it('counts the holders of a shared lock [G14]', async () => {
    const { home, locks } = newPlace();
    const agents = await Agent.several(home, 3);
    for (const agent of agents) await agent.acquire('mirror', { mode: 'shared', purpose: `reader` });

    const message = await messageOf(locks, 'mirror', { timeout: 0 });

    expect(message).toMatch(/^mirror is held by "reader" \(pid \d+, .*\) and 2 others\. Look/);
  });

  it('says so when the holder left no record, or is no Holdfast program [C6, G14]', async () => {
    const { locks } = newPlace();
    await (await locks.acquire('mirror')).release();
    const path = locks.pathOf('mirror');
    const child = new Child('flock', ['--exclusive', path, 'sh', '-c', 'echo locked; read line']);
    await child.line('locked');

    const message = await messageOf(locks, 'mirror', { timeout: 0 });

    expect(message).toMatch(
      new RegExp(
        `^mirror is held by "flock --exclusive .*" \\(pid ${child.pid}, not a Holdfast program\\)\\.`,
      ),
    );
    await child.finish();
  });
});
