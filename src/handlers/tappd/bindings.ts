import { Tappd } from '../../../gen/dstack/guestagent/v1/tappd_pb.js';
import type { AppKeyDeriver } from '../../guest-agent/derive-key.js';
import type { InstanceInfo } from '../../guest-agent/info.js';
import type { TaggedQuoter } from '../../guest-agent/tagged-quote.js';
import type { TlsKeys } from '../../guest-agent/tls-key.js';
import { type Access, type AccessTable, ANONYMOUS } from '../../http/access.js';
import { bindMethod, type MethodBinding, procedureName } from '../../http/method.js';
import type { CallTurns } from '../../scheduling/call-turns.js';
import { info } from '../guest-agent/info.js';
import { type BuildVersion, version } from '../guest-agent/version.js';
import { inTurn } from '../in-turn.js';
import { deriveK256Key } from './derive-k256-key.js';
import { deriveKey } from './derive-key.js';
import { rawQuote } from './raw-quote.js';
import { tdxQuote } from './tdx-quote.js';

export interface TappdDependencies {
  readonly keys: AppKeyDeriver;
  readonly tlsKeys: TlsKeys;
  readonly quoter: TaggedQuoter;
  readonly getInfo: () => Promise<InstanceInfo>;
  readonly build: BuildVersion;
  /** Those of the process. */
  readonly turns: CallTurns;
}

export function tappdBindings(tappd: TappdDependencies): MethodBinding[] {
  const { method } = Tappd;
  const { turns } = tappd;
  return [
    bindMethod(method.deriveKey, inTurn(turns, 'large', deriveKey(tappd.tlsKeys))),
    bindMethod(method.deriveK256Key, inTurn(turns, 'small', deriveK256Key(tappd.keys))),
    bindMethod(method.tdxQuote, tdxQuote(tappd.quoter)),
    bindMethod(method.rawQuote, rawQuote(tappd.quoter)),
    bindMethod(method.info, info(tappd.getInfo)),
    bindMethod(method.version, version(tappd.build)),
  ];
}

/** As on the guest socket: reaching the socket is the authorization. */
export const TAPPD_ACCESS: AccessTable = new Map<string, Access>([
  [procedureName(Tappd.method.deriveKey), ANONYMOUS],
  [procedureName(Tappd.method.deriveK256Key), ANONYMOUS],
  [procedureName(Tappd.method.tdxQuote), ANONYMOUS],
  [procedureName(Tappd.method.rawQuote), ANONYMOUS],
  [procedureName(Tappd.method.info), ANONYMOUS],
  [procedureName(Tappd.method.version), ANONYMOUS],
]);
