import type { HoldfastError } from '../errors/base.ts';
import { exitCodes } from './exit-codes.ts';
import { note } from './output/text.ts';
import type { report } from './report.ts';

/**
 * Tells of an error as `report` does, which nobody has to read before. Where it cannot be read any more, without a
 * descriptor left or after an upgrade of the package, the bare words go out.
 */
export async function tell(...told: Parameters<typeof report>): Promise<number> {
  const late = await import('./report.ts').catch(() => undefined);
  if (late !== undefined) return late.report(...told);
  const [error, , exitCode = exitCodes.failure] = told;
  const { cliMessage, message } = error as Partial<HoldfastError>;
  note(cliMessage ?? message ?? String(error));
  return exitCode;
}
