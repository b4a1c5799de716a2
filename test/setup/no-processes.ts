import processes from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

/** In pure tests, whatever would start a process or a thread fails, also where the source does it. */
function refuse(): never {
  throw new Error(
    'A pure test starts no process and no thread. This file was taken for pure by what it imports (test/setup/purity.ts): ' +
      'import at its top what starts it, or move the test to a file that does.',
  );
}

const starts = [
  'spawn',
  'spawnSync',
  'fork',
  'exec',
  'execSync',
  'execFile',
  'execFileSync',
  'ChildProcess',
] as const;
for (const name of starts) Object.assign(processes, { [name]: refuse });
Object.assign(threads, { Worker: refuse });
syncBuiltinESMExports();
