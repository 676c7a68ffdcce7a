// A bolt as a function: it is given the fields of its input, and each value that it yields is one tuple.
const { bolt } = require('polybolt');

const split = bolt(function* ({ line }) {
  for (const word of line.toLowerCase().match(/[\p{L}']+/gu) ?? []) yield word;
});

module.exports = split;
if (require.main === module) split.run();
