import { Argument, type Command } from 'commander';
import { bash } from '../completion/bash.ts';
import { fish } from '../completion/fish.ts';
import { describeProgram } from '../completion/grammar.ts';
import { zsh } from '../completion/zsh.ts';
import { withGlobalOptions } from '../options.ts';
import { print } from '../output/text.ts';

const SHELLS = { bash, zsh, fish };

export function defineCompletion(program: Command): void {
  withGlobalOptions(program.command('completion'))
    .usage('bash|zsh|fish')
    .summary('print a completion script for a shell')
    .description('Print a script that completes commands, options and lock names in a shell.')
    .addArgument(new Argument('<shell>', 'the shell').choices(Object.keys(SHELLS)))
    .addHelpText(
      'after',
      `
Examples:
  bash   source <(holdfast completion bash)                     in ~/.bashrc
  zsh    source <(holdfast completion zsh)                      in ~/.zshrc, after compinit
  fish   holdfast completion fish > ~/.config/fish/completions/holdfast.fish`,
    )
    .action((shell: keyof typeof SHELLS) => void print(SHELLS[shell](describeProgram(program))));
}
