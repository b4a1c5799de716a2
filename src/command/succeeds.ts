import { spawn } from 'node:child_process';
import { limits } from './limits/index.ts';
import { ProcessGroup } from './signals/process-group.ts';

/**
 * Whether a shell command succeeds; what it prints is of no interest. At an abort it is ended, with its whole group, which
 * is waited for: after `grace` milliseconds, what is left of it is killed.
 */
export function succeeds(command: string, signal: AbortSignal, grace: number): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const shell = limits.withOwnDescriptorLimit(() =>
      spawn(command, { shell: true, stdio: 'ignore', detached: true }),
    );
    const group = new ProcessGroup(shell, () => grace);
    const stopListening = group.stopAt(signal);
    shell.on('error', (error) => {
      stopListening();
      reject(error);
    });
    shell.on('exit', (code) => {
      void group.gone().then(() => {
        stopListening();
        resolve(code === 0);
      });
    });
  });
}
