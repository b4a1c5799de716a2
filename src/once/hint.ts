import { shellWord } from '../errors/describe.ts';
import { type Place, projectHere } from './scope.ts';

const SUBCOMMANDS = ['ls', 'history', 'clean'];

/** A command line about a key that means the same key, such as `holdfast once --scope user --peek build`. */
export function onceCommand(
  flags: string,
  key: string,
  { project, directory }: Pick<Place, 'project' | 'directory'>,
): string {
  const where = [
    ...(directory === null ? [] : ['--directory', shellWord(directory)]),
    ...(project === projectHere() ? [] : [`--scope ${project === null ? 'user' : 'project'}`]),
  ];
  const id = key.startsWith('-') || SUBCOMMANDS.includes(key) ? `--id=${shellWord(key)}` : shellWord(key);
  return ['holdfast once', ...where, flags, id].join(' ');
}
