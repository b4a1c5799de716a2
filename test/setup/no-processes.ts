import processes from 'node:child_process';
import { syncBuiltinESMExports } from 'node:module';
import threads from 'node:worker_threads';

/** In pure tests, whatever would start a process or a thread fails, also where the source does it. */
function refuse(): never {
  throw new Error(
    'A pure test starts no process and no thread. Move this test to a file *.processes.test.ts.',
  );
}

const starts = ['spawn', 'spawnSync', 'fork', 'exec', 'execSync', 'execFile', 'execFileSync'] as const;
for (const name of starts) processes[name] = refuse as never;
threads.Worker = refuse as never;
syncBuiltinESMExports();
