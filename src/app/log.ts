import { messageChain } from '../errors/base.js';
import type { AuditRecord } from '../http/handler-options.js';

/** What this project needs of a logger; pino is one. */
export interface Log {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A logger that drops everything. */
export const SILENT: Log = { info: () => undefined, warn: () => undefined, error: () => undefined };

/**
 * Audit records as log lines: who called what, how it ended and how long it took. Payloads are not in a
 * record, so none can get into a log; what went wrong inside is, and stays there.
 */
export function auditTo(log: Log): (record: AuditRecord) => void {
  return ({ error, ...record }) => {
    if (error === null) log.info(record, 'call');
    else log.warn({ ...record, error: messageChain(error) }, 'call');
  };
}
