import type { OpenPipe } from './pipe.ts';

/** For systems where a connection of two sockets can be opened by name, or nothing can. */
export const noPipe: OpenPipe = () => undefined;
