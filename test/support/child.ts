import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';
import { within } from './deadline.ts';

export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ChildOptions {
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
}

/** A child program of the running test: talks in lines, and is killed when the test is over. */
export class Child {
  readonly process: ChildProcessWithoutNullStreams;
  /** Resolves when it has ended and said everything. */
  readonly ended: Promise<Ending>;
  readonly #listeners = new Set<(line: string) => void>();
  readonly #lines: string[] = [];
  #stdout = '';
  #stderr = '';

  /** `outlives`: the caller sees to its end, not the end of the test. */
  constructor(command: string, args: readonly string[], options: ChildOptions = {}, outlives = false) {
    const env = { ...process.env, ...options.env };
    this.process = spawn(command, args, { stdio: 'pipe', env, cwd: options.cwd });
    this.process.stdout.setEncoding('utf8').on('data', (text: string) => {
      this.#stdout += text;
    });
    this.process.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#stderr += text;
    });
    this.process.stdin.on('error', () => {}); // it may be gone already
    createInterface({ input: this.process.stdout }).on('line', (line) => {
      this.#lines.push(line);
      for (const listener of [...this.#listeners]) listener(line);
    });
    this.ended = new Promise((resolve, reject) => {
      this.process.on('error', reject);
      this.process.on('close', (code, signal) => {
        resolve({ code, signal, stdout: this.#stdout, stderr: this.#stderr });
      });
    });
    if (!outlives) onTestFinished(() => this.end());
  }

  get pid(): number {
    return this.process.pid as number;
  }

  get stderr(): string {
    return this.#stderr;
  }

  onLine(listener: (line: string) => void): () => void {
    for (const line of this.#lines) listener(line);
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The first line that starts so, said before or after this call. */
  line(start: string): Promise<string> {
    const found = new Promise<string>((resolve, reject) => {
      const stop = this.onLine((line) => {
        if (line.startsWith(start)) resolve(line);
      });
      void this.ended.then(({ code, signal, stderr }) => {
        reject(new Error(`The program ended (${signal ?? code}) without saying "${start}". ${stderr}`));
      });
      void this.ended.finally(stop);
    });
    return within(found, `waiting for the line "${start}"`);
  }

  /** Resolves when its error output contains this text. */
  complained(text: string): Promise<void> {
    const found = new Promise<void>((resolve, reject) => {
      const look = () => this.#stderr.includes(text) && resolve();
      this.process.stderr.on('data', look);
      void this.ended.then(() => reject(new Error(`The program ended without the error output "${text}".`)));
      look();
    });
    return within(found, `waiting for the error output "${text}"`);
  }

  say(line: string): void {
    this.process.stdin.write(`${line}\n`);
  }

  /** Ends its input; well-behaved programs end then. */
  finish(): Promise<Ending> {
    this.process.stdin.end();
    return within(this.ended, 'waiting for a program to end after its input');
  }

  /** Sends a signal and waits for the end. */
  kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<Ending> {
    this.process.kill(signal);
    return within(this.ended, `waiting for the end after ${signal}`);
  }

  get isRunning(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  /** Forgets the lines it has said so far. */
  forget(): void {
    this.#lines.length = 0;
  }

  /** Ends it, whatever it does. */
  async end(): Promise<void> {
    this.process.stdin.end();
    this.process.kill('SIGKILL');
    await this.ended.catch(() => {});
  }
}

/** The path of a child program in test/fixtures. */
export function fixture(name: string): string {
  return fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
}
