// Tests of the components, in one process and without a topology: npm test
const assert = require('node:assert/strict');
const { test } = require('node:test');
const { Tester } = require('polybolt/testing');

test('lines', async () => {
  const t = new Tester(require('./lines.js'), { outputs: ['line'], conf: { path: `${__dirname}/text.txt` } });
  const result = await t.next(100);
  assert.equal(result.values().length, 6);
  assert.deepEqual(result.values()[0], ["The quality of mercy is not strain'd,"]);
});

test('split', async () => {
  const t = new Tester(require('./split.js'), { inputs: { lines: ['line'] }, outputs: ['word'] });
  const result = await t.send({ line: 'To be, or not' });
  assert.deepEqual(result.values(), [['to'], ['be'], ['or'], ['not']]);
  assert.deepEqual(result.acked, [{ line: 'To be, or not' }]);
});

test('count', async () => {
  const count = new (require('./count.js'))();
  const t = new Tester(count, { inputs: { split: ['word'] } });
  for (const word of ['to', 'be', 'to']) await t.send({ word });
  assert.deepEqual([...count.counts], [['to', 2], ['be', 1]]);
});
