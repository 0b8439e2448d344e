import { planted } from './common.mjs';

export const target = planted((input) => input.subarray(0, 1).at(9).toString());
