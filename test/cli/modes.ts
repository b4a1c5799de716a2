import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { fixture } from '../support/child.ts';
import { Cli, main } from './cli.ts';

/** Every way to have `holdfast` run a command. */
export const MODES = ['run', 'guard', 'wrapper', 'once', 'detached', 'followed', 'watched'] as const;
export type Mode = (typeof MODES)[number];

/** A program and its arguments. */
export type Line = readonly string[];

/** Any command is a task of the tool `act`, and whoever runs it shares its lock. */
const RULES = 'operations:\n  act: { command: act **, uses: { act: shared }, policy: wait }\n';
const ACT = '#!/bin/sh\nexec "$@"\n';

/** How a parent saw a process end: its exit code, or minus the signal that ended it. */
export type Status = number;

/** A place where commands can be run in every way. */
export class Modes {
  readonly cli = new Cli();
  readonly #rules = join(this.cli.home, 'holdfast.yaml');
  readonly #wrapper = join(this.cli.home, 'wrappers', 'act');

  /** For one of the ways; only the wrapper is not there without being made. */
  static async make(mode: Mode): Promise<Modes> {
    const modes = new Modes();
    const { cli } = modes;
    mkdirSync(join(cli.home, 'bin'));
    writeFileSync(join(cli.home, 'bin', 'act'), ACT);
    chmodSync(join(cli.home, 'bin', 'act'), 0o755);
    writeFileSync(modes.#rules, RULES);
    cli.env.PATH = `${join(cli.home, 'bin')}:${process.env.PATH}`;
    if (mode !== 'wrapper') return modes;
    const { code } = await cli.run(['guard', '--rules', modes.#rules, '--shim', join(modes.#wrapper, '..')]);
    expect(code).toBe(0);
    return modes;
  }

  /** What runs a command in the foreground, or starts it in the background. */
  start(mode: Mode, id: string, words: Line): Line {
    const holdfast = [process.execPath, main];
    const once = (...flags: string[]) => [...holdfast, 'once', '--quiet', ...flags, id, '--', ...words];
    switch (mode) {
      case 'run':
        return [...holdfast, 'run', id, '--', ...words];
      case 'guard':
        return [...holdfast, 'guard', '--rules', this.#rules, '--', 'act', ...words];
      case 'wrapper':
        return [this.#wrapper, ...words];
      case 'once':
        return once();
      case 'detached':
      case 'watched':
        return once('--detach');
      case 'followed':
        return once('--follow');
    }
  }

  /** What follows a run that somebody else has started, without naming its command. */
  watch(id: string): Line {
    return [process.execPath, main, 'once', '--quiet', '--follow', id];
  }

  /** What runs a command to its end, one line after the other; the last of them ends as is to be seen. */
  toTheEnd(mode: Mode, id: string, words: Line): Line[] {
    const line = this.start(mode, id, words);
    if (mode === 'watched') return [line, this.watch(id)];
    return mode === 'detached' ? [line, [process.execPath, main, 'once', '--wait', '--quiet', id]] : [line];
  }

  /** Runs lists of lines side by side, under a parent that reads wait statuses; how the last line of each list ended. */
  async statuses(lists: readonly Line[][]): Promise<Status[]> {
    const supervisor = this.cli.program('python3', [fixture('cli-statuses.py')]);
    supervisor.closeInput(JSON.stringify(lists));
    return JSON.parse((await supervisor.ended).stdout) as Status[];
  }

  /** What `once` knows of its IDs by now. */
  async outcomes(): Promise<Map<string, 'recorded' | 'no result' | 'goes on'>> {
    const tasks = (await this.cli.json(['once', 'ls', '--json'])) as { id: string; state: string }[];
    return new Map(tasks.map(({ id, state }) => [id, OUTCOMES[state] ?? 'no result']));
  }
}

const OUTCOMES: Readonly<Record<string, 'recorded' | 'goes on'>> = {
  done: 'recorded',
  failed: 'recorded',
  running: 'goes on',
};
