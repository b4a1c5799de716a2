import { closeSync, constants, openSync } from 'node:fs';
import { join } from 'node:path';
import type { Agent, Remote } from './agent.ts';
import { tempDirectory } from './temp.ts';
import { tool } from './tool.ts';
import { untilAsleepIn } from './until.ts';

/**
 * Where processes meet that make something at, or below, the same path: before each of their first calls that do so they
 * sleep in the kernel, until all of them are there. Then they go on, all at once.
 */
export class Barrier {
  readonly #agents: readonly Agent[];
  readonly #gates: readonly string[];

  private constructor(agents: readonly Agent[], gates: readonly string[]) {
    this.#agents = agents;
    this.#gates = gates;
  }

  /** Before as many calls of each agent as are to be met. */
  static async before(calls: number, path: string, agents: readonly Agent[]): Promise<Barrier> {
    const directory = tempDirectory();
    const gates = Array.from({ length: calls }, (_, at) => join(directory, String(at)));
    tool('mkfifo', gates);
    await Promise.all(agents.map((agent) => agent.run(meetWhereMade, path, gates)));
    return new Barrier(agents, gates);
  }

  /** Lets all of them through each time all have come; resolves when they were at every gate. */
  async pass(): Promise<void> {
    for (const gate of this.#gates) {
      await Promise.all(this.#agents.map(({ pid }) => untilAsleepIn(pid, 'wait_for_partner')));
      closeSync(openSync(gate, constants.O_WRONLY | constants.O_NONBLOCK)); // whom all of its readers waited for
    }
    await Promise.all(this.#agents.map((agent) => agent.run(({ values }) => (values.part as () => void)())));
  }
}

const meetWhereMade = ({ fs, values }: Remote, made: string, gates: readonly string[]) => {
  const { mkdirSync, linkSync, openSync, closeSync } = fs;
  const { syncBuiltinESMExports } = process.getBuiltinModule('node:module');
  const left = [...gates];
  const meet = (path: unknown) => {
    if (path !== made && !String(path).startsWith(`${made}/`)) return;
    const gate = left.shift();
    if (gate !== undefined) closeSync(openSync(gate, 'r')); // opens once somebody opens it to write
  };
  const replace = (calls: object) => {
    Object.assign(fs, calls);
    syncBuiltinESMExports();
  };
  replace({
    mkdirSync: (...args: Parameters<typeof mkdirSync>) => {
      meet(args[0]);
      return mkdirSync(...args);
    },
    linkSync: (...args: Parameters<typeof linkSync>) => {
      meet(args[1]);
      return linkSync(...args);
    },
    openSync: (...args: Parameters<typeof openSync>) => {
      if (Number(args[1]) & fs.constants.O_CREAT) meet(args[0]);
      return openSync(...args);
    },
  });
  values.part = () => replace({ mkdirSync, linkSync, openSync });
};
