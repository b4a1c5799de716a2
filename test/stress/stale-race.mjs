// Processes that all meet one stale lock at the same instant: how often are two of them inside together?
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { fixture, Program } from '../support/program.mjs';

/** `nothing` lets everybody in. @typedef {'file' | 'directory' | 'proper-lockfile' | 'nothing'} Kind */
/** @typedef {{ kind: Kind, rounds: number, holds: number, doubles: number, unheld: number }} Result */

/**
 * Runs the rounds. `doubles`: rounds in which somebody met somebody else inside. `unheld`: rounds in which nobody got in.
 *
 * @param {{ kind: Kind, rounds: number, processes: number, home: string }} race
 * @returns {Promise<Result>}
 */
export async function staleRace({ kind, rounds, processes, home }) {
  const command = [fixture('stale-contender.mjs'), kind];
  const contenders = Array.from({ length: processes }, () => new Program(process.execPath, command));
  try {
    await Promise.all(contenders.map((contender) => contender.line('born')));
    const result = { kind, rounds, holds: 0, doubles: 0, unheld: 0 };
    for (let round = 0; round < rounds; round++) {
      const place = join(home, `${kind}-${round}`);
      await makeStale(kind, place);
      const gate = join(place, 'gate');
      execFileSync('mkfifo', [gate]);
      for (const contender of contenders) {
        contender.forget();
        contender.say(JSON.stringify([place, gate]));
      }
      while (!contenders.every(isAtGate)) await setImmediate();
      fs.closeSync(fs.openSync(gate, fs.constants.O_WRONLY | fs.constants.O_NONBLOCK));
      const lines = await Promise.all(contenders.map((contender) => contender.line('{')));
      const seen = lines.map((line) => JSON.parse(line));
      const holds = seen.reduce((sum, each) => sum + each.holds, 0);
      result.holds += holds;
      if (holds === 0) result.unheld++;
      if (seen.some(({ doubles }) => doubles > 0)) result.doubles++;
      fs.rmSync(place, { recursive: true, force: true });
    }
    return result;
  } finally {
    for (const contender of contenders) contender.signal('SIGKILL');
  }
}

/** It sleeps in the kernel, until somebody opens the gate to write. @param {Program} contender */
function isAtGate({ pid, isRunning }) {
  if (!isRunning) throw new Error('A contender has ended.');
  return fs.readFileSync(`/proc/${pid}/wchan`, 'latin1').includes('wait_for_partner');
}

/** The lock of a process that is dead; for proper-lockfile, which goes by age, one that was not touched for an hour. */
async function makeStale(/** @type {Kind} */ kind, /** @type {string} */ place) {
  const path = join(place, 'mirror.lock');
  fs.mkdirSync(join(place, 'inside'), { recursive: true });
  if (kind === 'proper-lockfile') {
    fs.mkdirSync(path);
    const hourAgo = new Date(Date.now() - 3_600_000);
    fs.utimesSync(path, hourAgo, hourAgo);
  } else {
    template ??= await deadClaim();
    if (kind === 'directory') fs.mkdirSync(path);
    const token = Array.from({ length: 32 }, () => Math.floor(Math.random() * 16).toString(16)).join('');
    const text = template.replaceAll('TOKEN', token);
    fs.writeFileSync(kind === 'directory' ? join(path, 'claim') : path, text);
  }
}

/** @type {string | undefined} */
let template;

/** A claim as a process leaves it that is killed while it holds. */
async function deadClaim() {
  const home = fs.mkdtempSync('/tmp/holdfast-stale-');
  const path = join(home, 'mirror.lock');
  const engines = new URL('../../dist/engine/portable/portable.js', import.meta.url).href;
  const request = { path, resource: 'mirror', cliName: 'mirror', mode: 'exclusive', access: 'owner' };
  const program = `
    const { portableEngine } = await import(${JSON.stringify(engines)});
    portableEngine().tryAcquire({ ...${JSON.stringify(request)}, anonymous: false });
    process.kill(process.pid, 'SIGKILL');`;
  await new Program(process.execPath, ['--input-type=module', '--eval', program]).ended;
  const text = fs.readFileSync(path, 'utf8');
  fs.rmSync(home, { recursive: true });
  return text.replaceAll(/^(token|end) .*$/gm, '$1 TOKEN');
}

/** @param {Result} result */
export function report({ kind, rounds, holds, doubles }) {
  return `${kind.padEnd(16)} ${rounds} rounds, ${holds} holds, ${doubles} rounds with two inside at once`;
}
