/** Events in any log. Real logs have a few dozen; this keeps a hostile one from costing seconds. */
export const MAX_EVENTS = 16_384;

/** Characters of a log in text form, as many as a whole attestation may have bytes. */
export const MAX_LOG_CHARS = 10_485_760;
