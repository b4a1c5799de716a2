/** In the order of the help. */
export const COMMAND_NAMES = [
  'run',
  'once',
  'guard',
  'fetch',
  'cache',
  'doc',
  'rules',
  'ls',
  'who',
  'top',
  'wait',
  'break',
  'clean',
  'log',
  'doctor',
  'completion',
] as const;

export type CommandName = (typeof COMMAND_NAMES)[number];

export function isCommand(word: string): word is CommandName {
  return (COMMAND_NAMES as readonly string[]).includes(word);
}
