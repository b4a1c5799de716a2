import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Child } from '../support/child.ts';
import { Cli } from './cli.ts';

/**
 * A tool that says when it starts and ends, with its arguments; with `--hold` it ends when its input does. `--in` runs
 * the rest of its arguments in between.
 */
const TOOL = `#!/bin/sh
echo "start $*"
case $1 in
  --in) shift; "$@" || exit ;;
  *) case " $* " in *" --hold "*) cat >/dev/null ;; esac ;;
esac
echo "end $*"
`;

/** A project with rules and a tool called `mirror`, and the command line in it. */
export class Guarded extends Cli {
  constructor(rules: string) {
    super();
    this.writeTool('bin/mirror', TOOL);
    this.write('project/holdfast.yaml', rules);
    this.env.PATH = `${join(this.home, 'bin')}${delimiter}${process.env.PATH}`;
    this.env.XDG_CONFIG_HOME = join(this.home, 'config');
  }

  get project(): string {
    return join(this.home, 'project');
  }

  write(name: string, text: string | Buffer): string {
    const path = join(this.home, name);
    mkdirSync(join(path, '..'), { recursive: true });
    writeFileSync(path, text);
    return path;
  }

  writeTool(name: string, text: string): void {
    chmodSync(this.write(name, text), 0o755);
  }

  /** Runs the tool under the rules, to its end. */
  guard(line: string, ...options: readonly string[]) {
    return this.run(['guard', ...options, '--', ...line.split(' ')], { cwd: this.project });
  }

  /** Starts the tool under the rules; it may wait. */
  begin(line: string, ...options: readonly string[]): Child {
    return this.start(['guard', ...options, '--', ...line.split(' ')], { cwd: this.project });
  }

  /** The tool at work under the rules, until its input is closed. */
  async busy(line: string, ...options: readonly string[]): Promise<Child> {
    const running = this.begin(`${line} --hold`, ...options);
    await running.says(/^start /);
    return running;
  }
}
