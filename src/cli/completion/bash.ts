import { type Grammar, spellings, valueOptions } from './grammar.ts';

/** Completion for bash, without the bash-completion package. After `--`, the command itself is completed. */
export function bash({ options, commands }: Grammar): string {
  const takesValue = new Set(
    [options, ...commands.map((each) => each.options)].flatMap((each) => valueOptions(each)),
  );
  const cases = commands.map(({ name, options: own, operands }) => {
    const given = typeof operands === 'string' ? [] : operands;
    const words =
      operands === 'locks' || operands === 'directories' ? operands : [`words`, ...given].join(' ');
    return `    ${name}) options='${spellings(own).join(' ')}'; operands='${words}' ;;`;
  });
  return `# bash completion for holdfast
_holdfast() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD - 1]}
  local command='' directory=() options operands i word
  COMPREPLY=()
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    case $word in
      --)
        if [[ $command == @(${commands
          .filter(({ runsCommand }) => runsCommand)
          .map(({ name }) => name)
          .join('|')}) ]]; then
          if ((COMP_CWORD == i + 1)); then COMPREPLY=($(compgen -c -- "$current")); else COMPREPLY=($(compgen -f -- "$current")); fi
          return
        fi
        ;;
      --directory) directory=(--directory "\${COMP_WORDS[i + 1]}"); ((i++)) ;;
      --system) directory=(--system) ;;
      ${[...takesValue].filter((each) => each !== '--directory').join('|')}) ((i++)) ;;
      -*) ;;
      *) [[ -z $command ]] && command=$word ;;
    esac
  done
  case $previous in
    --directory|--cache) COMPREPLY=($(compgen -d -- "$current")); return ;;
    ${[...takesValue].filter((each) => !['--directory', '--cache'].includes(each)).join('|')}) return ;;
  esac
  case $command in
${cases.join('\n')}
    *) options='${spellings(options).join(' ')}'; operands='words ${commands.map(({ name }) => name).join(' ')}' ;;
  esac
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif [[ $current == */* && $operands == locks ]]; then
    COMPREPLY=($(compgen -f -- "$current"))
  elif [[ $operands == directories ]]; then
    COMPREPLY=($(compgen -d -- "$current"))
  elif [[ $operands == locks ]]; then
    local IFS=$'\\n'
    COMPREPLY=($(holdfast ls --names "\${directory[@]}" 2>/dev/null | while IFS= read -r word; do
      [[ $word == "$current"* ]] && printf '%q\\n' "$word"
    done))
  else
    COMPREPLY=($(compgen -W "\${operands#words}" -- "$current"))
  fi
}
complete -F _holdfast holdfast`;
}
