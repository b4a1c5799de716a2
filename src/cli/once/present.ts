import { printable } from '../../errors/describe.ts';
import type { Gap, Run } from '../../once/command/log.ts';
import { nextRunAfter } from '../../once/command/next-run.ts';
import { unrecordedFailure } from '../../once/command/unrecorded.ts';
import type { Store } from '../../once/store.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { tellJson } from '../output/json.ts';
import { endLine } from '../output/outlet.ts';
import { note } from '../output/text.ts';
import type { GlobalOptions } from '../settings.ts';
import type { OnceCall } from './options.ts';

/** Says what is missing in an output that was printed: never silently, for whoever goes on with it takes it for all. */
export function tellGaps(id: string, gaps: readonly Gap[], { json }: GlobalOptions): void {
  for (const { stream, dropped, why } of gaps) {
    if (json === true) tellJson({ event: 'gap', id, stream, dropped, why });
    else note(`${printable(id)}: ${dropped} bytes of its ${stream} are missing: ${why}`);
  }
}

/** For `--complete`. @throws {CliError} when something is missing. */
export function refuseGaps(id: string, gaps: readonly Gap[]): void {
  if (gaps.length === 0) return;
  const what = gaps.map(
    ({ stream, dropped, why }) => `${dropped} bytes of its ${stream} are missing: ${why}`,
  );
  throw new CliError(
    exitCodes.failure,
    'HOLDFAST_OUTPUT_INCOMPLETE',
    `the output of ${printable(id)} is not complete; ${what.join('; ')}`,
    { resource: id, gaps },
  );
}

/**
 * Says where the output of one run ends and that of the next begins: never silently, for it looks like one. The next one
 * begins a line, whatever the one before it was cut off in.
 */
export async function tellNextRun(
  { id, flags }: OnceCall,
  store: Store,
  last: Run,
  next: Run,
): Promise<void> {
  await endLine();
  const { run, after, why } = nextRunAfter(store, last, next);
  if (flags.json === true) tellJson({ event: 'next-run', id, run, after, why });
  else note(`${printable(id)}: run ${after} ${printable(why)}; what follows is of run ${run}`);
}

/** That a failure is its own caller's alone. */
export function tellUnrecorded(id: string, why: string, { json }: GlobalOptions): void {
  if (json === true) tellJson({ event: 'unrecorded', id, why });
  else note(unrecordedFailure(id, why));
}
