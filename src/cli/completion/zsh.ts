import type { Grammar, OptionWord } from './grammar.ts';

/** Completion for zsh; needs compinit. After `--`, the command itself is completed. */
export function zsh({ options, commands }: Grammar): string {
  const list = commands.map(({ name, summary }) => `    ${quoted(`${name}:${summary}`)}`);
  const cases = commands.map(({ name, options: own, operands, runsCommand }) => {
    const specs = own.flatMap(specsOf);
    if (runsCommand)
      specs.push(quoted(`*::words:_holdfast_${operands === 'locks' ? 'names_then_' : ''}command`));
    else if (operands === 'locks') specs.push(quoted('*:lock:_holdfast_locks'));
    else if (operands === 'directories') specs.push(quoted('*:directory:_directories'));
    else if (operands !== 'none') specs.push(quoted(`1:shell:(${operands.join(' ')})`));
    return `    ${name})\n      _arguments -s -S \\\n        ${specs.join(' \\\n        ')} ;;`;
  });
  return `#compdef holdfast
_holdfast_locks() {
  local -a names
  names=(\${(f)"$(holdfast ls --names $holdfast_directory 2>/dev/null)"})
  compadd -a names
  [[ $PREFIX == */* ]] && _files
}
_holdfast_command() {
  local at=\${words[(i)--]}
  ((at < CURRENT)) || return 1
  shift at words
  ((CURRENT -= at))
  _normal
}
_holdfast_names_then_command() {
  ((\${words[(i)--]} < CURRENT)) && _holdfast_command || _holdfast_locks
}
_holdfast() {
  local curcontext=$curcontext state line
  local -a holdfast_directory commands
  local -i at
  at=\${words[(i)--directory]}
  ((at < CURRENT)) && holdfast_directory=(--directory \${words[at + 1]})
  ((\${words[(Ie)--system]})) && holdfast_directory=(--system)
  commands=(
${list.join('\n')}
  )
  _arguments -C \\
    ${options.flatMap(specsOf).join(' \\\n    ')} \\
    '1: :->command' '*:: :->rest'
  case $state in
    command) _describe command commands ;;
    rest) case $line[1] in
${cases.join('\n')}
    esac ;;
  esac
}
compdef _holdfast holdfast`;
}

function specsOf({ short, long, description, value }: OptionWord): string[] {
  const text = description.replace(/[[\]:]/g, '\\$&');
  const rest = value === 'none' ? '' : value === 'directory' ? ':directory:_directories' : ':value: ';
  const names = short === undefined ? [long] : [short, long];
  return names.map((name) => quoted(`${name}[${text}]${rest}`));
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
