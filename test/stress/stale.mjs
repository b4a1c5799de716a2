// npm run test:stale: 12 processes, one stale lock, 200 rounds, both layouts, and proper-lockfile beside them.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { report, staleRace } from './stale-race.mjs';

const rounds = Number(process.argv[2] ?? 200);
const home = fs.mkdtempSync(join(fs.existsSync('/dev/shm') ? '/dev/shm' : tmpdir(), 'holdfast-stale-'));
try {
  for (const kind of /** @type {const} */ (['file', 'directory', 'proper-lockfile'])) {
    const result = await staleRace({ kind, rounds, processes: 12, home });
    console.log(report(result));
    if (kind !== 'proper-lockfile' && (result.doubles > 0 || result.unheld > 0)) process.exitCode = 1;
  }
} finally {
  fs.rmSync(home, { recursive: true, force: true });
}
