import { CollateralError } from '../../errors/collateral-error.js';
import type { CollateralGetter, CollateralRequest, QuoteCollateral } from '../collateral.js';
import { assembleCollateral, isSuccess, pccsTargets, rootCrlLocation } from './pccs-answers.js';
import type { PccsAnswer } from './pccs-answers.js';
import { parseRecording, type RecordedAnswer, targetOf } from '../recording.js';

/**
 * Collateral from HTTP answers that were recorded before, for machines that may not or cannot ask: a JSON list
 * of {"url", "status", "headers": {name: value}, "body_base64"}. The base of each URL does not matter: path and
 * query are matched.
 * @throws CollateralError COLLATERAL_ANSWER_INVALID when the text is not such a list
 */
export function recordedAnswers(text: string): CollateralGetter {
  const recorded = parseRecording(text);
  return { getCollateral: async (request) => collateralFrom(recorded, request) };
}

function collateralFrom(recorded: readonly RecordedAnswer[], request: CollateralRequest): QuoteCollateral {
  const targets = pccsTargets(request);
  const qeIdentity = lookUp(recorded, targets.qeIdentity);
  return assembleCollateral({
    pckCrl: lookUp(recorded, targets.pckCrl),
    tcbInfo: lookUp(recorded, targets.tcbInfo),
    qeIdentity,
    rootCaCrl: rootCrl(recorded, targets.rootCaCrl, qeIdentity),
  });
}

function rootCrl(recorded: readonly RecordedAnswer[], target: string, qeIdentity: PccsAnswer): PccsAnswer {
  const served = recorded.find((answer) => answer.target.endsWith(target) && isSuccess(answer));
  if (served !== undefined) return served;
  const location = rootCrlLocation(qeIdentity);
  return lookUp(recorded, location === null ? target : targetOf(location));
}

function lookUp(recorded: readonly RecordedAnswer[], target: string): PccsAnswer {
  const found = recorded.find((answer) => answer.target.endsWith(target));
  if (found === undefined) throw new CollateralError('COLLATERAL_UNAVAILABLE', `no recorded answer for ${target}`);
  return found;
}
