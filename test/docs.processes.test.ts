import { existsSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { LockManager } from 'holdfast';
import ts from 'typescript';
import { describe, expect, it, onTestFinished } from 'vitest';
import { main } from './cli/cli.ts';
import { blocks, ownDocuments, read, root, table } from './documents.ts';
import { Child } from './support/child.ts';
import { tempDirectory } from './support/temp.ts';
import { tool } from './support/tool.ts';

/** A directory of its own from which `holdfast` can be imported. */
function project(): { cwd: string; env: NodeJS.ProcessEnv } {
  const cwd = tempDirectory();
  mkdirSync(join(cwd, 'node_modules'));
  symlinkSync(root, join(cwd, 'node_modules/holdfast'), 'dir');
  writeFileSync(join(cwd, 'package.json'), '{"type":"module"}');
  return { cwd, env: { HOLDFAST_HOME: join(cwd, 'home'), HOLDFAST_AUDIT: 'on' } };
}

/** The host that programs in the documentation download from. */
const HOST = 'https://data.example';

/** A server of this machine in its place. */
async function standIn(): Promise<string> {
  const server = createServer((_, response) => void response.end('what was asked for'));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

describe('the programs in the documentation', () => {
  const programs = ownDocuments.flatMap((path) =>
    blocks(read(path))
      .filter(({ language }) => language === 'ts' || language === 'js')
      .map((block) => ({ where: `${path}:${block.line}`, ...block })),
  );

  it.each(programs)('run as they are printed, and end well: $where', async ({ text }) => {
    const { cwd, env } = project();
    const own = text.includes(HOST) ? text.replaceAll(HOST, await standIn()) : text;
    const compilerOptions = { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext };
    writeFileSync(join(cwd, 'example.js'), ts.transpileModule(own, { compilerOptions }).outputText);

    const child = new Child(process.execPath, ['example.js'], { cwd, env });

    expect(await child.exits()).toMatchObject({
      code: 0,
      stderr: '',
    });
    expect(new LockManager({ directory: join(cwd, 'home/locks') }).query().held).toEqual([]);
  });
});

describe('the README', () => {
  const readme = read('README.md');

  it('starts with a command that works as it stands', () => {
    const line = 'npm install && npx holdfast run backup -- tar czf docs.tgz docs';
    expect(blocks(readme)[0]?.text.trim()).toBe(line);
    const { cwd, env } = project();
    symlinkSync(join(root, 'docs'), join(cwd, 'docs'));
    const [, args = ''] = line.split('npx holdfast ');

    tool(process.execPath, [main, ...args.split(' ')], { cwd, env });

    expect(existsSync(join(cwd, 'docs.tgz'))).toBe(true);
    expect(blocks(readme)[1]?.text.trim()).toBe('npm install && npm test');
  });

  it('shows what a busy lock looks like, word for word [A4]', async () => {
    const [, shown, code] =
      /^\$ holdfast run --no-wait.*\n(holdfast: .*)\n\$ echo \$\?\n(\d+)$/m.exec(readme) ?? [];
    const { cwd, env } = project();
    const hold = ['run', '--purpose', 'nightly save', 'mirror', '--', 'sh', '-c', 'echo held; cat'];
    const holder = new Child(process.execPath, [main, ...hold], { cwd, env });
    await holder.line('held');

    const other = new Child(process.execPath, [main, 'run', '--no-wait', 'mirror', '--', 'true'], {
      cwd,
      env,
    });
    const { code: exitCode, stderr } = await other.exits();

    expect(exitCode).toBe(Number(code));
    expect(anyHolder(stderr.trim())).toBe(anyHolder(shown ?? ''));
    await holder.finish();
  });
});

it.each([
  ['README.md', 'Exit codes of `holdfast`'],
  ['docs/cli.md', 'Exit codes'],
])('the table of exit codes in %s is the one that --help prints', (path, heading) => {
  const help = tool(process.execPath, [main, '--help']);
  const printed = help
    .split('Exit codes:\n')[1]
    ?.trimEnd()
    .replace(/\n {11}/g, ' ')
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));
  expect(table(read(path), heading)).toEqual(printed);
});

/** A message with everything in it that differs from one holder to the next made the same. */
function anyHolder(message: string): string {
  return message
    .replace(/pid \d+/g, 'pid 1')
    .replace(/user \w+/, 'user me')
    .replace(/since .*?\)/, 'since then)')
    .replace(/Lock: .*\//, 'Lock: /');
}
