import { pino } from 'pino';
import type { Log } from '../app/log.js';

/** JSON lines on standard error, so that standard output stays for answers. Paths that could hold key material are redacted whatever a caller passes. */
export function stderrLogger(level: string): Log {
  return pino(
    { level, redact: { paths: ['key', '*.key', 'keys', '*.keys', 'seed', '*.seed', 'secret', '*.secret'], censor: '[redacted]' } },
    pino.destination({ dest: 2, sync: true }),
  );
}
