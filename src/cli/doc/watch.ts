import { openDocument } from '../../document/open.ts';
import { clock, printable } from '../../errors/describe.ts';
import { Date } from '../../time/time.ts';
import { note, print } from '../output/text.ts';
import { whenUnread } from '../output/unread.ts';
import { differences, differenceText } from './differences.ts';
import { readDocument } from './read.ts';
import { exactJson } from './values.ts';

/**
 * `holdfast doc watch`: tells what changes in a document, place by place, until nobody reads that any more. Never writes.
 *
 * @throws {MissingDocumentError | DamagedError | UnreadableError} when it begins.
 */
export async function watchDocument(file: string, { json }: { readonly json?: true }): Promise<void> {
  let before = await readDocument(file);
  const document = await openDocument<unknown>(file, { readOnly: true });
  let stop: (() => void) | undefined;
  await new Promise<void>((resolve) => {
    stop = whenUnread(resolve); // the document itself keeps no process alive
    const say = (event: string, facts: object, lines: readonly string[]) => {
      const at = new Date();
      const isRead =
        json === true
          ? print(exactJson({ at: at.toISOString(), event, ...facts }))
          : lines.every((line) => print(`${clock(at)}  ${printable(line)}`));
      if (!isRead) resolve();
    };
    /** The exact values, which the document does not show; one after the other, and each against the one before it. */
    const compare = async () => {
      const after = await readDocument(file);
      const changes = differences(before, after);
      before = after;
      if (changes.length > 0) say('changed', { changes }, changes.map(differenceText));
    };
    let comparing = Promise.resolve();
    document.on('external', () => {
      comparing = comparing.then(compare).catch(() => {}); // gone, or damaged, by now: that is told by itself
    });
    document.on('missing', () => say('missing', {}, ['the file is gone']));
    document.on('damaged', ({ message }) => say('damaged', { message }, [message]));
    document.on('restored', () => say('restored', {}, ['the document is whole again']));
    document.on('degraded', ({ reason, detail }) => say('degraded', { reason, detail }, [detail]));
    if (json !== true) note(`watching ${printable(file)}; Ctrl-C ends it`);
    else say('watching', { file }, []);
    comparing = comparing.then(compare).catch(() => {}); // what came between the two first looks
  });
  stop?.();
  await document.close();
}
