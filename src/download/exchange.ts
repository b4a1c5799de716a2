import { given } from '../lock/known-options.ts';
import { type Headers, header } from './answer.ts';
import { Body } from './body.ts';
import type { Client } from './client.ts';
import { Fault } from './fault.ts';
import { basicCredentials, redacted } from './redact.ts';
import type { StallWatch } from './stall.ts';

const MOST_REDIRECTS = 10;
const REDIRECTS = [301, 302, 303, 307, 308];

/** The answer of the address that redirects have led to. */
export interface Answer {
  readonly url: URL;
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface Question {
  /** What this download asks, of which the caller's headers may replace some: sent to every address. */
  readonly own: Readonly<Record<string, string>>;
  /** Called at each request, of which every redirect costs one. */
  readonly onRequest?: () => void;
  /** What the caller gave for the first address: sent to its origin, and to nobody once a redirect has left that. */
  readonly caller: Readonly<Record<string, string>>;
}

/**
 * Asks, and follows up to ten redirects. Whatever the caller sent, credentials and any other header, stays with the
 * origin it was meant for. Nothing that was asked over TLS is then asked without.
 *
 * @throws {Fault}
 */
export async function exchange(
  client: Client,
  start: URL,
  question: Question,
  watch: StallWatch,
): Promise<Answer> {
  let url = start;
  let isOwnOrigin = true;
  for (let hops = 0; ; hops++) {
    const headers = {
      ...given({ authorization: basicCredentials(url) }),
      ...question.own,
      ...(isOwnOrigin ? question.caller : {}),
    };
    watch.waits();
    question.onRequest?.();
    const answer = await client.get(url, headers, watch.signal);
    watch.got();
    const { statusCode: status } = answer;
    const body = new Body(answer.body);
    if (!REDIRECTS.includes(status)) return { url, status, headers: answer.headers, body };
    body.discard();
    if (hops === MOST_REDIRECTS) {
      const next = 'Check the address';
      throw new Fault(`it redirects more than ${MOST_REDIRECTS} times`, { status, next });
    }
    const next = target(url, header(answer.headers, 'location'), status);
    isOwnOrigin &&= next.origin === url.origin;
    if (isOwnOrigin && next.username === '') {
      next.username = url.username;
      next.password = url.password;
    }
    url = next;
  }
}

function target(from: URL, location: string | undefined, status: number): URL {
  const refuse = (why: string, next?: string) =>
    new Fault(`${redacted(from)} redirects ${why}`, { status, ...given({ next }) });
  if (location === undefined) throw refuse(`(${status}) and does not say where to`);
  if (!URL.canParse(location, from.href)) throw refuse('to what is no address');
  const to = new URL(location, from.href);
  const trust = 'Give that address itself, if you trust it';
  if (!/^https?:$/.test(to.protocol)) throw refuse(`to ${redacted(to)}, which is not followed`, trust);
  if (from.protocol === 'https:' && to.protocol === 'http:') {
    throw refuse(`to ${redacted(to)}, which is not encrypted`, trust);
  }
  return to;
}
