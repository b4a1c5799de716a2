import type { Readable } from 'node:stream';
import { Fault, faultOf } from './fault.ts';
import type { StallWatch } from './stall.ts';

/** Bytes that are taken from the connection while earlier ones are still being written. */
const AHEAD = 1024 * 1024;

/**
 * The body of an answer. All that came before an error is there before the error is: a stream that is read in the usual
 * way drops what nobody has read yet. Make it as soon as the answer is there.
 */
export class Body {
  readonly #stream: Readable;
  #waiting: Buffer[] = [];
  #ahead = 0;
  #end: { readonly error?: unknown } | undefined;
  #wake = () => {};

  constructor(stream: Readable) {
    this.#stream = stream;
    stream
      .on('data', (chunk: Buffer) => {
        this.#waiting.push(chunk);
        this.#ahead += chunk.length;
        if (this.#ahead >= AHEAD) stream.pause();
        this.#wake();
      })
      .on('end', () => this.#ended({}))
      .on('error', (error) => this.#ended({ error }))
      .on('close', () => this.#ended({ error: new Fault('the body was closed', { nature: 'passing' }) }));
  }

  /** Lets the connection go, if it is not through. */
  discard(): void {
    this.#stream.destroy();
  }

  /**
   * The bytes as they come, never more than so many.
   *
   * @throws {Fault} when they end too early, stall, or break off.
   */
  async *bytes(length: number | undefined, watch: StallWatch): AsyncGenerator<Buffer> {
    let count = 0;
    for (;;) {
      if (this.#waiting.length === 0) {
        if (this.#end !== undefined) break;
        await this.#more(watch);
      }
      const chunks = this.#waiting;
      this.#waiting = [];
      this.#ahead = 0;
      for (const chunk of chunks) {
        count += chunk.length;
        if (count > (length ?? count)) throw new Fault('more came than was announced', { nature: 'once' });
        yield chunk;
      }
    }
    if (this.#end?.error !== undefined) throw faultOf(this.#end.error);
    if (length !== undefined && count < length) {
      const problem = `the body ended after ${count} of ${length} bytes`;
      throw new Fault(problem, { nature: 'passing', isIncomplete: true });
    }
  }

  async #more(watch: StallWatch): Promise<void> {
    const came = new Promise<void>((resolve) => {
      this.#wake = resolve;
    });
    watch.waits();
    this.#stream.resume();
    await came;
    watch.got();
  }

  #ended(end: { readonly error?: unknown }): void {
    this.#end ??= end;
    this.#wake();
  }
}
