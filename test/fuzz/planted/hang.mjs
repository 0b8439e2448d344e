import { planted } from './common.mjs';

export const target = planted(() => {
  for (;;);
});
