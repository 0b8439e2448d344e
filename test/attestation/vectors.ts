import { readFileSync } from 'node:fs';

/** A recorded file of test/vectors. */
export function vector(path: string): Uint8Array {
  return Uint8Array.from(readFileSync(new URL(`../vectors/${path}`, import.meta.url)));
}

export function vectorText(path: string): string {
  return Buffer.from(vector(path)).toString('utf8');
}

export function vectorJson<T>(path: string): T {
  return JSON.parse(vectorText(path)) as T;
}

export const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const unhex = (text: string): Uint8Array => Uint8Array.from(Buffer.from(text, 'hex'));
