'use strict';
// The examples of README.md run.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { Host, TO_CHILD } = require('./host.js');

const readme = fs.readFileSync(path.join(__dirname, '../README.md'), 'utf8');
const examples = [...readme.matchAll(/^```js\n([^]*?)^```/gm)].map((m) => m[1]);

test('the bolts', async (t) => {
  for (const source of examples.slice(0, 2)) {
    const host = new Host(t, source, { file: 'component.mjs', inputs: [['lines', 'default', ['line']]], outputs: [['default', ['word']]] });
    await host.start();
    assert.deepEqual((await host.process([['a b']])).emits.map((e) => e.values[0]), ['a', 'b']);
    await host.stop();
  }
});

test('the spouts', async (t) => {
  const [generator, queue] = examples[2].split('class Queue');
  const host = new Host(t, generator, { file: 'component.mjs', conf: { n: 2 } });
  await host.start();
  host.send(TO_CHILD.ACTIVATE);
  assert.deepEqual((await host.ask(5)).emits.map((e) => e.values[0]), ['line 0', 'line 1']);
  await host.stop();
  const client = "const list = [{ id: 7, body: 'x' }]; const gone = []; Queue.prototype.client = { receive: async () => list.shift(), delete: (id) => console.log('deleted', id) };";
  const other = new Host(t, `import { Spout } from 'polybolt'; class Queue${queue.replace('Queue.run();', `${client} Queue.run();`)}`, { file: 'component.mjs' });
  await other.start();
  other.send(TO_CHILD.ACTIVATE);
  assert.deepEqual((await other.ask(1)).emits.map((e) => [e.values[0], e.want]), [['x', true]]);
  other.outcome([0]);
  await other.log((m) => m.text === 'deleted 7');
  await other.stop();
});

test('the Tester', async () => {
  const { Bolt } = require('../index.js');
  const { Tester } = require('../testing.js');
  const Split = new Function('Bolt', examples[1].replace(/^import.*$/m, '').replace('Split.run();', 'return Split;'))(Bolt);
  const AsyncFunction = (async () => {}).constructor;
  const r = await new AsyncFunction('Tester', 'Split', `${examples[3].replace(/^import.*$/m, '')}; return r;`)(Tester, Split);
  assert.deepEqual(r.values(), [['a'], ['b']]);
  assert.deepEqual(r.acked, [{ line: 'a,b' }]);
});
