import type { Grammar, OptionWord } from './grammar.ts';

const DYNAMIC = { locks: '(__holdfast_locks)', directories: '(__fish_complete_directories)', none: '' };

/** Completion for fish. After `--`, the command itself is completed. */
export function fish({ options, commands }: Grammar): string {
  const names = commands.map(({ name }) => name).join(' ');
  const lines = commands.flatMap(({ name, summary, options: own, operands }) => {
    const here = `'__fish_seen_subcommand_from ${name}; and not __holdfast_in_command'`;
    const words = typeof operands === 'string' ? DYNAMIC[operands] : operands.join(' ');
    return [
      `complete -c holdfast -n __holdfast_needs_command -a ${name} -d ${quoted(summary)}`,
      ...(words === '' ? [] : [`complete -c holdfast -n ${here} -a ${quoted(words)}`]),
      ...own.map((option) => `complete -c holdfast -n ${here} ${flags(option)}`),
    ];
  });
  return `# fish completion for holdfast
function __holdfast_needs_command
    not __fish_seen_subcommand_from ${names}
end
function __holdfast_in_command
    contains -- -- (commandline -opc)
end
function __holdfast_locks
    set -l words (commandline -opc)
    set -l at (contains -i -- --directory $words)
    if test -n "$at"
        holdfast ls --names --directory $words[(math $at + 1)] 2>/dev/null
    else if contains -- --system $words
        holdfast ls --names --system 2>/dev/null
    else
        holdfast ls --names 2>/dev/null
    end
end
complete -c holdfast -f
complete -c holdfast -n __holdfast_in_command -a '(__fish_complete_subcommand --fcs-skip=(contains -i -- -- (commandline -opc)))'
${options.map((option) => `complete -c holdfast -n __holdfast_needs_command ${flags(option)}`).join('\n')}
${lines.join('\n')}`;
}

function flags({ short, long, description, value }: OptionWord): string {
  const spelling = `${short === undefined ? '' : `-s ${short.slice(1)} `}-l ${long.slice(2)}`;
  const rest =
    value === 'none' ? '' : value === 'directory' ? ` -x -a '(__fish_complete_directories)'` : ' -x';
  return `${spelling}${rest} -d ${quoted(description)}`;
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
}
