// The one place where tests start a program that runs beside them (`tool` runs small ones to their end, `Thread` starts
// threads). Plain JavaScript: the stress runs are scripts of their own, too.
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

/**
 * @typedef {object} Ending
 * @property {number | null} code
 * @property {NodeJS.Signals | null} signal
 * @property {string} stdout
 * @property {string} stderr
 *
 * @typedef {object} ProgramOptions
 * @property {NodeJS.ProcessEnv} [env] what differs from the environment of this process; undefined unsets a variable
 * @property {string} [cwd]
 * @property {boolean} [detached] leads a process group of its own
 * @property {import('node:child_process').StdioOptions} [stdio] default: pipes
 * @property {BufferEncoding} [encoding] of its output; default: utf8
 */

/** A program that runs: what it says, line by line or as a whole, and how it ends. */
export class Program {
  /** Resolves when it has ended and said everything. @type {Promise<Ending>} */
  ended;
  /** Resolves when the process is gone, though what it started may have its output open. @type {Promise<void>} */
  exited;
  stdout = '';
  stderr = '';
  /** @type {Set<(line: string) => void>} */
  #listeners = new Set();
  /** @type {string[]} */
  #lines = [];

  /** @param {string} command @param {readonly string[]} [args] @param {ProgramOptions} [options] */
  constructor(command, args = [], { encoding = 'utf8', env, ...options } = {}) {
    this.process = spawn(command, args, { stdio: 'pipe', ...options, env: { ...process.env, ...env } });
    const { stdin, stdout, stderr } = this.process;
    stdin?.on('error', () => {}); // it may be gone already
    stdout?.setEncoding(encoding).on('data', (text) => {
      this.stdout += text;
    });
    stderr?.setEncoding(encoding).on('data', (text) => {
      this.stderr += text;
    });
    if (stdout !== null) createInterface({ input: stdout }).on('line', (line) => this.#hear(line));
    this.exited = new Promise((resolve) => {
      for (const end of ['exit', 'error']) this.process.on(end, () => resolve());
    });
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject);
      this.process.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr });
      });
    });
    this.ended.catch(() => {}); // nobody need wait for one that could not be started
  }

  get pid() {
    return /** @type {number} */ (this.process.pid);
  }

  get isRunning() {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** @param {string} line */
  #hear(line) {
    this.#lines.push(line);
    for (const listener of [...this.#listeners]) listener(line);
  }

  /** Tells of every line, said before or after this call. @param {(line: string) => void} listener */
  onLine(listener) {
    for (const line of this.#lines) listener(line);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first line that starts so, said before or after this call. @param {string} start @returns {Promise<string>} */
  line(start) {
    return new Promise((resolve, reject) => {
      const stop = this.onLine((line) => {
        if (line.startsWith(start)) resolve(line);
      });
      const miss = () => reject(this.endedWithout(`the line "${start}"`));
      void this.ended.then(miss, reject).finally(stop);
    });
  }

  /** @param {string} what @protected */
  endedWithout(what) {
    const { exitCode, signalCode } = this.process;
    return new Error(
      `The program ended (${signalCode ?? exitCode}) without ${what}. Output: ${this.stdout}; errors: ${this.stderr}`,
    );
  }

  /** Forgets what it has said so far. */
  forget() {
    this.stdout = '';
    this.#lines.length = 0;
  }

  /** @param {string} text */
  write(text) {
    this.process.stdin?.write(text);
  }

  /** @param {string} line */
  say(line) {
    this.write(`${line}\n`);
  }

  /** Whether it could be sent. @param {NodeJS.Signals} signal */
  signal(signal) {
    return this.process.kill(signal);
  }
}

/** The path of a child program in test/fixtures. @param {string} name */
export function fixture(name) {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

/** What a program is started through to run as another user than root, in these groups besides its own. Needs root. @param {number} uid @param {readonly number[]} groups */
export function asUser(uid, groups = []) {
  const others = groups.length === 0 ? '--clear-groups' : `--groups=${groups.join()}`;
  return ['setpriv', `--reuid=${uid}`, `--regid=${uid}`, others];
}
