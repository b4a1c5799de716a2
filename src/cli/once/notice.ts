import { isatty } from 'node:tty';
import { holders as describeHolders, duration, printable } from '../../errors/describe.ts';
import { onLockEvent } from '../../events/channel.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import { tellJson } from '../output/json.ts';
import { LiveLine } from '../output/live-line.ts';
import { note } from '../output/text.ts';
import type { OnceFlags } from './options.ts';

/** Tells once, on standard error, that another one's run is waited for; on a terminal also with a line that moves. */
export class RunNotice {
  readonly #id: string;
  readonly #flags: OnceFlags;
  #line: LiveLine | undefined;
  #told = false;

  constructor(id: string, flags: OnceFlags) {
    this.#id = id;
    this.#flags = flags;
  }

  /** Follows what this process waits for; returns the function that stops it. */
  follow(path: string): () => void {
    const stops = [
      onLockEvent('waiting', (event) => {
        if (event.path === path) this.begin(event.holders);
      }),
      onLockEvent('granted', (event) => {
        if (event.path === path) this.end();
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      this.end();
    };
  }

  /** `behind`: whose run it is, if it is not the one that was asked for. */
  begin(holders: readonly HolderRecord[], behind?: string): void {
    const { quiet, message, json } = this.#flags;
    if (this.#told) return;
    this.#told = true;
    import('../report.ts').catch(() => {}); // which may not be there any more, after an upgrade, when the wait fails
    if (quiet === true) return;
    if (json === true) {
      tellJson({ event: 'waiting', id: this.#id, holders });
      return;
    }
    const name = printable(this.#id);
    const how = behind === undefined ? 'run by' : `behind ${behind}, by`;
    note(message ?? `waiting for ${name}, ${how} ${describeHolders(holders)}`);
    if (this.#canMove) {
      const what = message ?? `waiting for ${name}`;
      this.#line = new LiveLine((ms) => `${what} ${duration(ms)} (Ctrl-C gives up; the run goes on)`);
    }
  }

  /** A line that is redrawn in place needs a terminal that can, and to itself: what is followed would run into it. */
  get #canMove(): boolean {
    return isatty(2) && process.env.TERM !== 'dumb' && this.#flags.follow !== true;
  }

  end(): void {
    this.#line?.erase();
    this.#line = undefined;
  }
}
