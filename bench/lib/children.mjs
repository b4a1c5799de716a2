import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** Nanoseconds of the system's monotonic clock, which all processes share. */
export function now() {
  return Number(process.hrtime.bigint());
}

/** @param {number} ms */
export function sleep(ms) {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A child program of bench/children, spoken to by messages. It is killed with this object's `kill`, or by `using`. */
export class Child {
  /** @type {import('node:child_process').ChildProcess} */
  process;
  /** @type {unknown[]} */
  #inbox = [];
  /** @type {((message: unknown) => void) | undefined} */
  #reader;
  /** @type {((error: Error) => void) | undefined} */
  #failed;

  /** @param {string} program file name in bench/children @param {Record<string, unknown>} [settings] */
  constructor(program, settings = {}) {
    const path = fileURLToPath(new URL(`../children/${program}`, import.meta.url));
    this.process = fork(path, [JSON.stringify(settings)], { execArgv: ['--expose-gc'] });
    this.process.on('message', (message) => this.#receive(message));
    this.process.on('exit', (code, signal) =>
      this.#failed?.(new Error(`${program} ended: ${code ?? signal}`)),
    );
  }

  get pid() {
    return this.process.pid ?? 0;
  }

  /** @param {unknown} message */
  send(message) {
    this.process.send(/** @type {import('node:child_process').Serializable} */ (message));
  }

  /** The next message, of the kind the caller knows to expect. @returns {Promise<any>} */
  next() {
    if (this.#inbox.length > 0) return Promise.resolve(this.#inbox.shift());
    return new Promise((resolve, reject) => {
      this.#reader = resolve;
      this.#failed = reject;
    });
  }

  /** @param {unknown} message */
  async ask(message) {
    this.send(message);
    return this.next();
  }

  async kill() {
    this.#failed = undefined;
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const gone = once(this.process, 'exit');
    this.process.kill('SIGKILL');
    await gone;
  }

  /** @param {unknown} message */
  #receive(message) {
    const reader = this.#reader;
    this.#reader = undefined;
    this.#failed = undefined;
    if (reader === undefined) this.#inbox.push(message);
    else reader(message);
  }
}

/**
 * Starts several children, waits until each has said it is ready, hands them over, and ends them whatever happens.
 *
 * @template T
 * @param {number} count @param {string} program @param {Record<string, unknown>} settings
 * @param {(children: Child[]) => Promise<T>} body
 */
export async function withChildren(count, program, settings, body) {
  const children = Array.from({ length: count }, (_, index) => new Child(program, { ...settings, index }));
  try {
    await Promise.all(children.map((child) => child.next()));
    return await body(children);
  } finally {
    await Promise.all(children.map((child) => child.kill()));
  }
}

/**
 * The same for one child.
 *
 * @template T
 * @param {string} program @param {Record<string, unknown>} settings
 * @param {(child: Child) => Promise<T>} body
 */
export function withChild(program, settings, body) {
  return withChildren(1, program, settings, ([child]) => body(/** @type {Child} */ (child)));
}

/** Runs a program to its end; returns nanoseconds from start to exit. @param {string} command @param {string[]} args */
export async function timeProgram(command, args, environment = process.env) {
  const start = now();
  const child = spawn(command, args, { stdio: 'ignore', env: environment });
  const [code] = await once(child, 'exit');
  const elapsed = now() - start;
  if (code !== 0) throw new Error(`${command} ${args.join(' ')} exited with ${code}`);
  return elapsed;
}
