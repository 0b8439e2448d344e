import { DstackError } from '../errors/base.js';

export type KeyMaterialCode = 'PRIVATE_KEY_INVALID' | 'PUBLIC_KEY_INVALID' | 'SIGNATURE_MALFORMED' | 'DIGEST_LENGTH_INVALID' | 'SIGNATURE_SELF_CHECK_FAILED';

/** A key, signature or digest that is structurally wrong, whatever it is used for. Messages never hold key bytes. */
export class KeyMaterialError extends DstackError<KeyMaterialCode> {}
