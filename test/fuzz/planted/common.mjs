/** A target that refuses nothing and does `act` for every document that begins with X. */
export const planted = (act) => ({
  maxLength: 64,
  refusals: new Set(),
  dictionary: [],
  mutators: [],
  run: (input) => {
    if (input[0] === 0x58) act(input);
  },
});
