/** What the system answers when descriptors or memory are used up, which says nothing about the file that was asked for. */
const EXHAUSTION: readonly string[] = ['EMFILE', 'ENFILE', 'ENOMEM'];

export function isExhaustion(code: string): boolean {
  return EXHAUSTION.includes(code);
}
