import { DstackError } from './base.js';

export type KeyStoreCode =
  /** Some key files exist and others do not; somebody has to look. */
  | 'STORE_INCOMPLETE'
  /** Keys exist already and are never overwritten. */
  | 'STORE_NOT_EMPTY'
  /** A file does not hold what it should. */
  | 'STORE_MALFORMED'
  /** The file system refused. */
  | 'STORE_FAILED';

export class KeyStoreError extends DstackError<KeyStoreCode> {}
