import { endBySignal } from '../../command/signals/end.ts';
import type { Signals } from '../../command/signals/signals.ts';
import type { Ending } from '../../command/start.ts';
import { startUnder, type Underling } from '../../command/under.ts';
import { printable } from '../../errors/describe.ts';
import type { Lock } from '../../lock/lock.ts';
import { trace } from '../../trace/trace.ts';
import { noteRecovery, warnOnce } from '../output/text.ts';
import type { GlobalOptions } from '../settings.ts';
import { tell } from '../tell.ts';
import { LossNotice } from './loss-notice.ts';

export interface RunParts {
  /** The command and its arguments. */
  readonly words: readonly [string, ...string[]];
  /** The file to run instead of the first word. */
  readonly file?: string;
  /** What its environment has on top of this process'. */
  readonly env?: NodeJS.ProcessEnv;
  /** Descriptors that this process was started with, for the command. */
  readonly inherited: readonly number[];
  /** Of how many permits the locks are. */
  readonly permits?: number | undefined;
  readonly signals: Signals;
  readonly options: GlobalOptions;
}

/** Runs a command that carries these locks, and ends this process in the moment the command ends, as it did. */
export function runUnder(locks: readonly Lock[], parts: RunParts): void {
  for (const { detail } of locks.flatMap(({ degraded }) => degraded)) warnOnce(printable(detail));
  for (const { recovered, resource } of locks) if (recovered) noteRecovery(resource);
  parts.signals.passTo(() => start(locks, parts));
}

async function endAs(ending: Ending, options: GlobalOptions): Promise<never> {
  if ('error' in ending) {
    process.exit(await tell(ending.error, options));
  }
  if (ending.signal !== undefined) endBySignal(ending.signal);
  process.exit(ending.code);
}

function start(
  locks: readonly Lock[],
  { words, file, env, inherited, permits, options }: RunParts,
): Underling {
  let notice: LossNotice | undefined;
  try {
    const underling = startUnder(locks, {
      words: file === undefined ? words : [file, ...words.slice(1)],
      descriptors: inherited,
      env: { ...process.env, ...env },
      ...(permits === undefined ? {} : { permits }),
      onEnd: (ending) => {
        const how = 'error' in ending ? ending.error : (ending.signal ?? ending.code);
        trace?.(locks[0]?.path ?? 'no lock', `${words[0]} ended: ${how}`);
        notice?.end();
        release(locks);
        void endAs(ending, options);
      },
    });
    notice = new LossNotice(locks, underling.process.pid, options);
    return underling;
  } catch (error) {
    release(locks);
    throw error;
  }
}

function release(locks: readonly Lock[]): void {
  for (const lock of [...locks].reverse()) void lock.release();
}
