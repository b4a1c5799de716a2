/** Fails the test where it could not do what it has to. @param does in words that follow "These tests" */
export function needsRoot(does = 'change users'): void {
  if (process.getuid?.() !== 0) throw new Error(`These tests ${does}, so they must run as root.`);
}
