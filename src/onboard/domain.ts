import { isIP } from 'node:net';
import { invalidArgument } from '../errors/service-error.js';

const MAX_BYTES = 253;
const LABEL = /^(?!-)[A-Za-z0-9-]{1,63}(?<!-)$/;

/**
 * Checks where a KMS says it will be reachable: a DNS name, an IPv4 or an IPv6 address (spec/api.md section 3.1,
 * spec/kms.md section 7). An address in brackets or with a zone is refused: no certificate can name it.
 * @throws ServiceError INVALID_ARGUMENT
 */
export function checkDomain(domain: string): string {
  const isAscii = /^\p{ASCII}*$/u.test(domain);
  if (domain === '' || !isAscii || domain.length > MAX_BYTES) throw invalidArgument('domain must be a non-empty ASCII DNS name of at most 253 bytes');
  if (isIP(domain) !== 0 && !domain.includes('%')) return domain;
  if (!domain.split('.').every((label) => LABEL.test(label))) throw invalidArgument('domain contains an invalid DNS label');
  return domain;
}
