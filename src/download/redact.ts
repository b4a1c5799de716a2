import { createHash } from 'node:crypto';

/** An address as it may be shown and recorded: without user, password, query and fragment, any of which may be a secret. */
export function redacted(url: URL): string {
  return `${url.protocol}//${url.host}${url.pathname}${url.search === '' ? '' : '?…'}`;
}

/** The same text for the same resource, from which nobody learns the query. The user is no part of it. */
export function fingerprintOf(url: URL): string {
  const text = `${url.origin}${url.pathname}${url.search}`;
  return createHash('sha256').update(text).digest('hex');
}

/** The `Authorization` that the user and password of an address stand for, if it has any. */
export function basicCredentials({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  return `Basic ${Buffer.from(`${decoded(username)}:${decoded(password)}`).toString('base64')}`;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
