// Whose changes are whose, and whether the last one is seen: `npm run test:watching -- [saves] [seed]`. A program saves a document
// while another one replaces it, each up to 20 ms apart; then the program is stopped while the file is replaced 6,000 times.
// Fails when a version was taken for somebody else's, or the last one was not seen within a second.
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { randomFrom } from '../fixtures/stress-random.mjs';
import { fixture, Program } from '../support/program.mjs';

const FOLLOWER = fixture('document-follower.mjs');
const LONGEST_PAUSE = 20;
/** Milliseconds after which a version that is not seen never will be. */
const HANGING = 60_000;

/** @param {{ saves: number, replaces: number, seed: number }} options */
export async function watching({ saves, replaces, seed }) {
  const home = fs.realpathSync(fs.mkdtempSync(join(tmpdir(), 'holdfast-watching-')));
  const path = join(home, 'roles.json');
  /** @param {string} by */
  const replace = (by) => {
    fs.writeFileSync(`${path}.new`, JSON.stringify({ by }));
    fs.renameSync(`${path}.new`, path);
  };
  replace('foreign-0');
  const random = randomFrom(seed);
  const follower = new Program(process.execPath, [FOLLOWER, path, String(saves), String(seed)]);
  /** @type {string[]} */
  const wrong = [];
  let foreign = 0;
  let seen = 0;
  follower.onLine((line) => {
    if (line.startsWith('wrong ')) wrong.push(line);
    if (line.startsWith('external ')) seen++;
  });
  try {
    await follower.line('ready');
    follower.say('go');
    let isOver = false;
    const over = follower.line('over').then(() => {
      isOver = true;
    });
    while (!isOver) {
      await Promise.race([over, setTimeout(random() * LONGEST_PAUSE)]);
      replace(`foreign-${++foreign}`);
    }
    await Promise.race([follower.line(`external foreign-${foreign}`), setTimeout(HANGING)]);
    const met = { saves, foreign, seen, wrong: [...wrong] };
    const delay = await afterStop(follower, replace, replaces);
    return { ...met, replaces, delay };
  } finally {
    follower.signal('SIGKILL');
    await follower.exited;
    fs.rmSync(home, { recursive: true, force: true });
  }
}

/** Milliseconds from the moment it goes on until it sees the last version. @param {Program} follower @param {(by: string) => void} replace @param {number} replaces */
async function afterStop(follower, replace, replaces) {
  follower.signal('SIGSTOP');
  for (let version = 1; version <= replaces; version++) replace(`late-${version}`);
  const began = performance.now();
  const seen = follower.line(`external late-${replaces}`);
  follower.signal('SIGCONT');
  await Promise.race([seen, setTimeout(HANGING)]);
  return performance.now() - began;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [saves = '1000', seed] = process.argv.slice(2);
  const chosen = Number(seed ?? Math.floor(Math.random() * 2 ** 31));
  const { foreign, seen, wrong, replaces, delay } = await watching({
    ...{ saves: Number(saves), replaces: 6_000, seed: chosen },
  });
  console.log(
    `watching seed ${chosen}: ${saves} saves and ${foreign} versions of another program, of which ${seen} were told, ` +
      `${wrong.length} wrong; the last of ${replaces} while it was stopped was seen after ${delay.toFixed(0)} ms`,
  );
  for (const line of wrong.slice(0, 20)) console.log(`  ${line}`);
  process.exitCode = wrong.length === 0 && delay <= 1_000 ? 0 : 1;
}
