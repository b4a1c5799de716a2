import { printable } from '../../errors/describe.ts';
import type { Gap } from '../../once/command/log.ts';
import { unrecordedFailure } from '../../once/command/unrecorded.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { tellJson } from '../output/json.ts';
import { note } from '../output/text.ts';
import type { GlobalOptions } from '../settings.ts';

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

/** That a failure is its own caller's alone. */
export function tellUnrecorded(id: string, why: string, { json }: GlobalOptions): void {
  if (json === true) tellJson({ event: 'unrecorded', id, why });
  else note(unrecordedFailure(id, why));
}
