'use strict';
// Bolts that do not wait: classes, functions, batches, ticks; what they emit,
// and what they may not emit. In this process, by a Tester.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Bolt, Timestamp, bolt, emitTo } = require('../index.js');
const { Tester } = require('../testing.js');

const LINES = { inputs: { lines: ['line'] }, outputs: ['word'] };

class Split extends Bolt {
  process(tup) {
    for (const word of tup.get('line').split(' ')) this.emit([word]);
  }
}

for (const level of ['columns', 'rows']) {
  test(`a class: emits are anchored to the tuple, which is acked (${level})`, async () => {
    const t = new Tester(Split, { ...LINES, level });
    const rows = [{ line: 'a b' }, { line: 'c' }];
    const r = await t.send(rows);
    assert.deepEqual(r.emits.map(({ values, anchors }) => [values[0], anchors]), [['a', [rows[0]]], ['b', [rows[0]]], ['c', [rows[1]]]]);
    assert.deepEqual([r.acked, r.failed, r.held], [rows, [], []]);
  });

  test(`a generator, a function, objects and arrays of several fields (${level})`, async () => {
    const t = new Tester(bolt(function* ({ line }) { yield* line.split(' '); }), { ...LINES, level });
    assert.deepEqual((await t.send({ line: 'a b' })).values(), [['a'], ['b']]);
    for (const fn of [({ a, b }) => [b, a], ({ a, b }) => ({ y: a, x: b }), function* ({ a, b }) { yield { x: b, y: a }; }]) {
      const two = new Tester(bolt(fn), { inputs: { in: ['a', 'b'] }, outputs: ['x', 'y'], level });
      assert.deepEqual((await two.send({ a: 1, b: 'q' })).values(), [['q', 1]]);
    }
  });
}

test('one output field: what is returned is the value, a list or an object too; null and undefined emit nothing', async () => {
  const t = new Tester(bolt(({ v }) => (v === 0 ? undefined : v)), { inputs: { in: ['v'] }, outputs: ['w'] });
  const values = [[1, 2], { a: null }, null, 0, false, '', Buffer.from('x'), new Date(5), 2n ** 60n, new Map([[1, 2]])];
  const r = await t.send(values.map((v) => ({ v })));
  assert.deepEqual(r.values(), [[[1, 2]], [{ a: null }], [false], [''], [Buffer.from('x')], [new Date(5)], [2n ** 60n], [new Map([[1, 2]])]]);
  assert.equal(r.acked.length, values.length);
});

test('a function is given the fields, the context and the tuple; it may return a generator', async () => {
  const seen = [];
  const t = new Tester(bolt((fields, ctx, tup) => {
    seen.push([fields, ctx.component, ctx.conf, tup.id, tup.get('line'), tup.component, tup.task]);
    return (function* () { yield 1; yield 2; })();
  }), { ...LINES, component: 'split', conf: { k: 1 } });
  assert.deepEqual((await t.send([{ line: 'x' }], { task: 9 })).values(), [[1], [2]]);
  assert.deepEqual(seen, [[{ line: 'x' }, 'split', { k: 1 }, '1-0', 'x', 'lines', 9]]);
});

test('tuples: get, values, fields, component, stream, task, id; kept ones stay as they are', async () => {
  const kept = [];
  class Keep extends Bolt {
    process(tup) { kept.push(tup); }
  }
  const t = new Tester(Keep, { inputs: { a: ['x', '__proto__', 'a-b'], b: { other: ['y'] } } });
  await t.send([[1, 2, 3], [4, 5, 6]], { task: 7 });
  await t.send({ y: 'q' }, { from: 'b', stream: 'other' });
  assert.deepEqual(kept.map((tup) => [tup.component, tup.stream, tup.task, tup.id, tup.fields, tup.values]), [
    ['a', 'default', 7, '1-0', ['x', '__proto__', 'a-b'], [1, 2, 3]], ['a', 'default', 7, '1-1', ['x', '__proto__', 'a-b'], [4, 5, 6]], ['b', 'other', 1, '2-0', ['y'], ['q']]]);
  assert.equal(kept[1].get('__proto__'), 5);
  assert.equal(require('node:util').inspect(kept[2]), "Tuple(b/other { y: 'q' })");
  assert.throws(() => kept[0].get('z'), { name: 'RangeError', message: 'no field "z" in a tuple of a/default; it has x, __proto__, a-b' });
});

test('D36 an exception fails its tuple at once, with text, stack and place; the next is processed', async () => {
  class Odd extends Bolt {
    process(tup) {
      this.emit([tup.get('line')]);
      if (tup.get('line') === 'bad') throw new TypeError('no such word');
    }
  }
  for (const target of [Odd, bolt(({ line }) => { if (line === 'bad') throw new TypeError('no such word'); return line; })]) {
    const t = new Tester(target, LINES);
    const r = await t.send([{ line: 'a' }, { line: 'bad' }, { line: 'b' }]);
    assert.deepEqual(r.acked, [{ line: 'a' }, { line: 'b' }]);
    const [{ row, error }] = r.failed;
    assert.deepEqual([row, error.kind, error.type, error.message], [{ line: 'bad' }, 'exception', 'TypeError', 'no such word']);
    assert.match(error.traceback, /^TypeError: no such word\n {4}at .*bolt\.test\.js:\d+:\d+/);
    assert.doesNotMatch(error.traceback, /shells\/node\/lib|node:internal/);
    assert.match(error.place, /bolt\.test\.js:\d+$/);
    assert.deepEqual(r.errors, []);
  }
});

test('D21 whatever is thrown is reported: a broken toString, getters, no error at all', async () => {
  const broken = { toString() { throw new Error('inner'); }, get message() { throw new Error('inner'); } };
  const evil = new Error('x');
  for (const name of ['stack', 'message']) Object.defineProperty(evil, name, { get() { throw new Error('inner'); } });
  const caused = new Error('outer \ud800', { cause: new Error('the cause') });
  const things = [broken, evil, 'text', null, undefined, 7, new Proxy({}, { get() { throw new Error('inner'); }, getPrototypeOf() { throw new Error('inner'); } }), caused, new AggregateError([new Error('part')], 'all')];
  const t = new Tester(bolt(({ line }) => { throw things[line]; }), LINES);
  const r = await t.send(things.map((_, line) => ({ line })));
  assert.equal(r.failed.length, things.length);
  assert.deepEqual(r.failed.map(({ error }) => error.type), ['object', 'Error', 'string', 'null', 'undefined', 'number', 'object', 'Error', 'AggregateError']);
  assert.deepEqual([2, 3, 4, 5].map((i) => r.failed[i].error.message), ['text', 'null', 'undefined', '7'].map((s, i) => (i === 3 ? 'number 7' : s)));
  assert.match(r.failed[7].error.traceback, /Caused by: Error: the cause/);
  assert.equal(r.failed[7].error.message, 'outer \ufffd');
  assert.match(r.failed[8].error.traceback, /of which: Error: part/);
});

class Emit extends Bolt {
  process(tup) { this.emit(...values[tup.get('line')]); }
}
let values;

async function emitError(args, outputs = { default: ['word', 'n'], errors: ['text'] }) {
  values = [args];
  const t = new Tester(Emit, { inputs: { lines: ['line'] }, outputs, component: 'count', maxMessageBytes: 100_000 });
  const r = await t.send({ line: 0 });
  assert.deepEqual([r.emits, r.acked], [[], []]);
  return r.failed[0].error;
}

for (const [args, type, text] of [
  [['ab'], 'TypeError', 'count: stream "default" takes an array or an object of word, n, got string \'ab\''],
  [[['a']], 'TypeError', 'count: stream "default" has 2 fields (word, n), got 1 value: array [ \'a\' ]'],
  [[['a', 1, 2]], 'TypeError', 'count: stream "default" has 2 fields (word, n), got 3 values'],
  [[{ word: 'a' }], 'TypeError', 'count: stream "default" has the fields word, n; the object has word'],
  [[{ word: 'a', n: 1, x: 1 }], 'TypeError', 'the object has word, n, x'],
  [[undefined], 'TypeError', 'takes an array or an object of word, n, got undefined'],
  [['x', { stream: 'errors' }], 'TypeError', 'count: stream "errors" takes an array or an object of text, got string \'x\'; write [value] for a single value'],
  [[['a', 1], { stream: 'eror' }], 'Error', 'count: no stream \'eror\' is declared; it has "default" (word, n), "errors" (text)'],
  [[['a', 1], { steam: 'errors' }], 'TypeError', 'emit has no option "steam"; it has stream, directTask, needTaskIds, anchors'],
  [[['a', 1], 'errors'], 'TypeError', "emit takes its options as an object, such as {stream: 'errors'}, not string 'errors'"],
  [[['a', 1], { directTask: '3' }], 'TypeError', 'directTask is the number of a task'],
  [[['a', 1], { anchors: ['x'] }], 'TypeError', 'count: anchors are input tuples, not string'],
]) {
  test(`D15 emit: ${text}`, async () => {
    const error = await emitError(args);
    assert.equal(error.type, type);
    assert.ok(error.message.includes(text), error.message);
    assert.match(error.place, /bolt\.test\.js/);
  });
}

test('D15 a component without output', async () => {
  assert.equal((await emitError([['a']], [])).message, 'count emits, but the topology gives it no output: add output: [field, …] to it');
  const t = new Tester(bolt(({ line }) => line), { inputs: { lines: ['line'] }, component: 'sink' });
  const r = await t.send([{ line: 3 }, { line: null }]);
  assert.equal(r.failed[0].error.message, 'sink: the function returns number 3, but the topology gives it no output: return nothing (put the body in braces), or add output: [field, …]');
  assert.deepEqual(r.acked, [{ line: null }]);
});

for (const [value, type, text] of [
  [() => 1, 'TypeError', 'count: stream "default", field "n": a function cannot be sent'],
  [{ user: { tags: [1, undefined] } }, 'TypeError', 'count: stream "default", field "n", at user.tags[1]: undefined cannot be sent'],
  [2n ** 64n, 'RangeError', 'field "n": a BigInt of 65 bits does not fit in 64'],
  [new Set(), 'TypeError', 'field "n": an instance of Set cannot be sent; send [...value]'],
  ['\ud800', 'TypeError', 'count: stream "default", field "n": the string holds lone surrogates'],
  ['x'.repeat(100_001), 'RangeError', 'count: stream "default": a row of 100012 bytes; max_message_bytes allows 100000'],
  ['é'.repeat(50_001), 'RangeError', 'max_message_bytes allows 100000'],
  [Buffer.alloc(100_001), 'RangeError', 'max_message_bytes allows 100000'],
  [['x'.repeat(100_001)], 'RangeError', 'max_message_bytes allows 100000'],
]) {
  test(`D13 D7 emit of what cannot be sent: ${text}`, async () => {
    const error = await emitError([['a', value]]);
    assert.equal(error.type, type);
    assert.ok(error.message.includes(text), error.message);
  });
}

test('D13 a function that returns what cannot be sent fails that row only, and its generator is closed', async () => {
  let closed = 0;
  const t = new Tester(bolt(function* ({ line }) {
    try {
      yield line === 1 ? new Set() : line;
    } finally {
      closed++;
    }
  }), LINES);
  const r = await t.send([{ line: 0 }, { line: 1 }, { line: 2 }]);
  assert.deepEqual([r.values(), r.failed.length, closed], [[[0], [2]], 1, 3]);
});

for (const level of ['columns', 'rows']) {
  test(`D13 a lone surrogate fails the row that it came from, however many share the frame (${level})`, async () => {
    const t = new Tester(bolt(function* ({ line }) { yield* line.split(' '); }), { ...LINES, level });
    const rows = Array.from({ length: 50 }, (_, i) => ({ line: `a${i} b${i}` }));
    class Bad extends Bolt {
      process(tup) {
        for (const w of tup.get('line').split(' ')) this.emit([w === 'b7' || w === 'a30' ? `${w}\ud800` : w]);
      }
    }
    const r = await new Tester(Bad, { ...LINES, level }).send(rows);
    assert.deepEqual(r.failed.map(({ row, error }) => [row.line, error.type]), [['a7 b7', 'TypeError'], ['a30 b30', 'TypeError']]);
    assert.match(r.failed[0].error.message, /^component: stream "default", field "word": the string holds lone surrogates/);
    assert.equal(r.emits.length, 98);
    assert.ok(r.emits.every(({ values: [w], anchors: [row] }) => row.line.split(' ').includes(w)));
    assert.equal(r.acked.length, 48);
    assert.equal((await t.send(rows)).emits.length, 100);
  });
}

test('a mutable value is sent as it was when it was emitted', async () => {
  class Mutate extends Bolt {
    process(tup) {
      const list = [tup.get('line')];
      this.emit([list]);
      list.push('later');
    }
  }
  assert.deepEqual((await new Tester(Mutate, LINES).send({ line: 1 })).values(), [[[1]]]);
});

test('D14 integers, floats and times pass through as what they were', async () => {
  const t = new Tester(bolt(({ line }) => line), LINES);
  const given = [2n ** 53n, 2 ** 53 - 1, -0, 1.5, NaN, new Timestamp(1700000000n, 123456789), 2n ** 63n - 1n];
  const r = await t.send(given.map((line) => ({ line })));
  const got = r.values().map(([v]) => v);
  assert.deepEqual(got.slice(0, 5), given.slice(0, 5));
  assert.equal(got[5].nanoseconds, 123456789);
  assert.equal(got[6], given[6]);
});

test('emitTo takes values as yield does', async () => {
  const outputs = { default: ['x'], one: ['x'], two: ['a', 'b'] };
  const both = bolt(function* ({ x }) { emitTo('one', x); yield x; });
  for (const x of ['a', 1, [1], { x: 1 }, [], null]) {
    const r = await new Tester(both, { inputs: { in: ['x'] }, outputs }).send({ x });
    assert.deepEqual(r.values('one'), x === null ? [] : [[x]]);
    assert.deepEqual(r.values(), r.values('one'));
  }
  const two = bolt(({ x }) => {
    for (const values of [[x, 1], { b: 2, a: x }, undefined, null]) emitTo('two', values);
  });
  assert.deepEqual((await new Tester(two, { inputs: { in: ['x'] }, outputs }).send({ x: 'a' })).values('two'), [['a', 1], ['a', 2]]);
});

test('several streams in one row: emitTo, and emit with a stream, anchors, a direct task', async () => {
  const outputs = { default: ['word'], errors: ['text', 'n'] };
  const f = new Tester(bolt(function* ({ line }) {
    emitTo('errors', [line, 1]);
    yield line;
    emitTo('errors', { text: line, n: 2 });
    yield emitTo('default', 'again');
  }), { ...LINES, outputs });
  const rows = [{ line: 'x' }, { line: 'y' }];
  const r = await f.send(rows);
  assert.deepEqual(r.values(), [['x'], ['again'], ['y'], ['again']]);
  assert.deepEqual(r.values('errors'), [['x', 1], ['x', 2], ['y', 1], ['y', 2]]);
  assert.deepEqual(r.emits.filter((e) => e.stream === 'errors').map((e) => e.anchors[0].line), ['x', 'x', 'y', 'y']);

  class Many extends Bolt {
    process(tup) {
      this.first ??= tup;
      this.emit(['own']);
      this.emit(['none'], { anchors: [] });
      this.emit(['both'], { anchors: [this.first, tup] });
      this.emit(['direct'], { directTask: 7 });
      this.emit(['and']);
      this.emit(['one'], { anchors: tup });
      this.emit(['own again']);
    }
  }
  const m = new Tester(Object.assign(new Many(), { autoAck: false }), { ...LINES, outputs });
  const got = await m.send(rows);
  assert.deepEqual(got.emits.map(({ values: [v], anchors, directTask }) => [v, anchors.map((a) => a.line).join(), directTask]), [
    ['own', 'x', undefined], ['none', '', undefined], ['both', 'x,x', undefined], ['direct', 'x', 7], ['and', 'x', undefined], ['one', 'x', undefined], ['own again', 'x', undefined],
    ['own', 'y', undefined], ['none', '', undefined], ['both', 'x,y', undefined], ['direct', 'y', 7], ['and', 'y', undefined], ['one', 'y', undefined], ['own again', 'y', undefined]]);
  assert.deepEqual(got.held, rows);
});

test('D46 D47 a batch: returning acks what was not failed, an exception fails what was not acked, and batching goes on', async () => {
  class Batch extends Bolt {
    processBatch(tuples) {
      for (const tup of tuples) {
        if (tup.get('line') === 'no') this.fail(tup, 'refused');
        else if (tup.get('line') === 'yes') this.ack(tup);
        else this.emit([tup.get('line')], { anchors: tup });
      }
      if (tuples.some((tup) => tup.get('line') === 'boom')) throw new Error('boom');
      this.emit([`${tuples.length} rows`]);
    }
  }
  const t = new Tester(Batch, LINES);
  const lines = (list) => list.map((x) => (x.row ?? x).line);
  const good = await t.send(['a', 'no', 'yes', 'b'].map((line) => ({ line })));
  assert.deepEqual([lines(good.acked).sort(), lines(good.failed)], [['a', 'b', 'yes'], ['no']]);
  assert.deepEqual(good.emits.map((e) => [e.values[0], lines(e.anchors)]), [['a', ['a']], ['b', ['b']], ['4 rows', ['a', 'b']]]);
  assert.deepEqual(good.logs, []);
  const bad = await t.send(['a', 'no', 'yes', 'boom', 'c'].map((line) => ({ line })));
  assert.deepEqual([lines(bad.acked), lines(bad.failed).sort()], [['yes'], ['a', 'boom', 'c', 'no']]);
  assert.equal(bad.failed.filter(({ error }) => error.traceback !== '').length, 1, 'one traceback');
  assert.deepEqual((await t.send([['x']])).values(), [['x'], ['1 rows']]);
});

test('D48 D49 ticks go to processTick alone, from the first on, and emit without anchors', async () => {
  class Ticks extends Bolt {
    n = 0;
    process() { this.n++; }
    processTick(tup) {
      this.emit([[this.n, tup.component, tup.stream, tup.task, tup.id, [...tup.fields]]]);
      this.ack(tup);
      this.emit(['anchored'], { anchors: tup });
    }
  }
  const t = new Tester(Ticks, LINES);
  const first = await t.tick();
  assert.deepEqual(first.values(), [[[0, '__system', '__tick', -1, 'tick', []]], ['anchored']]);
  assert.deepEqual(first.emits.map((e) => e.anchors), [[], []]);
  assert.deepEqual([first.acked, first.logs], [[], []]);
  await t.send([{ line: 1 }, { line: 2 }]);
  assert.equal((await t.tick()).values()[0][0][0], 2);
  class Quiet extends Bolt { process() {} }
  assert.deepEqual((await new Tester(Quiet, LINES).tick()).errors, []);
});

test('an exception in a tick or in onStop is reported; what onStop emits arrives', async () => {
  class End extends Bolt {
    process() {}
    processTick() { throw new Error('tick'); }
    onStop() {
      this.emit(['bye']);
      throw new Error('stop');
    }
  }
  const t = new Tester(End, LINES);
  assert.deepEqual((await t.tick()).errors.map((e) => e.message), ['tick']);
  const r = await t.stop();
  assert.deepEqual([r.values(), r.errors.map((e) => e.message)], [[['bye']], ['stop']]);
});

test('initialize gets conf and ctx, may emit, and may keep them under these names', async () => {
  class Init extends Bolt {
    initialize(conf, ctx) {
      this.conf = conf;
      this.ctx = ctx;
      this.emit([`hello ${conf.name}`]);
    }
    process() { this.emit([`${this.ctx.component} ${this.conf.name}`]); }
  }
  const t = new Tester(Init, { ...LINES, conf: { name: 'you' } });
  assert.deepEqual((await t.start()).values(), [['hello you']]);
  assert.deepEqual((await t.send({ line: 1 })).values(), [['component you']]);
  class Broken extends Bolt {
    initialize() { throw new Error('no database'); }
  }
  await assert.rejects(new Tester(Broken, LINES).send({ line: 1 }), /no database/);
  class Empty extends Bolt {}
  await assert.rejects(new Tester(Empty, LINES).send({ line: 1 }), /^ComponentError: component: Empty overrides neither process nor processBatch/);
});

test('D50 metrics need no registration; D28 log levels', async () => {
  class Metrics extends Bolt {
    process(tup) {
      this.metrics.counter('seen').inc();
      this.metrics.counter('seen').inc(2);
      this.metrics.gauge('depth').set(-1.5);
      for (const v of [3, 1, 2]) this.metrics.histogram('ms').observe(v);
      this.metrics.timer('took')();
      this.log.debug('%s %d', tup.get('line'), 7);
      this.log.error('bad', { a: 1 });
      assert.throws(() => this.metrics.gauge('seen'), /metric "seen" is a counter already/);
      assert.throws(() => this.metrics.counter('seen').inc('1'), /a metric takes a number, got string '1'/);
    }
  }
  const r = await new Tester(Metrics, LINES).send({ line: 'x' });
  assert.deepEqual(r.failed, []);
  assert.deepEqual(r.metrics.slice(0, 3), [['seen', 'counter', 3], ['depth', 'gauge', -1.5], ['ms', 'histogram', [3, 1, 2]]]);
  assert.equal(r.metrics[3][2].length, 1);
  assert.deepEqual(r.logs, [{ level: 'debug', text: 'x 7' }, { level: 'error', text: "bad { a: 1 }" }]);
});

test('histograms are thinned out evenly beyond 4,096 observations', async () => {
  class Many extends Bolt {
    process() { for (let i = 0; i < 20_000; i++) this.metrics.histogram('h').observe(i); }
  }
  const [[, , list]] = (await new Tester(Many, LINES).send({ line: 1 })).metrics;
  assert.ok(list.length > 1500 && list.length <= 4096, `${list.length}`);
  const mean = list.reduce((a, b) => a + b) / list.length;
  assert.ok(Math.abs(mean - 10_000) < 500, `${mean}`);
});

test('emit, log and finish outside of a running component say so', () => {
  assert.throws(() => new Split().emit(['x']), /Split is not running: this works in a topology, or in a Tester/);
  assert.throws(() => bolt(Split), /bolt\(\) takes a function, not function \[class Split extends Bolt\]; a class extends Bolt/);
  assert.throws(() => bolt(5), (error) => !/polybolt.lib|index\.js/.test(error.stack.split('\n')[1]) && error.stack.split('\n')[1].includes('bolt.test.js'));
  assert.throws(() => new Tester({}), /a Tester takes a class that extends Bolt or Spout/);
});

test('concurrency without anything that waits is warned of once', async () => {
  const t = new Tester(Split, { ...LINES, concurrency: 4 });
  const r = await t.send([{ line: 'a' }, { line: 'b' }]);
  await t.send([{ line: 'c' }]);
  assert.deepEqual(r.logs.length, 1);
  assert.match(r.logs[0].text, /concurrency is 4, but this bolt does not wait/);
});

test('a row with a great many emits is sent in parts, all of them anchored to it', async () => {
  for (const target of [bolt(function* ({ line }) { for (let i = 0; i < line; i++) yield `word ${i}`; }), class extends Bolt {
    process(tup) { for (let i = 0; i < tup.get('line'); i++) this.emit([`word ${i}`]); }
  }]) {
    const rows = [{ line: 3 }, { line: 100_000 }, { line: 2 }];
    const r = await new Tester(target, LINES).send(rows);
    assert.equal(r.emits.length, 100_005);
    assert.deepEqual([rows[0], rows[1], rows[2]].map((row) => r.emits.filter((e) => e.anchors[0] === row).length), [3, 100_000, 2]);
    assert.deepEqual(r.acked, rows);
  }
});

test('a failing row that had parts sent, and failures in great number', async () => {
  const t = new Tester(bolt(function* ({ line }) {
    for (let i = 0; i < line; i++) yield `word ${i}`;
    throw new Error('x'.repeat(5000));
  }), LINES);
  const rows = Array.from({ length: 300 }, (_, i) => ({ line: i === 5 ? 30_000 : 1 }));
  const r = await t.send(rows);
  assert.deepEqual([r.failed.length, r.acked.length, r.emits.length], [300, 0, 30_299]);
});
