import type { PlainAnswer } from '../http/plain-route.js';

/** 200 with a compact JSON body; never cached, since answers are evidence of the moment. */
export function jsonAnswer(body: Readonly<Record<string, unknown>>): PlainAnswer {
  // The JavaScript SDK compares characters with Content-Length bytes, so nothing but ASCII is sent.
  const ascii = JSON.stringify(body).replace(/[\u007f-\uffff]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
  return { status: 200, contentType: 'application/json', body: ascii, headers: { 'Cache-Control': 'no-store' } };
}

export const hexText = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
export const base64Text = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
