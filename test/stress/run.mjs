// Repeats the stress run: `node test/stress/run.mjs [runs] [first seed]`. One line a run; fails if any found a violation.
import { stress } from './stress.mjs';

const [runs = '20', first = String(Math.floor(Math.random() * 2 ** 31))] = process.argv.slice(2);
let failures = 0;

for (let run = 0; run < Number(runs); run++) {
  const seed = Number(first) + run;
  const result = await stress({ seed });
  const violations = Object.values(result.violations).flat();
  if (violations.length > 0 || result.hung !== '') failures++;
  const { attempts, held, kills, stops, recovered, timeouts, meanWait, maximumWait, took } = result;
  console.log(
    `seed ${seed}: ${violations.length} violations, ${held} of ${attempts} held, ${kills} killed, ` +
      `${stops} stopped, ${recovered} recovered, ${timeouts} timeouts, wait mean ${meanWait.toFixed(1)} ms ` +
      `max ${maximumWait.toFixed(0)} ms, ${(took / 1000).toFixed(1)} s${result.hung}`,
  );
  for (const violation of violations.slice(0, 10)) console.log(`  ${violation}`);
}
process.exitCode = failures === 0 ? 0 : 1;
