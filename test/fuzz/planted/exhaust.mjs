import { planted } from './common.mjs';

export const target = planted(() => {
  const list = [];
  for (;;) list.push(Array.from({ length: 1000 }, () => ({})));
});
