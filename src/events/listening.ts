import type { Channel } from 'node:diagnostics_channel';
import { InputError, shown } from '../errors/input-error.ts';

/**
 * Listens on the channel of one event; returns the function that stops it.
 *
 * @throws {InputError} there is no event of that name, or the listener is no function.
 */
export function listenOn<E>(
  channels: Readonly<Record<string, Channel>>,
  name: string,
  listener: (event: E) => void,
): () => void {
  const channel = Object.hasOwn(channels, name) ? channels[name] : undefined;
  if (channel === undefined) {
    const known = Object.keys(channels).join(', ');
    throw new InputError('name', `must be the name of an event, got ${shown(name)}; there are ${known}`);
  }
  if (typeof listener !== 'function') {
    throw new InputError('listener', `must be a function, got ${shown(listener)}`);
  }
  const receive = (message: unknown) => listener(message as E);
  channel.subscribe(receive);
  return () => {
    channel.unsubscribe(receive);
  };
}
