import { expect, it } from 'vitest';
import { prpcMethodName } from '../../../src/http/prpc/method-name.js';

it.each([
  ['GetQuote', null, 'GetQuote'],
  ['%47etQuote', null, 'GetQuote'],
  ['DstackGuest.GetQuote', null, 'DstackGuest.GetQuote'],
  ['GetMeta', 'KMS.', 'GetMeta'],
  ['KMS.GetMeta', 'KMS.', 'GetMeta'],
  ['%4bMS%2eGetMeta', 'KMS.', 'GetMeta'],
  ['Tappd.Tappd.Info', 'Tappd.', 'Info'],
  ['Onboard', 'Onboard.', 'Onboard'],
  ['Onboard.Onboard', 'Onboard.', 'Onboard'],
  ['tappd.Info', 'Tappd.', 'tappd.Info'],
  ['Worker.Info', 'Tappd.', 'Worker.Info'],
  ['Tappd.', 'Tappd.', ''],
  ['Version.', null, 'Version.'],
  ['%20', null, ' '],
  ['a%2Fb', null, 'a/b'],
  ['a+b', null, 'a+b'],
  ['%ff', null, '\ufffd'],
  ['%zz', null, '%zz'],
  ['', null, null],
  ['', 'KMS.', null],
])('%s without %s is %j', (segment, prefix, name) => {
  expect(prpcMethodName(segment, prefix)).toBe(name);
});
