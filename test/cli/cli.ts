import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const main = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A program that runs: what it says can be awaited. It is killed at the end of the test. */
export class Running {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = '';
  stderr = '';
  readonly #watchers = new Set<() => void>();

  constructor(file: string, args: readonly string[], options: SpawnOptions) {
    this.child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'], ...options });
    this.child.stdout?.on('data', (chunk) => this.#hear('stdout', chunk));
    this.child.stderr?.on('data', (chunk) => this.#hear('stderr', chunk));
    this.finished = once(this.child, 'close').then(([code, signal]) => {
      return { code, signal, stdout: this.stdout, stderr: this.stderr };
    });
    onTestFinished(() => {
      this.child.kill('SIGKILL');
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** Resolves with the match once the output has it; rejects when the program ends without it. */
  async says(pattern: RegExp, stream: 'stdout' | 'stderr' = 'stdout'): Promise<RegExpExecArray> {
    const heard = new Promise<RegExpExecArray>((resolve) => {
      const look = () => {
        const match = pattern.exec(this[stream]);
        if (match === null) return;
        this.#watchers.delete(look);
        resolve(match);
      };
      this.#watchers.add(look);
      look();
    });
    const ended = this.finished.then(({ code, signal }) => {
      const match = pattern.exec(this[stream]);
      if (match !== null) return match;
      throw new Error(
        `ended (${code ?? signal}) without ${pattern}; stdout: ${this.stdout}; stderr: ${this.stderr}`,
      );
    });
    return Promise.race([heard, ended]);
  }

  #hear(stream: 'stdout' | 'stderr', chunk: Buffer): void {
    this[stream] += chunk.toString();
    for (const look of [...this.#watchers]) look();
  }
}

/** The command line with a home of its own, which is removed at the end of the test. */
export class Cli {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;

  constructor() {
    this.home = mkdtempSync(join(tmpdir(), 'holdfast-cli-'));
    const { HOLDFAST_HELD, HOLDFAST_AUDIT, NO_COLOR, FORCE_COLOR, ...rest } = process.env;
    this.env = { ...rest, HOLDFAST_HOME: this.home };
    onTestFinished(() => rmSync(this.home, { recursive: true, force: true }));
  }

  start(args: readonly string[], options: SpawnOptions = {}): Running {
    return this.startAs([main, ...args], options);
  }

  /** The same with options of Node.js before the program, which is `main`. */
  startAs(args: readonly string[], options: SpawnOptions = {}): Running {
    return new Running(process.execPath, args, { env: this.env, ...options });
  }

  /** Runs to the end. */
  run(args: readonly string[], options: SpawnOptions = {}): Promise<Finished> {
    const running = this.start(args, options);
    running.child.stdin?.end();
    return running.finished;
  }

  /** A `holdfast run` that holds its locks until its input is closed; resolves when it holds them. */
  async hold(...args: readonly string[]): Promise<Running> {
    const holder = this.start(['run', ...args, '--', process.execPath, fixture('cli-recorder.mjs')]);
    await holder.says(/ready/);
    return holder;
  }

  async json(args: readonly string[]): Promise<unknown> {
    return JSON.parse((await this.run(args)).stdout);
  }
}
