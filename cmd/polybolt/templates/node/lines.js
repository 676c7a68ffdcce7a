// A spout: where tuples come from. Each line of a text is one.
const { open } = require('node:fs/promises');
const { spout } = require('polybolt');

const lines = spout(async function* ({ conf }) {
  const text = await open(conf.path);
  yield* text.readLines();
});

module.exports = lines;
if (require.main === module) lines.run();
