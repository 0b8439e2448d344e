/** Why a versioned attestation, as a whole, is not genuine (spec/attestation.md sections 3 and 5.2). */
export type EvidenceCode = 'ATTESTATION_MALFORMED';
