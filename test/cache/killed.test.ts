import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { openCache } from 'holdfast/cache';
import { describe, expect, it } from 'vitest';
import { Agent, type Remote } from '../support/agent.ts';
import { within } from '../support/deadline.ts';
import { memoryDirectory } from '../support/temp.ts';
import { put, refuses } from './support.ts';

const PROCESSES = 16;
/** Of each phase. `HOLDFAST_CACHE_ROUNDS=200` is the long run, of all phases together. */
const ROUNDS = Math.ceil(Number(process.env.HOLDFAST_CACHE_ROUNDS ?? 1) / 7);

/** Where the first process that comes by is killed, and whether its entry is published then. */
const PHASES = [
  ['while it makes the bytes', { at: 'producer', when: 'before', isPublished: false }],
  ['before the content has its name', { at: '/content/sha256/', when: 'before', isPublished: false }],
  ['before the record has its name', { at: '/entries/', when: 'before', isPublished: false }],
  ['once the record has its name', { at: '/entries/', when: 'after', isPublished: true }],
  ['once the content has its name', { at: '/content/sha256/', when: 'after', isPublished: false }],
  ['before the mirror has its name', { at: '/mirrors/', when: 'before', isPublished: true }],
  ['once the mirror has its name', { at: '/mirrors/', when: 'after', isPublished: true }],
] as const;

type Phase = (typeof PHASES)[number][1];

const fetching = async (
  { cache, fs }: Remote,
  directory: string,
  key: string,
  home: string,
  mirror: string,
  phase: Phase,
) => {
  const die = () => {
    try {
      fs.closeSync(fs.openSync(`${home}/killed ${key}`, 'wx'));
    } catch {
      return; // another one was
    }
    process.kill(process.pid, 'SIGKILL');
  };
  const { rename } = fs.promises;
  fs.promises.rename = async (from, to) => {
    const isHere = String(to).includes(phase.at);
    if (isHere && phase.when === 'before') die();
    await rename(from, to);
    if (isHere && phase.when === 'after') die();
  };
  try {
    const opened = await cache.openCache(directory);
    const make = async ({ temp }: { temp: string }) => {
      fs.appendFileSync(`${home}/made ${key}`, `${process.pid}\n`);
      fs.writeFileSync(temp, `${key}, made by ${process.pid}`); // another content in each round
      if (phase.at === 'producer') die();
    };
    const { path } = await opened.fetch(key, make, { policy: 'always', mirror });
    return { path, text: fs.readFileSync(mirror, 'utf8') };
  } finally {
    fs.promises.rename = rename;
  }
};

describe(`of ${PROCESSES} processes under always, one that is killed -9`, () => {
  it.each(PHASES)(
    '%s leaves no torn entry, no stuck lock and no temp, and the others get what one of them made [K5]',
    { timeout: 3_600_000 },
    async (_where, phase) => {
      const home = memoryDirectory();
      const directory = join(home, 'cache');
      const cache = await openCache(directory);
      const partials = join(directory, 'partial');
      const agents: Agent[] = await Agent.several(home, PROCESSES);
      for (let round = 0; round < ROUNDS; round++) {
        const key = `key ${round}`;
        const textBy = (pid: string | number | undefined) => `${key}, made by ${pid}`;
        const mirrors = agents.map((agent) => join(home, `mirrors/${round}-${agent.pid}`));
        const calls = agents.map((agent, at) =>
          agent.run(fetching, directory, key, home, mirrors[at] as string, phase),
        );
        const ends = await within(Promise.allSettled(calls), 'all ends');
        const dead = ends.findIndex(({ status }) => status === 'rejected');
        const got = ends.flatMap((end) => (end.status === 'fulfilled' ? [end.value] : []));
        expect(got).toHaveLength(PROCESSES - 1);
        const victim = agents[dead] as Agent;
        expect((await victim.child.exits()).signal).toBe('SIGKILL');
        const makers = readFileSync(join(home, `made ${key}`), 'utf8')
          .split('\n')
          .filter(Boolean);
        expect(makers[0]).toBe(String(victim.pid));
        for (const { text } of got) expect(makers.map(textBy)).toContain(text);
        if (!phase.isPublished) expect(got.map(({ text }) => text)).not.toContain(textBy(victim.pid));
        expect(readdirSync(partials)).toEqual([]);
        const next = await cache.fetch(key, refuses);
        expect(readFileSync(next.path, 'utf8')).toBe(textBy(makers.at(-1)));
        if (existsSync(mirrors[dead] as string))
          expect(readFileSync(mirrors[dead] as string, 'utf8')).toBe(textBy(victim.pid));
        expect((await cache.verify()).bad).toEqual([]);
        await put(cache, key, 'made again');
        expect(readdirSync(partials)).toEqual([]);
        agents[dead] = await Agent.start({ home });
      }
    },
  );
});
