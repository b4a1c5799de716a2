import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Wrapper } from './guard/wrapper.ts';

// The interpreter of wrappers: the system starts it with the wrapper's path and the tool's arguments.
const [node = '', self = '', wrapper = '', ...args] = process.argv;
const last = readFileSync(wrapper, 'utf8').trimEnd().split('\n').at(-1) ?? '';
const { tool, directory, files } = JSON.parse(last) as Wrapper;
const rules = files.flatMap((file) => ['--rules', file]);
const main = join(dirname(self), 'main.js');
process.argv = [node, main, 'guard', ...rules, '--behind', directory, '--', tool, ...args];
void import('./main.ts');
