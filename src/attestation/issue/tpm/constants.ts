/** TPM 2.0 Library Part 2, as far as evidence needs it (spec/attestation.md section 1.7). */
export const TPM_CC = {
  createPrimary: 0x131,
  nvRead: 0x14e,
  quote: 0x158,
  flushContext: 0x165,
  nvReadPublic: 0x169,
  pcrRead: 0x17e,
  pcrExtend: 0x182,
} as const;

export type TpmCommandName = keyof typeof TPM_CC;

export const TPM_RH = { owner: 0x4000_0001, endorsement: 0x4000_000b } as const;
export const TPM_RS_PW = 0x4000_0009;

export const TPM_ST = { noSessions: 0x8001, sessions: 0x8002 } as const;

export const TPM_ALG = { sha256: 0x000b, null: 0x0010 } as const;

/** TPM_RC_YIELDED, TPM_RC_TESTING and TPM_RC_RETRY: the command was not carried out and may be sent again. */
export const TPM_RC_AGAIN: ReadonlySet<number> = new Set([0x908, 0x90a, 0x922]);
