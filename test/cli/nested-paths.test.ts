import { linkSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { bindMount } from '../support/disk.ts';
import { holdfast, LATER, Nest, WORK } from './nest.ts';

/** How the command finds the lock j by another path: what goes before the words of its own run, and its directory. */
interface Way {
  readonly through?: string;
  readonly home: string;
}

const mounted = ({ cli }: Nest): Way => {
  const home = join(cli.home, 'mount');
  bindMount(cli.home, home);
  return { home };
};
const linked = ({ cli }: Nest): Way => {
  symlinkSync(cli.home, join(cli.home, 'link'));
  return { home: join(cli.home, 'link') };
};
/** The path of the outer one leads to nothing there. */
const inNamespace = ({ cli }: Nest): Way => {
  const home = join(cli.home, 'elsewhere');
  mkdirSync(home);
  const locks = join(cli.home, 'locks');
  mkdirSync(locks);
  const mounts = `mount --bind "${cli.home}" "${home}" && mount -t tmpfs none "${locks}" && exec "$@"`;
  return { through: `unshare --mount sh -c '${mounts}' sh`, home };
};
const ways = { 'a bind mount': mounted, 'a symbolic link': linked, 'a mount namespace': inNamespace };

const cases = Object.entries(ways).flatMap(([name, way]) =>
  ['', '-s', '--permits 2'].flatMap((mode) =>
    ['kernel', 'portable'].map((engine) => ({ name, way, mode, engine })),
  ),
);

it.each(cases)(
  'a run inside a run holds the same lock by another path, and keeps it when the outer one ends: by $name, $mode $engine [X1, H19]',
  async ({ way, mode, engine }) => {
    const nest = new Nest();
    const { through = '', home } = way(nest);
    const inner = `env HOLDFAST_HOME="${home}" ${holdfast} run ${mode} j -- sh -c ${WORK}`;
    const outer = nest.outer(`${mode} --engine ${engine} j`.trim(), `${through} ${inner}`);
    await outer.line('working');
    outer.closeInput();
    await outer.exited;

    await nest.isBusy();
    await nest.letGo();
    expect((await nest.who()).state).toBe('free');
  },
);

it.each(['kernel', 'portable'])(
  'runs inside a run exclude each other though they come by different paths, under the %s engine [X2, H19]',
  async (engine) => {
    const nest = new Nest();
    const { home } = mounted(nest);
    const second = `HOLDFAST_HOME="${home}" ${holdfast} run -n j -- echo SECOND; echo "code $?"`;
    const inner = `${holdfast} run j -- ${holdfast} run j -- sh -c ${WORK} & (${LATER}; ${second})`;
    const outer = nest.outer(`--engine ${engine} j`, inner);
    await outer.line('working');
    nest.begin();
    expect(await outer.line('code ')).toBe('code 75');
    nest.go();
    expect((await outer.finish()).stdout).not.toContain('SECOND');
  },
);

it('a run inside a run does not wait for it by a second name of its lock file [X1, H19]', async () => {
  const { cli } = new Nest();
  const [file, other] = [join(cli.home, 'file'), join(cli.home, 'other')];
  await cli.run(['run', file, '--', 'true']);
  linkSync(join(cli.home, '.file.lock'), join(cli.home, '.other.lock'));

  const { code, stdout } = await cli.run([
    'run',
    file,
    '--',
    'sh',
    '-c',
    `${holdfast} run "${other}" -- echo inner`,
  ]);

  expect({ code, stdout }).toEqual({ code: 0, stdout: 'inner\n' });
});

it('a lock that is asked for by two paths at once is taken once [H19]', async () => {
  const { cli } = new Nest();
  const [data, mount] = [join(cli.home, 'data'), join(cli.home, 'mount')];
  mkdirSync(data);
  bindMount(data, mount);

  const { code, stdout } = await cli.run([
    'run',
    join(data, 'file'),
    join(mount, 'file'),
    '--',
    'echo',
    'both',
  ]);

  expect({ code, stdout }).toEqual({ code: 0, stdout: 'both\n' });
});
