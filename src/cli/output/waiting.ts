import { isatty } from 'node:tty';
import { holders as describeHolders, duration, printable } from '../../errors/describe.ts';
import { onLockEvent } from '../../events/channel.ts';
import type { HolderRecord } from '../../identity/holder.ts';
import type { GlobalOptions } from '../settings.ts';
import { tellJson } from './json.ts';
import { LiveLine } from './live-line.ts';
import { note } from './text.ts';

/** What a wait can show of the lock it waits for. */
export interface Awaited {
  readonly resource: string;
  readonly path: string;
  readonly holders: readonly HolderRecord[];
}

export interface NoticeOptions extends GlobalOptions {
  /** Nothing is said of a wait. */
  readonly quiet?: true;
}

/** Tells on standard error what is waited for: one line at once; on a terminal also a line that moves. */
export class WaitingNotice {
  readonly #options: NoticeOptions;
  readonly #told = new Set<string>();
  #line: LiveLine | undefined;

  constructor(options: NoticeOptions) {
    this.#options = options;
  }

  /** Follows the locks this process acquires; returns the function that stops it. */
  follow(): () => void {
    const stop = [
      onLockEvent('waiting', (event) => this.begin(event)),
      onLockEvent('granted', () => this.end()),
    ];
    return () => {
      for (const each of stop) each();
      this.end();
    };
  }

  /** Each lock is told of once; that its line has moved on shows in `holdfast who`. */
  begin({ resource, path, holders }: Awaited): void {
    if (this.#told.has(path)) return;
    this.#told.add(path);
    import('../failure.ts').catch(() => {}); // which may not be there any more, after an upgrade, when the wait fails
    if (this.#options.quiet === true) return;
    if (this.#options.json === true) {
      tellJson({ event: 'waiting', resource, path, holders });
      return;
    }
    const name = printable(resource);
    note(`waiting for ${name}, held by ${describeHolders(holders)}`);
    if (!isatty(2) || process.env.TERM === 'dumb') return;
    this.#line?.erase();
    this.#line = new LiveLine((ms) => `waiting for ${name} ${duration(ms)} (Ctrl-C gives up)`);
  }

  end(): void {
    this.#line?.erase();
    this.#line = undefined;
  }
}
