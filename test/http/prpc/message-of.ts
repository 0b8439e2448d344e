import type { Message } from '@bufbuild/protobuf';
import { ServiceError } from '../../../src/errors/service-error.js';

/** A message as a plain object: without the type name, bytes as hex text. */
export function plain(message: Message): Record<string, unknown> {
  return strip(message) as Record<string, unknown>;
}

function strip(value: unknown): unknown {
  if (value instanceof Uint8Array) return `hex:${Buffer.from(value).toString('hex')}`;
  if (Array.isArray(value)) return value.map(strip);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).filter(([key]) => key !== '$typeName');
  return Object.fromEntries(entries.map(([key, item]) => [key, strip(item)]));
}

/** The refusal `run` ends with; anything but a ServiceError INVALID_ARGUMENT is a failure of the test. */
export function refusal(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    if (error instanceof ServiceError && error.code === 'INVALID_ARGUMENT') return error.message;
    throw error;
  }
  throw new Error('nothing was refused');
}
