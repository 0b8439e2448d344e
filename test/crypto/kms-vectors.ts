import { fill, hex } from './bytes.js';

/** Key material of spec/kms.md section 22; test keys, recomputed there with a second implementation. */
export const KMS = {
  rootScalar: hex('f57527cea4ab7ffb49af99b158cdc0e3ec06398f528349ea236b7d2afe19cec1'),
  rootSpki: '3059301306072a8648ce3d020106082a8648ce3d0301070342000491f50522407ce29dce3ed7d31a15d80c1c42f13a23552d2b33a0ce09ee11e47bce95936f3e7f80d195f879e28e1b144ef37ac9ab8e36a690cbf930b775897b27',
  k256Scalar: hex('1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9a0b1c2d3e4f5a6b7c8d9e0f1a2b'),
  k256Public: '0375427ab8309aad26beea8142edf427674e4544604ae4dc5045108ad21fc8a0db',
  appId: fill(20, 0x11),
  instanceId: fill(20, 0x33),
} as const;

/** The simulator's app key (spec/guest-agent.md section 17). */
export const SIMULATOR_K256 = hex('d6e88992cdeeee35fe70b5db61ab66cdb191fb9b6ec9313757ef162dd7214d5d');
