/** The first line of every claim file of the portable engine; how the kernel engine knows that it is not its own file. */
export const CLAIM_SIGNATURE = 'holdfast-claim 1\n';

/** How the lock files of the kernel engine begin, in every version. */
export const KERNEL_SIGNATURE = 'holdfast-lock ';

/** The file inside a claim directory that carries the signature. */
export const CLAIM_FILE = 'claim';

/** Where those who share a portable lock leave their claims; it exists only while somebody may share it. */
export function readersDirectory(lockPath: string): string {
  return `${lockPath}.queue/readers`;
}
