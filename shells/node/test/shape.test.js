'use strict';
// What user code may look like, and what is said of what it may not.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Bolt, Spout, bolt, emitTo } = require('../index.js');
const { Tester } = require('../testing.js');

const LINES = { inputs: { lines: ['line'] }, outputs: ['word'] };
const turn = () => new Promise((resolve) => setImmediate(resolve));

test('D15 a method that is a generator is refused: nobody would run it', async () => {
  class Process extends Bolt {
    *process(tup) { yield [tup.get('line')]; }
  }
  class Batch extends Bolt {
    async *processBatch(tuples) { yield tuples; }
  }
  class Next extends Spout {
    *nextTuple() { yield ['x']; }
  }
  await assert.rejects(new Tester(Process, LINES).start(), /^ComponentError: component: Process has a process that yields; call this\.emit instead$/);
  await assert.rejects(new Tester(Batch, LINES).start(), /Batch has a processBatch that yields/);
  await assert.rejects(new Tester(Next, LINES).start(), /Next has a nextTuple that yields/);
});

test('a function is given the tuple however it takes it', async () => {
  const id = (fields, ctx, tup) => `${ctx.component} ${tup.id}`;
  for (const fn of [
    (...args) => id(...args),
    ({ line } = {}, ctx, tup) => id({ line }, ctx, tup),
    (fields, ctx, tup = null) => id(fields, ctx, tup),
    function () { return id.apply(this, arguments); }, // as compilers write it
    ((...args) => id(...args)).bind(null),
    async (...args) => id(...args),
    function* (fields, ...[ctx, tup]) { yield id(fields, ctx, tup); },
  ]) {
    assert.deepEqual((await new Tester(bolt(fn), LINES).send({ line: 'x' })).values(), [['component 1-0']], String(fn));
  }
});

test('emitTo in an async function is anchored to its row, also if there is one stream alone', async () => {
  for (const stream of ['default', 'errors']) {
    const late = bolt(async ({ line }) => {
      await turn();
      emitTo(stream, line);
    });
    const { emits } = await new Tester(late, { ...LINES, outputs: { [stream]: ['v'] }, concurrency: 2 }).send([{ line: 1 }, { line: 2 }]);
    assert.deepEqual(emits.map(({ values, anchors }) => [values, anchors]), [[[1], [{ line: 1 }]], [[2], [{ line: 2 }]]]);
  }
});

test('emitTo in what an async function calls is anchored to the rows in progress, and then to its own', async () => {
  const say = (line) => emitTo('default', line);
  const late = bolt(async ({ line }) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    say(line);
  });
  const t = new Tester(late, { ...LINES, outputs: ['v'], concurrency: 2 });
  const anchors = async (...lines) => (await t.send(lines.map((line) => ({ line })))).emits.map((emit) => emit.anchors.map(({ line }) => line));
  const [first, second] = await anchors(1, 2);
  assert.deepEqual(first, [1, 2]);
  assert.ok(second.includes(2));
  assert.deepEqual(await anchors(3, 4), [[3], [4]]);
});

test('initialize may wait for task ids', async () => {
  class Ids extends Bolt {
    async initialize() { this.ids = await this.emit(['hello'], { needTaskIds: true }); }
    process() { this.emit([this.ids]); }
  }
  const t = new Tester(Ids, { ...LINES, taskIds: () => [4, 5] });
  assert.deepEqual((await t.send({ line: 1 })).values(), [[[4, 5]]]);
});

test('D13 the Tester says what cannot be sent of rows and conf', async () => {
  const t = new Tester(bolt(({ line }) => line), LINES);
  await assert.rejects(t.send({ line: undefined }), /^TypeError: the input's field "line": undefined cannot be sent; send null, or leave it out$/);
  await assert.rejects(t.send([[{ a: [() => 1] }]]), /the input's field "line", at a\[0\]: a function cannot be sent/);
  assert.throws(() => new Tester(bolt(() => 1), { ...LINES, conf: { client: new (class Client {})() } }), /conf, at client: an instance of Client cannot be sent/);
});

test('what is emitted on several streams, and what is said, makes no frame larger than its rows by more than 64 KiB', async () => {
  const long = '日'.repeat(70_000);
  class Many extends Bolt {
    process() {
      for (const stream of ['a', 'b', 'c']) for (let i = 0; i < 20; i++) this.emit(['日'.repeat(1000)], { stream });
      this.log.info(long);
      throw new Error(long);
    }
  }
  const t = new Tester(Many, { ...LINES, outputs: { a: ['v'], b: ['v'], c: ['v'] }, maxMessageBytes: 65_536 });
  await t.start();
  const sizes = [];
  const { outbox } = t.instance[Object.getOwnPropertySymbols(t.instance).find((s) => s.description === 'component')];
  const { write } = outbox;
  outbox.write = () => {
    sizes.push(outbox.w.pos);
    write();
  };
  const r = await t.send({ line: 1 });
  assert.deepEqual([r.emits.length, r.failed.length], [60, 1]);
  assert.ok(Math.max(...sizes) <= 2 * 65_536, String(sizes));
  for (const text of [r.logs[0].text, r.failed[0].error.message]) {
    assert.ok(Buffer.byteLength(text) < 40_000 && text.includes('characters left out') && !text.includes('\ufffd'));
  }
});
