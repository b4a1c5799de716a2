import {
  closeSync,
  fchmodSync,
  openSync,
  readFileSync,
  realpathSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { systemCode } from '../../errors/base.ts';
import { printable, shellWord } from '../../errors/describe.ts';
import { InputError, shown } from '../../errors/input-error.ts';
import { loadRules } from '../../rules/load.ts';
import type { PlainWord } from '../../rules/pattern.ts';
import type { Rules } from '../../rules/rules.ts';
import { makeDirectory } from '../../storage/directory.ts';
import { CliError } from '../cli-error.ts';
import { exitCodes } from '../exit-codes.ts';
import { printJson } from '../output/json.ts';
import { print } from '../output/text.ts';
import { type GuardOptions, rulesFiles } from './options.ts';
import { SIGNATURE } from './signature.ts';
import type { Wrapper } from './wrapper.ts';

/** `holdfast guard --shim DIR`: writes wrappers by which a tool's own name applies the rules. */
export async function writeShims(
  directory: string,
  tools: readonly string[],
  options: GuardOptions,
): Promise<void> {
  const files = rulesFiles(options);
  const wanted = tools.length > 0 ? tools : toolsIn(await loadRules(files));
  if (wanted.length === 0) {
    throw new CliError(
      exitCodes.failure,
      'HOLDFAST_RULES',
      'no operation names a command to write a wrapper for; name them after --shim DIR',
    );
  }
  for (const tool of wanted) checkName(tool);
  const target = resolve(directory);
  const shims = wanted.flatMap((tool) => [
    { path: join(target, tool), text: posix(tool, target, files) },
    { path: join(target, `${tool}.cmd`), text: windows(tool, files) },
  ]);
  for (const { path } of shims) checkReplaceable(path);
  try {
    makeDirectory(target, 'as its parent');
    for (const { path, text } of shims) publish(path, text);
  } catch (error) {
    const code = systemCode(error) ?? String(error);
    throw new CliError(
      exitCodes.failure,
      'HOLDFAST_UNWRITABLE',
      `wrappers cannot be written to ${printable(target)} (${code}); choose a directory that can be made, or written to`,
    );
  }
  if (options.json === true) printJson({ directory: target, tools: wanted });
  else {
    print(`${wanted.map(printable).join(', ')}: wrapped in ${printable(target)}. Put it first in PATH:`);
    print(`  export PATH=${shellWord(printable(target))}:"$PATH"`);
  }
}

/** The commands that the rules name literally; one given by its path, or by a wildcard, cannot be wrapped. */
function toolsIn({ operations }: Rules): string[] {
  const names = operations.flatMap(({ patterns }) => patterns.flatMap(({ tool }) => spellings(tool)));
  return [...new Set(names)].filter((name) => !name.includes('/'));
}

function spellings({ parts }: PlainWord): string[] {
  let names = [''];
  for (const part of parts) {
    const more = part.kind === 'text' ? [part.text] : part.kind === 'choice' ? part.choices : [];
    names = names.flatMap((name) => more.map((each) => name + each));
  }
  return names;
}

function checkName(tool: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no file of a command should have one in its name
  if (tool !== '' && !/[/\\\u0000-\u001f"%]/.test(tool) && tool !== '.' && tool !== '..') return;
  throw new InputError('TOOL', `must be the plain name of a command, got ${shown(tool)}`);
}

function checkReplaceable(path: string): void {
  let text: string;
  try {
    text = statSync(path).isFile() ? readFileSync(path, 'utf8') : ''; // nobody waits at a FIFO
  } catch (error) {
    if (systemCode(error) === 'ENOENT' || systemCode(error) === 'ENOTDIR') return;
    throw new CliError(
      exitCodes.failure,
      'HOLDFAST_UNREADABLE',
      `${printable(path)} cannot be read (${systemCode(error)}); nothing was written`,
    );
  }
  if (text.includes(SIGNATURE)) return;
  throw new CliError(
    exitCodes.failure,
    'HOLDFAST_LEFT_ALONE',
    `${printable(path)} is no wrapper of holdfast and is left as it is; nothing was written. Choose a directory of its own`,
  );
}

/** Whole or not at all: somebody may be starting the old one. */
function publish(path: string, text: string): void {
  const temporary = `${path}.${process.pid}.new`;
  const fd = openSync(temporary, 'wx');
  try {
    writeFileSync(fd, text);
    fchmodSync(fd, 0o755); // of this very file, whatever the umask
  } finally {
    closeSync(fd);
  }
  renameSync(temporary, path);
}

/** What the system reads of a first line at least; what is beyond it is lost without a word. */
const FIRST_LINE = 127;

/**
 * No shell where the system can do without: it would drop variables whose names it could not write itself, such as exported
 * functions, and add some of its own.
 */
function posix(tool: string, directory: string, files: readonly string[]): string {
  const line = `#!${process.execPath} ${join(dirname(program()), 'shim.js')}`;
  const isReadable = line.length <= FIRST_LINE && line.split(' ').length === 2 && !/[\t\n]/.test(line);
  return isReadable ? script(line, { tool, directory, files }) : shell(tool, directory, files);
}

function script(line: string, wrapper: Wrapper): string {
  return `${line}
# ${SIGNATURE}
# Runs the next ${shellWord(wrapper.tool)} in PATH under the rules of the files below. Write it anew after they, or holdfast, have moved.
${JSON.stringify(wrapper)}
`;
}

function shell(tool: string, directory: string, files: readonly string[]): string {
  const rules = files.map((file) => ` --rules ${shellWord(file)}`).join('');
  return `#!/bin/sh
# ${SIGNATURE}
# Runs the next ${shellWord(tool)} in PATH under the rules of the files below. Write it anew after they, or holdfast, have moved.
exec ${shellWord(process.execPath)} ${shellWord(program())} guard${rules} --behind ${shellWord(directory)} -- ${shellWord(tool)} "$@"
`;
}

function windows(tool: string, files: readonly string[]): string {
  const word = (text: string) => `"${text.replaceAll('%', '%%')}"`;
  const rules = files.map((file) => ` --rules ${word(file)}`).join('');
  const lines = [
    '@echo off',
    `rem ${SIGNATURE}`,
    `${word(process.execPath)} ${word(program())} guard${rules} --behind "%~dp0." -- ${tool} %*`,
    '',
  ];
  return lines.join('\r\n');
}

/** This very program, by the path that stays when a link to it goes. */
function program(): string {
  return realpathSync(process.argv[1] ?? '');
}
