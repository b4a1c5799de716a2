import { createHash, type Hash } from 'node:crypto';
import type { PartialFile } from '../content/partial/partial-file.ts';
import {
  conditionsFor,
  NOT_MODIFIED,
  type NotModified,
  readValidators,
  strongValidator,
  type Validators,
} from '../content/validators.ts';
import { NoSpaceError } from '../errors/content-errors.ts';
import { bytes } from '../errors/describe.ts';
import { given } from '../lock/known-options.ts';
import { type Asked, encodingOf, header, judge, type Verdict, validatorsOf } from './answer.ts';
import type { Client } from './client.ts';
import { DECODABLE, decoded, matchesDecoded } from './encoding.ts';
import { type Answer, exchange } from './exchange.ts';
import type { Expected } from './expected.ts';
import { Fault, mismatch } from './fault.ts';
import type { Settings } from './options.ts';
import { type Clock, delayAfter } from './pause.ts';
import type { DownloadContext, Downloaded, Entry } from './producer.ts';
import { fingerprintOf, redacted } from './redact.ts';
import { unsigned } from './signature.ts';
import { StallWatch } from './stall.ts';

export interface Job {
  readonly settings: Settings;
  readonly context: DownloadContext;
  readonly expected: Expected;
  readonly clock: Clock;
}

/**
 * The download from one address, with as many requests as it takes.
 *
 * Bytes that are there are gone on with only where nothing else can be meant: they came from this address, and the
 * server is asked for the rest of that very version (`If-Range` with a strong validator); or there is an integrity that
 * will tell. They are dropped when an answer shows that they are of no use, and not before.
 */
export class Address {
  readonly url: string;
  /** How many requests were made. */
  requests = 0;
  readonly #url: URL;
  readonly #job: Job;
  readonly #client: Client;
  readonly #partial: PartialFile;
  #isResuming: boolean;

  constructor(url: URL, job: Job, client: Client) {
    this.#url = url;
    this.url = redacted(url);
    this.#job = job;
    this.#client = client;
    this.#partial = job.context.partial;
    this.#isResuming = job.settings.resume && !job.settings.decode;
  }

  /** @throws {Fault} when it cannot be had from here; whatever else is thrown is not about the address. */
  async fetch(): Promise<Downloaded | NotModified> {
    const { settings, clock, context } = this.#job;
    const partial = this.#partial;
    let most = partial.offset;
    let fruitless = 0;
    let hasTriedOnce = false;
    for (;;) {
      try {
        return await this.#ask();
      } catch (error) {
        context.signal.throwIfAborted();
        if (!(error instanceof Fault)) throw error;
        fruitless = partial.offset > most ? 0 : fruitless + 1;
        most = Math.max(most, partial.offset);
        const { nature, mismatch, notBefore } = error.facts;
        if (mismatch !== undefined) await this.#drop();
        const isLast = nature === 'final' || (nature === 'once' && hasTriedOnce);
        if (isLast || fruitless >= settings.attempts) throw error;
        hasTriedOnce ||= nature === 'once';
        await clock.pause(delayAfter(Math.max(1, fruitless), notBefore, clock), context.signal);
      }
    }
  }

  /** One request; a second one, for the whole, where the bytes that are there turn out to be of no use. */
  async #ask(isLastWord = false): Promise<Downloaded | NotModified> {
    const { settings, context, clock } = this.#job;
    const watch = new StallWatch(settings.stallTimeout, context.signal);
    let answer: Answer | undefined;
    try {
      const { asked, headers } = this.#question(isLastWord);
      const onRequest = () => void this.requests++;
      const question = { own: headers, caller: settings.headers, onRequest };
      answer = await exchange(this.#client, this.#url, question, watch);
      const verdict = this.#reconsidered(judge(asked, answer.status, answer.headers, clock), answer);
      if (verdict.to === 'keep the entry') return NOT_MODIFIED;
      if (verdict.to !== 'ask for the whole') return await this.#take(verdict, answer, watch);
      if (isLastWord) throw new Fault(verdict.why, { status: answer.status });
      if (verdict.areRangesBroken) this.#isResuming = false;
      await this.#drop();
    } finally {
      watch.end();
      answer?.body.discard();
    }
    return this.#ask(true);
  }

  #question(isWhole: boolean): { readonly asked: Asked; readonly headers: Record<string, string> } {
    const { settings } = this.#job;
    const state = this.#partial.state;
    const isSame = state?.source?.startsWith(fingerprintOf(this.#url)) === true;
    const { total, encoding } = state ?? {};
    const known = { validators: isSame ? (state?.validators ?? {}) : {}, total, encoding };
    const condition = strongValidator(known.validators);
    const isUseful = this.#job.expected.integrities.length > 0 || (isSame && condition !== undefined);
    const isWithin = known.total === undefined || this.#partial.offset <= known.total;
    const offset = !isWhole && this.#isResuming && isUseful && isWithin ? this.#partial.offset : 0;
    const conditions = isWhole || offset > 0 ? {} : conditionsFor(readValidators(this.#entry?.validators));
    const headers = {
      'user-agent': 'holdfast',
      accept: settings.accept.length > 0 ? settings.accept.join(', ') : '*/*',
      'accept-encoding': settings.decode ? DECODABLE : 'identity',
      ...conditions,
      ...(offset > 0 ? { range: `bytes=${offset}-` } : {}),
      ...(offset > 0 && condition !== undefined ? { 'if-range': condition } : {}),
    };
    return { asked: { offset, known, conditions }, headers };
  }

  /** The one that is there, where it came from this address, and is what is expected: an unchanged one may stay. */
  get #entry(): Entry | undefined {
    const { context, expected } = this.#job;
    const { source } = readValidators(context.entry?.validators);
    const isOfHere = source?.startsWith(fingerprintOf(this.#url)) === true;
    return context.entry !== undefined && isOfHere && expected.isMetBy(context.entry)
      ? context.entry
      : undefined;
  }

  /** A validator belongs to the address that told it: the same one elsewhere, or with another query, may mean another content. */
  #reconsidered(verdict: Verdict, { url }: Answer): Verdict {
    const source = this.#sourceAt(url);
    const isElsewhere =
      (verdict.to === 'keep the entry' && this.#entry?.validators?.source !== source) ||
      ((verdict.to === 'append' || verdict.to === 'take what is there') &&
        this.#partial.state?.source !== source &&
        this.#job.expected.integrities.length === 0);
    if (!isElsewhere) return verdict;
    return {
      to: 'ask for the whole',
      areRangesBroken: false,
      why: 'it redirects to another place than before',
    };
  }

  /** Hashes alone: a query may be a secret. Where a redirect leads may be signed anew each time. */
  #sourceAt(url: URL): string {
    return `${fingerprintOf(this.#url)} ${fingerprintOf(unsigned(url))}`;
  }

  async #take(
    verdict: Exclude<Verdict, { to: 'keep the entry' | 'ask for the whole' }>,
    answer: Answer,
    watch: StallWatch,
  ): Promise<Downloaded> {
    const { settings, expected } = this.#job;
    const partial = this.#partial;
    const encoding = encodingOf(answer.headers);
    if (verdict.to === 'take what is there') {
      await this.#verify(encoding, undefined);
      return this.#told(this.#validatorsOfPartial(answer), answer);
    }
    this.#checkType(answer);
    const isDecoded = settings.decode && encoding !== undefined;
    const length = verdict.length;
    const announced = verdict.to === 'append' ? verdict.total : length;
    if (verdict.to === 'replace' && !verdict.isDelimited) this.#checkEnd();
    if (announced !== undefined && !isDecoded) expected.checkSize(announced);
    const isAppended = verdict.to === 'append';
    const validators = isAppended ? this.#validatorsOfPartial(answer) : validatorsOf(answer.headers);
    const total = announced ?? expected.size;
    if (verdict.to === 'replace' && partial.offset > 0) await this.#drop(total);
    if (total !== undefined) await this.#reserve(total);
    if (!isDecoded) {
      const source = this.#sourceAt(answer.url);
      await partial.begin({ url: this.url, source, validators, ...given({ total, encoding }) });
    }
    const wire = isDecoded ? createHash(expected.integrities[0]?.algorithm ?? 'sha256') : undefined;
    await this.#receive(answer, { length, total, encoding: isDecoded ? encoding : undefined, wire }, watch);
    if (total !== undefined && !isDecoded && partial.offset < total) {
      const problem = `it sent ${partial.offset} of ${total} bytes and no more`;
      throw new Fault(problem, { nature: 'passing', isIncomplete: true });
    }
    await this.#verify(encoding, wire?.digest('hex'));
    return this.#told(validators, answer);
  }

  /** Bytes of two sources are a version of neither: only an integrity tells what they are. */
  #validatorsOfPartial({ url }: Answer): Validators {
    const { state } = this.#partial;
    return state?.source === this.#sourceAt(url) ? state.validators : {};
  }

  #told(validators: Validators, { url }: Answer): Downloaded {
    return { validators: { ...validators, source: this.#sourceAt(url) }, url: this.url };
  }

  /** `encoding`: one that is to be undone, while `wire` hashes what is sent. */
  async #receive(
    { body }: Answer,
    { length, total, encoding, wire }: Received,
    watch: StallWatch,
  ): Promise<void> {
    const { context, expected } = this.#job;
    const partial = this.#partial;
    let done = partial.offset;
    const sent = tapped(body.bytes(length, watch), (chunk) => {
      wire?.update(chunk);
      done += chunk.length;
      context.progress(done, total);
    });
    for await (const chunk of encoding === undefined ? sent : decoded(sent, encoding)) {
      expected.checkMost(partial.offset + chunk.length);
      await partial.write(chunk);
    }
  }

  /** @throws {Fault} that says which form of an encoded content would have been right, if one is. */
  async #verify(encoding: string | undefined, wire: string | undefined): Promise<void> {
    const { expected, settings, context } = this.#job;
    const finished = await this.#partial.finish();
    expected.checkSize(finished.size);
    const wrong = expected.differs(finished);
    if (wrong === undefined) return;
    let next: string | undefined;
    if (wire !== undefined && wrong.wanted.digests.includes(wire)) {
      next = 'The bytes as they are sent match: leave out decode';
    } else if (!settings.decode && encoding !== undefined) {
      const isRight = await matchesDecoded(this.#partial.path, encoding, wrong.wanted, context.signal);
      if (isRight) next = `The server sent it as ${encoding}, and without that it matches: use decode: true`;
    }
    const facts = { expected: wrong.wanted.text, got: wrong.got, size: finished.size };
    throw mismatch({ ...facts, ...given({ next }) });
  }

  /** @throws {Fault} that another address may be without, where nobody but this server says that there are so many bytes. */
  async #reserve(total: number): Promise<void> {
    try {
      await this.#partial.reserve(total);
    } catch (error) {
      if (!(error instanceof NoSpaceError) || total === this.#job.expected.size) throw error;
      throw new Fault(`there is no space for the ${bytes(total)} that it announces`, {}, error);
    }
  }

  async #drop(total?: number): Promise<void> {
    if (this.#partial.offset > 0) this.#job.context.progress(0, total);
    await this.#partial.restart();
  }

  #checkType({ headers }: Answer): void {
    const { accept } = this.#job.settings;
    const [type = ''] = (header(headers, 'content-type') ?? 'application/octet-stream')
      .toLowerCase()
      .split(/\s*;/);
    const fits = (pattern: string) =>
      type === pattern || `${type.split('/')[0]}/*` === pattern || pattern === '*/*';
    if (accept.length === 0 || accept.some(fits)) return;
    throw new Fault(`it answered with ${type} instead of ${accept.join(' or ')}`, {
      next: 'See in a browser what it is, such as a page to log in',
    });
  }

  #checkEnd(): void {
    if (this.#job.expected.tellsTheEnd || this.#job.settings.allowUnverified) return;
    throw new Fault('the answer does not say where it ends, so a broken connection would look like the end', {
      next: 'Give integrity (--integrity) or size, or accept the risk with allowUnverified',
    });
  }
}

interface Received {
  readonly length: number | undefined;
  readonly total: number | undefined;
  readonly encoding: string | undefined;
  readonly wire: Hash | undefined;
}

async function* tapped(chunks: AsyncIterable<Buffer>, tell: (chunk: Buffer) => void): AsyncGenerator<Buffer> {
  for await (const chunk of chunks) {
    tell(chunk);
    yield chunk;
  }
}
