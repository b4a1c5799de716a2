import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { InputError, OnceStoppedError } from 'holdfast';
import { OnceCommand } from 'holdfast/once';
import { describe, expect, it } from 'vitest';
import { Latch } from '../../support/latch.ts';
import { newHome } from '../../support/place.ts';
import { until } from '../../support/until.ts';

/** A command that prints, waits for its gate, and prints again. */
function gated(end: string) {
  const home = newHome();
  const gate = new Latch(join(home, 'gate'));
  const script = `echo begun; (: < ${gate.path}); ${end}`;
  const command = new OnceCommand('index', ['sh', '-c', script], { directory: home });
  return { home, gate, command };
}

describe('a command that a program runs once', () => {
  it('is started in the background, followed to its end, and followed again from its log [A11, A12]', async () => {
    const { gate, command } = gated('echo ended; echo oops >&2; exit 3');
    expect(command.state()).toBe('none');
    expect(await command.start()).toBe('running');
    const said = { stdout: '', stderr: '' };
    const following = command.follow((chunk, stream) => {
      said[stream] += Buffer.from(chunk).toString();
    });
    await until(() => said.stdout === 'begun\n', 'the first line is there');
    expect(command.state()).toBe('running');
    gate.open();
    expect(await following).toMatchObject({ exitCode: 3 });
    expect(said).toEqual({ stdout: 'begun\nended\n', stderr: 'oops\n' });
    const again: string[] = [];
    await command.follow((chunk) => void again.push(Buffer.from(chunk).toString()));
    expect(again).toEqual(['begun\nended\n', 'oops\n']);
  });

  it('is stopped, and all following with it, whatever they do [A13, A17]', async () => {
    const { command } = gated('true');
    await command.start();
    let begun = false;
    const following = command.follow(() => {
      begun = true;
    });
    const stopped = expect(following).rejects.toBeInstanceOf(OnceStoppedError);
    await until(() => begun, 'the first line is there');
    expect(await command.stop()).toBe(true);
    await stopped;
    expect(command.state()).toBe('ended');
    expect(await command.stop()).toBe(false);
  });

  it('goes on when a follower leaves, by its signal [A15]', async () => {
    const { gate, command } = gated('true');
    await command.start();
    const leave = new AbortController();
    const following = command.follow(() => leave.abort(new Error('enough')), { signal: leave.signal });
    await expect(following).rejects.toThrow('enough');
    expect(command.state()).toBe('running');
    gate.open();
    expect(await command.follow(() => {})).toMatchObject({ exitCode: 0 });
  });

  it('is refused with a word, an ID or an option that cannot be used, before anything is made [F13]', () => {
    const home = newHome();
    const made = (id: string, words: unknown, options = {}) =>
      new OnceCommand(id, words as [string], { directory: home, ...options });
    expect(() => made('', ['true'])).toThrow(InputError);
    for (const words of [[], [''], ['a', 1], ['a\0b'], 'true'])
      expect(() => made('x', words)).toThrow(InputError);
    expect(() => made('x', [])).toThrow('words must be a command and its arguments, got [].');
    expect(() => made('x', ['', 1])).toThrow('words must be a command and its arguments, got ["", 1].');
    expect(() => made('x', ['true'], { ttl: -1 })).toThrow(InputError);
    expect(() => made('x', ['true'], { validate: '' })).toThrow(InputError);
    expect(existsSync(join(home, 'once'))).toBe(false);
  });
});
