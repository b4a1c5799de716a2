import { STATUS_CODES } from 'node:http';
import { adviceOn } from '../errors/advice.ts';
import { systemCode } from '../errors/base.ts';
import type { IntegrityFacts } from '../errors/content-errors.ts';
import { duration } from '../errors/describe.ts';
import { isExhaustion } from '../errors/exhaustion.ts';
import { given } from '../lock/known-options.ts';

export interface FaultFacts {
  /** What to do when it does not pass, as a clause. */
  readonly next: string;
  /** `passing`: may be gone at the next try. `once`: worth one more try. */
  readonly nature: 'passing' | 'once' | 'final';
  readonly status: number | undefined;
  /** Milliseconds before which the server wants no other request. */
  readonly notBefore: number;
  /** Whether it is about a body that ended too early. */
  readonly isIncomplete: boolean;
  /** The content is another one. */
  readonly mismatch: Omit<IntegrityFacts, 'what'> | undefined;
}

const DEFAULTS: FaultFacts = {
  next: 'Try again later, or from elsewhere',
  nature: 'final',
  status: undefined,
  notBefore: 0,
  isIncomplete: false,
  mismatch: undefined,
};

/** What went wrong with one request, and whether another one may go better. */
export class Fault extends Error {
  /** What happened, as a clause. */
  readonly problem: string;
  readonly facts: FaultFacts;

  constructor(problem: string, facts: Partial<FaultFacts> = {}, cause?: unknown) {
    super(problem, { cause });
    this.problem = problem;
    this.facts = { ...DEFAULTS, ...facts };
  }
}

/** The content is another one. Worth one more try, from the beginning: it may have been damaged on its way. */
export function mismatch(facts: Omit<IntegrityFacts, 'what'>): Fault {
  return new Fault(`expected ${facts.expected}, got ${facts.got}`, { nature: 'once', mismatch: facts });
}

const BROKEN_OFF = /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH|Z_BUF_ERROR)$/;
const PASSING =
  /^(ECONNREFUSED|ECONNABORTED|ETIMEDOUT|EAI_AGAIN|ENETUNREACH|EHOSTUNREACH|UND_ERR_(CONNECT|HEADERS|BODY)_TIMEOUT)$/;
const PASSING_STATUS = [408, 425, 429, 500, 502, 503, 504];
/** Milliseconds. */
const LONGEST_WAIT = 5 * 60_000;
const YEAR = 365 * 86_400_000;

const STATUS_STEPS: Readonly<Record<number, string>> = {
  401: 'Give credentials that the server accepts, in a header',
  403: "Ask the server's owner for access, or give credentials",
  404: 'Check the address',
  407: 'Give user and password in the address of the proxy',
  410: 'Look for its new address',
};

/** Whatever the client threw while it connected, asked or read. */
export function faultOf(error: unknown, where = ''): Fault {
  if (error instanceof Fault) return error;
  const { message = '', cause } = (error ?? {}) as Partial<Error>;
  const tunnel = /Proxy response \((\d+)\)/.exec(message)?.[1];
  if (tunnel !== undefined) return statusFault(Number(tunnel), 'the proxy', 0, error);
  const code = systemCode(error) ?? systemCode(cause) ?? (message === '' ? 'an error' : message);
  const says = (what: string, facts: Partial<FaultFacts>) =>
    new Fault(`${what} (${code}${where})`, facts, error);
  if (isExhaustion(code)) {
    return says('no connection could be opened', { nature: 'once', next: adviceOn('', code) });
  }
  if (code === 'ENOTFOUND') {
    return says('its host is not known', { nature: 'once', next: 'Check the name of the host' });
  }
  if (/CERT|SELF_SIGNED|^UNABLE_TO_|^ERR_TLS/.test(code)) {
    const next = 'If the certificate is the right one, name its authority (ca, or NODE_EXTRA_CA_CERTS)';
    return says('the certificate of its host is not trusted', { next });
  }
  if (BROKEN_OFF.test(code))
    return says('the connection broke off', { nature: 'passing', isIncomplete: true });
  if (PASSING.test(code)) return says('the connection failed', { nature: 'passing' });
  return says('the answer cannot be understood', {});
}

/** An answer that has no content in it. */
export function statusFault(status: number, who: string, notBefore = 0, cause?: unknown): Fault {
  const problem = `${who} answered ${status} ${STATUS_CODES[status] ?? ''}`.trimEnd();
  if (notBefore > LONGEST_WAIT) {
    const span = notBefore > YEAR ? 'more than a year' : duration(notBefore);
    const next = `It wants no other request for ${span}: try again then`;
    return new Fault(problem, { status, next }, cause);
  }
  const nature = PASSING_STATUS.includes(status) ? 'passing' : 'final';
  return new Fault(problem, { status, nature, notBefore, ...given({ next: STATUS_STEPS[status] }) }, cause);
}
