import { createHash } from 'node:crypto';

/** What the one make of machine the development TDX platform has is like, before any seed. */
export interface DevelopmentMachine {
  /** 6 bytes; no processor of Intel's has it. */
  readonly fmspc: Uint8Array;
  /** 2 bytes. */
  readonly pceId: Uint8Array;
  /** 16 bytes. */
  readonly cpuSvn: Uint8Array;
  readonly pceSvn: number;
  /** 16 bytes; byte 1 is 0, so that no separate TDX module identity is looked for (spec/attestation.md section 6.3, step 11). */
  readonly teeTcbSvn: Uint8Array;
  /** SHA-384 standing for the TDX module, 48 bytes. */
  readonly mrSeam: Uint8Array;
  readonly quotingEnclave: {
    /** 32 bytes. */
    readonly mrEnclave: Uint8Array;
    /** 32 bytes; not Intel's signer. */
    readonly mrSigner: Uint8Array;
    readonly isvProdId: number;
    readonly isvSvn: number;
  };
}

const named = (algorithm: 'sha256' | 'sha384', text: string): Uint8Array =>
  new Uint8Array(createHash(algorithm).update(`dstack-node development ${text}`).digest());

export const DEVELOPMENT_MACHINE: DevelopmentMachine = {
  fmspc: Uint8Array.of(0xd5, 0xd5, 0xd5, 0xd5, 0xd5, 0xd5),
  pceId: Uint8Array.of(0, 0),
  cpuSvn: new Uint8Array(16).fill(3),
  pceSvn: 13,
  teeTcbSvn: Uint8Array.of(3, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
  mrSeam: named('sha384', 'TDX module'),
  quotingEnclave: {
    mrEnclave: named('sha256', 'quoting enclave'),
    mrSigner: named('sha256', 'quoting enclave signer'),
    isvProdId: 2,
    isvSvn: 4,
  },
};
