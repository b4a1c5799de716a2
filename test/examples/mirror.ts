import { cpSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { main } from '../cli/cli.ts';
import { Child, type Ending } from '../support/child.ts';
import { tempDirectory } from '../support/temp.ts';
import { tool } from '../support/tool.ts';

const EXAMPLE = fileURLToPath(new URL('../../examples/mirror', import.meta.url));
const TOOL = join(EXAMPLE, 'bin/mirror');

/** The registry of the example on a port of its own, with data that was mirrored from it. */
export class Registry {
  readonly url: string;
  /** Packages, a snapshot, and two installed packages. */
  readonly mirrored: string;
  readonly #child: Child;

  private constructor(child: Child, url: string, mirrored: string) {
    this.#child = child;
    this.url = url;
    this.mirrored = mirrored;
  }

  static async start(): Promise<Registry> {
    const server = [join(EXAMPLE, 'registry/server.mjs'), '--port', '0'];
    const child = new Child(process.execPath, server, { lifetime: 'own' });
    const [url = ''] = /http:\S+/.exec(await child.line('registry of')) ?? [];
    const mirrored = realpathSync(mkdtempSync(join(tmpdir(), 'holdfast-mirror-')));
    const env = { MIRROR_HOME: mirrored, MIRROR_REGISTRY: url };
    const lines = ['sync', 'save', 'install knots', 'install bends'];
    for (const line of lines) tool(TOOL, line.split(' '), { env });
    return new Registry(child, url, mirrored);
  }

  async stop(): Promise<void> {
    await this.#child.end();
    rmSync(this.mirrored, { recursive: true });
  }
}

/** An operation that stopped half-way. */
export interface HalfWay {
  /** Has it go on to its end. */
  finish(): Promise<Ending>;
  killWrapper(): Promise<void>;
}

/** The example with data and locks of its own, run by its wrapper. */
export class Example {
  readonly tool = TOOL;
  readonly data = join(tempDirectory(), 'data');
  readonly #registry: Registry;
  readonly #home = tempDirectory();
  readonly #env: NodeJS.ProcessEnv;

  constructor(registry: Registry) {
    this.#registry = registry;
    cpSync(registry.mirrored, this.data, { recursive: true });
    const shims = join(this.#home, 'shims');
    const PATH = [shims, join(EXAMPLE, 'bin'), process.env.PATH].join(delimiter);
    const locks = { HOLDFAST_HOME: this.#home, XDG_CONFIG_HOME: join(this.#home, 'config') };
    this.#env = { ...locks, PATH, MIRROR_HOME: this.data, MIRROR_REGISTRY: registry.url };
    tool(process.execPath, [main, 'guard', '--shim', shims], { cwd: EXAMPLE, env: this.#env });
  }

  /** Runs an operation to its end. */
  run(line: string, tool = 'mirror'): Promise<Ending> {
    return new Child(tool, line.split(' '), { cwd: EXAMPLE, env: this.#env }).finish();
  }

  /** Starts an operation; resolves when it is half-way through. */
  async halfWay(line: string, tool = 'mirror'): Promise<HalfWay> {
    const env = { ...this.#env, MIRROR_PAUSE: '1' };
    // Its input comes by way of a process that outlives the wrapper.
    const script = `{ read -r go; echo "$go"; } | { echo pid $$; exec ${tool} ${line}; }`;
    const child = new Child('bash', ['-c', script.replace('$$', '$BASHPID')], { cwd: EXAMPLE, env });
    const [, pid] = /pid (\d+)/.exec(await child.line('pid')) ?? [];
    await child.line('half-way through');
    return {
      finish: () => {
        child.say('go');
        return child.exits();
      },
      killWrapper: async () => {
        process.kill(Number(pid), 'SIGKILL');
      },
    };
  }

  /** Puts back what an operation may have taken away. */
  mend(): void {
    cpSync(join(this.#registry.mirrored, 'installed'), join(this.data, 'installed'), { recursive: true });
  }

  holdfast(...args: readonly string[]): Promise<Ending> {
    return new Child(process.execPath, [main, ...args], { cwd: EXAMPLE, env: this.#env }).exits();
  }

  /** Waits until nobody holds a resource, by the command that the message of a busy lock shows. */
  async untilFree(resource: string): Promise<void> {
    const explained = await this.holdfast('guard', '--explain', '--json', '--', 'mirror', 'save');
    const { locks } = JSON.parse(explained.stdout) as { locks: { resource: string; path: string }[] };
    const path = locks.find((lock) => lock.resource === resource)?.path ?? '';
    await this.holdfast('wait', '--directory', join(path, '..'), resource);
  }
}

/** A message with everything in it that differs from one holder, or one machine, to the next made the same. */
export function anyHolder(message: string): string {
  return message
    .replace(/pid \d+/g, 'pid 1')
    .replace(/user \w+/, 'user me')
    .replace(/since .*?\)/, 'since then)')
    .replace(/in \S*holdfast\.yaml/, 'in holdfast.yaml');
}
