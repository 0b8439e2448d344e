/** Bytes of hex text. */
export const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'hex'));
export const ascii = (text: string): Uint8Array => new Uint8Array(Buffer.from(text, 'latin1'));
export const toHex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const fill = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);

/** What `run` throws; fails the test when it throws nothing. */
export function thrownBy(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}
