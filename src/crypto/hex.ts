/** Lower case, two digits a byte, without `0x`. */
export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}
