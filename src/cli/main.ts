#!/usr/bin/env node
import { closeUnwantedDebugger } from '../command/debugger.ts';
import { giveDefault } from '../command/signals/end.ts';
import { leaveLostTerminal } from './output/terminal.ts';
import { warnOnce } from './output/text.ts';
import { programFor } from './program.ts';
import { tell } from './tell.ts';

giveDefault('SIGUSR1'); // which has Node.js open a port for debuggers, whoever sends it
closeUnwantedDebugger();

process.on('exit', leaveLostTerminal);

// Warnings of the library, such as an audit log that cannot be written, in the words of a command line.
process.removeAllListeners('warning').on('warning', ({ message }) => warnOnce(message));

programFor(process.argv.slice(2))
  .then((program) => program.parseAsync())
  .catch(async (error: unknown) => {
    const late = await import('./failure.ts').catch(() => undefined); // which nobody has to read before
    process.exitCode = late === undefined ? await tell(error, {}) : late.exitAfter(error);
  });
