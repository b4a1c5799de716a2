import { printable } from '../errors/describe.ts';
import { type DocumentEvent, publishDocumentEvent } from './document-channel.ts';

/** Where it failed, it has a `failure`. */
interface Change {
  readonly failure?: unknown;
}

/**
 * Tells what kept the changes of a document from being written before the process exited. On the spot: `emitWarning` waits for
 * a tick that never comes.
 */
export function tellDropped(document: Omit<DocumentEvent, 'at'>, changes: readonly Change[]): void {
  const failed = changes.filter((change) => 'failure' in change).map(({ failure }) => failure);
  const reasons = failed.map((error) => printable(error instanceof Error ? error.message : String(error)));
  for (const reason of new Set(reasons)) {
    const count = reasons.filter((each) => each === reason).length;
    const many = count === 1 ? '1 change' : `${count} changes`;
    publishDocumentEvent('dropped', { ...document, detail: `${many}: ${reason}` });
    const message = `${many} of ${printable(document.path)} could not be written before the process exited: ${reason}`;
    const facts = { name: 'HoldfastWarning', code: 'HOLDFAST_DROPPED' };
    process.emit('warning', Object.assign(new Error(message), facts));
  }
}
