import { DstackError } from './base.js';

export type ListenCode =
  /** Somebody answers there already. */
  | 'ADDRESS_IN_USE'
  /** This machine does not have the address, or not for this process. */
  | 'ADDRESS_NOT_AVAILABLE'
  /** The kernel has no vsock. */
  | 'NO_VSOCK'
  /** Something that is not a socket is there; it is left alone. */
  | 'NOT_A_SOCKET'
  /** The folder for the socket does not exist. */
  | 'FOLDER_MISSING'
  /** The system cannot bind a socket under so long a path. */
  | 'PATH_TOO_LONG';

/** A listener cannot be had at the address it was configured for. */
export class ListenError extends DstackError<ListenCode> {}
