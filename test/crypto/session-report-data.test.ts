import { describe, expect, it } from 'vitest';
import { sessionReportData } from '../../src/crypto/session-report-data.js';
import { thrownBy, toHex } from './bytes.js';

const exporter = new Uint8Array(32).fill(1);
const spki = new Uint8Array(91).fill(2);

describe('sessionReportData', () => {
  it('is SHA-512 over tag, exporter, key and nonce', () => {
    // hashlib.sha512(b"dstack-session:" + b"\1"*32 + b"\2"*91 + b"\3"*16)
    expect(toHex(sessionReportData({ exporter, spki, nonce: new Uint8Array(16).fill(3) }))).toBe(
      '5a8a6097def769b5f468f192aa688eef1d2c037dcebcb4c5f5714ec207cc46598470488d80077a8e514b8bbd4f7e97ebdefbcfb2b250619731810b15c1cebc98',
    );
  });

  it('takes nonces of 16 to 64 bytes and exporters of 32', () => {
    for (const length of [16, 64]) expect(sessionReportData({ exporter, spki, nonce: new Uint8Array(length) }).length).toBe(64);
    for (const length of [0, 15, 65]) expect(thrownBy(() => sessionReportData({ exporter, spki, nonce: new Uint8Array(length) }))).toMatchObject({ code: 'INVALID_ARGUMENT' });
    expect(thrownBy(() => sessionReportData({ exporter: new Uint8Array(31), spki, nonce: new Uint8Array(16) }))).toBeInstanceOf(TypeError);
  });
});
