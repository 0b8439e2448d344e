import { DstackError } from './base.js';

export type KmsClientCode =
  /** No connection, no answer in time, or the connection broke. */
  | 'KMS_UNREACHABLE'
  /** The server is not the KMS that was asked for: chain, host name, usage, root pin, missing or bad attestation. */
  | 'KMS_NOT_TRUSTED'
  /** The KMS answered, with a refusal; its text is in the message. */
  | 'KMS_REFUSED'
  /** The KMS answered something that is no answer. */
  | 'KMS_ANSWER_INVALID';

/** A call to a KMS failed. `kmsCode` is the code the KMS gave with a refusal, or null. */
export class KmsClientError extends DstackError<KmsClientCode> {
  readonly kmsCode: string | null;

  constructor(code: KmsClientCode, message: string, options?: { readonly cause?: unknown; readonly kmsCode?: string | null }) {
    super(code, message, options);
    this.kmsCode = options?.kmsCode ?? null;
  }
}
