import { STATUS_CODES } from 'node:http';
import { systemCode } from '../../errors/base.ts';
import { duration } from '../../errors/describe.ts';

/** What went wrong with one request, and whether another one may go better. */
export class Fault extends Error {
  /** What happened, as a clause. */
  readonly problem: string;
  /** What to do when it does not pass, as a clause. */
  readonly next: string;
  /** `passing`: may be gone at the next try. `once`: worth one more try. */
  readonly nature: 'passing' | 'once' | 'final';
  readonly status: number | undefined;
  /** Milliseconds before which the server wants no other request. */
  readonly notBefore: number;
  /** Whether it is about a body that ended too early. */
  readonly isIncomplete: boolean;

  constructor(problem: string, facts: FaultFacts = {}) {
    super(problem, { cause: facts.cause });
    this.problem = problem;
    this.next = facts.next ?? 'Try again later, or from elsewhere';
    this.nature = facts.nature ?? 'final';
    this.status = facts.status;
    this.notBefore = facts.notBefore ?? 0;
    this.isIncomplete = facts.isIncomplete ?? false;
  }
}

export interface FaultFacts {
  readonly next?: string;
  readonly nature?: Fault['nature'];
  readonly status?: number;
  readonly notBefore?: number;
  readonly isIncomplete?: boolean;
  readonly cause?: unknown;
}

const PASSING = new Set([
  'ECONNRESET',
  'ECONNREFUSED',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  'EAI_AGAIN',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'UND_ERR_SOCKET',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'UND_ERR_RES_CONTENT_LENGTH_MISMATCH',
  'Z_BUF_ERROR',
]);
const BROKEN_OFF = /^(ECONNRESET|EPIPE|UND_ERR_SOCKET|UND_ERR_RES_CONTENT_LENGTH_MISMATCH|Z_BUF_ERROR)$/;
const PASSING_STATUS = [408, 425, 429, 500, 502, 503, 504];
/** Milliseconds. */
const LONGEST_WAIT = 5 * 60_000;

const STATUS_STEPS: Readonly<Record<number, string>> = {
  401: 'Give credentials that the server accepts, in a header',
  403: 'Ask the server’s owner for access, or give credentials',
  404: 'Check the address',
  407: 'Give user and password in the address of the proxy',
  410: 'Look for its new address',
};

/** Whatever the client threw while it connected, asked or read. */
export function faultOf(error: unknown, where = ''): Fault {
  if (error instanceof Fault) return error;
  const tunnel = /Proxy response \((\d+)\)/.exec((error as Error | undefined)?.message ?? '')?.[1];
  if (tunnel !== undefined) return statusFault(Number(tunnel), 'the proxy', 0, error);
  const code = systemCode(error) ?? systemCode((error as Error | undefined)?.cause);
  const problem = `${code ?? 'an error'}${where}`;
  if (code === 'ENOTFOUND') {
    return new Fault(`its host is not known (${problem})`, {
      nature: 'once',
      next: 'Check the name of the host',
      cause: error,
    });
  }
  if (code !== undefined && /CERT|SELF_SIGNED|^UNABLE_TO_|^ERR_TLS/.test(code)) {
    const next = 'If the certificate is the right one, name its authority (ca, or NODE_EXTRA_CA_CERTS)';
    return new Fault(`the certificate of its host is not trusted (${problem})`, { next, cause: error });
  }
  if (code !== undefined && PASSING.has(code)) {
    const isIncomplete = BROKEN_OFF.test(code);
    const what = isIncomplete ? 'the connection broke off' : 'the connection failed';
    return new Fault(`${what} (${problem})`, { nature: 'passing', isIncomplete, cause: error });
  }
  return new Fault(`the answer cannot be understood (${problem})`, { cause: error });
}

/** An answer that has no content in it. */
export function statusFault(status: number, who: string, notBefore = 0, cause?: unknown): Fault {
  const name = STATUS_CODES[status];
  const problem = `${who} answered ${status}${name === undefined ? '' : ` ${name}`}`;
  if (notBefore > LONGEST_WAIT) {
    const next = `It wants no other request for ${duration(notBefore)}: try again then`;
    return new Fault(problem, { status, next, cause });
  }
  const nature = PASSING_STATUS.includes(status) ? 'passing' : 'final';
  const next = STATUS_STEPS[status];
  return new Fault(problem, { status, nature, notBefore, cause, ...(next === undefined ? {} : { next }) });
}
