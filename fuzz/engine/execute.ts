import { DstackError } from '../../src/errors/base.js';
import type { Target } from './target.js';

/** What became of one input. */
export type Outcome = { readonly kind: 'accepted' } | { readonly kind: 'refused' } | { readonly kind: 'finding'; readonly error: Error };

/** Runs `target` over `input`. A refusal is a DstackError with one of the target's codes; any other error is a finding. */
export function execute(target: Target, input: Uint8Array): Outcome {
  try {
    target.run(input);
    return { kind: 'accepted' };
  } catch (error) {
    if (error instanceof DstackError && target.refusals.has(error.code)) return { kind: 'refused' };
    return { kind: 'finding', error: error instanceof Error ? error : new Error(`thrown: ${String(error)}`) };
  }
}

/** The same for errors of one cause: class and the first place of this project in the stack. */
export function signatureOf(error: Error): string {
  const place = /\/(?:src|fuzz)\/[\w./-]+:\d+:\d+/.exec(error.stack ?? '')?.[0] ?? '';
  return `${error.name} ${error.message.replaceAll(/\d+/g, 'N').slice(0, 200)} ${place}`;
}
