import { describe, expect, it } from 'vitest';
import { decodePem, encodePem, PemError } from '../../src/crypto/pem.js';
import { fill, thrownBy } from './bytes.js';

describe('decodePem', () => {
  it('keeps order, passes over other labels, and bounds the count', () => {
    const text = encodePem('A', fill(3, 1)) + encodePem('B', fill(3, 2)) + encodePem('A', fill(100, 3)) + '\0';
    expect(decodePem(text, 'A', 2)).toEqual([fill(3, 1), fill(100, 3)]);
    expect(thrownBy(() => decodePem(text, 'A', 1))).toMatchObject({ constructor: PemError, code: 'PEM_MALFORMED' });
  });

  it.each(['', 'no block', '-----BEGIN A-----\nAAAA', '-----BEGIN A-----\n-----END A-----', '-----BEGIN A-----\nAA=A\n-----END A-----', '-----BEGIN A-----\nA-AA\n-----END A-----', '-----BEGIN A-----\nAAAAA\n-----END A-----'])(
    'refuses %j',
    (text) => {
      expect(thrownBy(() => decodePem(text, 'A', 4))).toMatchObject({ constructor: PemError, code: 'PEM_MALFORMED' });
    },
  );
});
