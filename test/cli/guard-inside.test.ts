import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { Latch } from '../support/latch.ts';
import { main } from './cli.ts';
import { Guarded } from './guarded.ts';

const RULES = `operations:
  save: { command: mirror save **, uses: mirror }
  verify: { command: mirror verify, uses: { mirror: shared } }
  install: { command: mirror install <name>, uses: { package-<name>: exclusive } }
  patient: { command: mirror patient, uses: mirror, policy: wait }
  outer: { command: mirror --in **, uses: mirror }
  reader: { command: reader --in **, uses: { mirror: shared } }
`;

/** The tool itself, which runs a script. */
const parentOf = (pid: number) =>
  Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

describe('a guarded command inside another', () => {
  const inner = (line: string, ...options: string[]) =>
    `${process.execPath} ${main} guard ${[...options, '--'].join(' ')} ${line}`;

  it('goes on under the locks that are held around it [A5]', async () => {
    const cli = new Guarded(RULES);
    for (const line of ['mirror save', 'mirror verify', 'mirror patient']) {
      expect(await cli.guard(`mirror --in ${inner(line)}`)).toMatchObject({
        code: 0,
        stderr: '',
        stdout: expect.stringContaining(`end ${line.replace('mirror ', '')}\n`),
      });
    }
  });

  it('keeps the lock when the guarded one around it ends, or is killed with its command [X1, A5]', async () => {
    for (const end of ['by itself', 'killed']) {
      const cli = new Guarded(`${RULES}  slow: { command: slow, uses: mirror }\n`);
      const go = new Latch(join(cli.home, 'go'));
      onTestFinished(() => go.open());
      cli.writeTool('bin/slow', `#!/bin/sh\necho working; : <'${go.path}'\n`);
      const script = `echo "command $$"; ${inner('slow')} & cat`;
      const outer = cli.start(['guard', '--', 'mirror', '--in', 'sh', '-c', script], { cwd: cli.project });
      const command = Number((await outer.line('command ')).slice(8));
      await outer.line('working');
      if (end === 'killed') {
        outer.signal('SIGKILL');
        process.kill(parentOf(command), 'SIGKILL');
        process.kill(command, 'SIGKILL');
      } else {
        outer.closeInput();
      }
      await outer.exited;

      expect((await cli.guard('mirror save')).code).toBe(75);
      const next = cli.begin('mirror patient');
      await next.says(/waiting for mirror/, 'stderr');
      go.open();
      expect((await next.exits()).stdout).toContain('end patient');
    }
  });

  it('is refused clearly when it needs exclusive what is held shared around it [R81, R82]', async () => {
    const cli = new Guarded(RULES);
    cli.writeTool('bin/reader', readFileSync(join(cli.home, 'bin/mirror'), 'utf8'));
    const { code, stderr } = await cli.guard(`reader --in ${inner('mirror save')}`);
    expect(code).toBe(125);
    expect(stderr).toMatch(
      /^holdfast: mirror is held shared by the holdfast run around this one \(pid \d+\), so taking it exclusive would wait for ever\. Let the operation around it use the resource exclusive/,
    );
  });

  it('takes its own locks when the variable speaks of a holder that is gone [C2]', async () => {
    const cli = new Guarded(RULES);
    const { stdout } = await cli.guard('mirror --in printenv HOLDFAST_HELD');
    cli.env.HOLDFAST_HELD = /^\[.*\]$/m.exec(stdout)?.[0];
    expect(cli.env.HOLDFAST_HELD).toContain('"pid"');
    await cli.busy('mirror save');
    expect((await cli.guard('mirror save')).code).toBe(75);
  });

  it('that waits for one who waits for us fails by name instead of waiting for ever [R81]', async () => {
    const cli = new Guarded(`operations:
  a: { command: mirror --in a **, uses: a }
  b: { command: mirror --in b **, uses: b }
  wait-a: { command: a-tool **, uses: a, policy: wait }
  wait-b: { command: b-tool **, uses: b, policy: wait }
`);
    const tool = (own: string, other: string) =>
      `#!/bin/sh\necho "holds ${own}"; read go; exec ${inner(`${other}-tool`)}\n`;
    cli.writeTool('bin/a', tool('a', 'b'));
    cli.writeTool('bin/b', tool('b', 'a'));
    for (const name of ['a-tool', 'b-tool']) cli.writeTool(`bin/${name}`, '#!/bin/sh\necho ran\n');
    const first = cli.begin('mirror --in a');
    const second = cli.begin('mirror --in b');
    await first.says(/holds a/);
    await second.says(/holds b/);
    first.say('go');
    await first.says(/waiting for b/, 'stderr');
    second.say('go');
    const ended = await second.exits();
    expect(ended).toMatchObject({ code: 125, stdout: expect.not.stringContaining('ran') });
    expect(ended.stderr).toMatch(
      /Waiting for a would never end: .* holds b and waits for a; .* holds a and waits for b/,
    );
    expect(await first.exits()).toMatchObject({ code: 0, stdout: expect.stringContaining('ran') });
  });
});

describe('arguments and output that are no UTF-8', () => {
  it('reach the command, and come from it, byte for byte', async () => {
    const cli = new Guarded(RULES);
    cli.writeTool(
      'bin/mirror',
      '#!/bin/sh\nprintf "%s|" "$@" | od -An -tx1 | tr -d " \\n"\nprintf "\\377\\0\\376"\n',
    );
    const script = `lines=$(printf '\\351\\n\\nend'); exec '${process.execPath}' '${main}' guard -- mirror save "$(printf 'caf\\351\\n%%x')" plain "\${lines%end}" "$(printf '\\377')"`;
    const child = cli.program('sh', ['-c', script], { cwd: cli.project, encoding: 'latin1' });
    const { stdout, ...ending } = await child.exits();
    expect(ending).toMatchObject({ code: 0, stderr: '' });
    const hex = (text: string) => Buffer.from(text, 'latin1').toString('hex');
    const output = Buffer.from(stdout, 'latin1');
    expect(output.subarray(0, -3).toString()).toBe(hex('save|caf\xe9\n%x|plain|\xe9\n\n|\xff|'));
    expect(output.subarray(-3)).toEqual(Buffer.from([0xff, 0x00, 0xfe]));
  });

  it('lock the same thing when they are the same [A2]', async () => {
    const cli = new Guarded(RULES);
    const script = (rest: string) =>
      `exec '${process.execPath}' '${main}' guard -- mirror install "$(printf 'caf\\351')" ${rest}`;
    const options = { cwd: cli.project };
    const holder = cli.program('sh', ['-c', script('--hold')], options);
    await holder.says(/start/);
    const { code, stderr } = await cli.program('sh', ['-c', script('')], options).exits();
    expect(code).toBe(75);
    expect(stderr).toContain('package-caf\ufffd is held by');
    await holder.finish();
  });
});
