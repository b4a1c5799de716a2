import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { onTestFinished } from 'vitest';
import { within } from '../support/deadline.ts';

export const CONTENT = 'what the volume is for\n';

/** A provisioning that waits for its content: it is in the middle, and stays there. */
export interface Download {
  /** Sends the rest; the provisioning goes on. */
  serve(): void;
  /** Resolves when the other side hangs up. */
  readonly ended: Promise<unknown>;
}

/**
 * The server that the volumes' content comes from. It sends half of it and then keeps the download waiting, so that a
 * test can do what it likes in the middle of a provisioning, unless it is `open`.
 */
export class Content {
  readonly url: string;
  open = false;
  readonly #waiting: Download[] = [];
  #onDownload: () => void = () => {};

  private constructor(server: Server) {
    this.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    server.on('request', (_request, response) => this.#receive(response));
  }

  static async start(): Promise<Content> {
    const server = createServer().listen(0, '127.0.0.1');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    await once(server, 'listening');
    return new Content(server);
  }

  /** Resolves when the next provisioning has received half of its content. */
  async asked(): Promise<Download> {
    if (this.#waiting.length === 0) {
      const download = new Promise<void>((resolve) => {
        this.#onDownload = resolve;
      });
      await within(download, 'waiting for a download');
    }
    return this.#waiting.shift() as Download;
  }

  #receive(response: ServerResponse): void {
    if (this.open) {
      response.end(CONTENT);
      return;
    }
    const half = CONTENT.length / 2;
    response.write(CONTENT.slice(0, half));
    this.#waiting.push({
      serve: () => response.end(CONTENT.slice(half)),
      ended: within(once(response, 'close'), 'waiting for the end of a download'),
    });
    this.#onDownload();
  }
}
