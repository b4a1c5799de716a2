import { readdirSync, readFileSync } from 'node:fs';

/**
 * What a process used so far: nanoseconds on a processor and voluntary context switches, over all its threads (Linux).
 *
 * @param {number} pid
 */
export function usage(pid) {
  let cpu = 0;
  let wakeUps = 0;
  for (const thread of readdirSync(`/proc/${pid}/task`)) {
    const folder = `/proc/${pid}/task/${thread}`;
    cpu += Number(readFileSync(`${folder}/schedstat`, 'latin1').split(' ')[0]);
    wakeUps += Number(
      /^voluntary_ctxt_switches:\s+(\d+)/m.exec(readFileSync(`${folder}/status`, 'latin1'))?.[1],
    );
  }
  return { cpu, wakeUps };
}
