import type { DescMessage } from '@bufbuild/protobuf';
import type { UnaryHandler } from '../http/method.js';
import type { CallSize, CallTurns } from '../scheduling/call-turns.js';

/**
 * The handler, taking turns with the other expensive ones of the process. Not begun for a client that has gone, or whose
 * deadline has passed, while it waited. Throws or rejects as the handler, and as `CallTurns.run`.
 */
export function inTurn<I extends DescMessage, O extends DescMessage>(turns: CallTurns, size: CallSize, handler: UnaryHandler<I, O>): UnaryHandler<I, O> {
  return (request, call) => turns.run(size, () => handler(request, call), () => call.signal);
}
