'use strict';
// Bolts that wait: async functions, promises, callbacks, async generators, with
// several rows in progress. In this process, by a Tester.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Bolt, bolt, emitTo } = require('../index.js');
const { Tester } = require('../testing.js');

const LINES = { inputs: { lines: ['line'] }, outputs: ['word'] };
const rowsOf = (...lines) => lines.map((line) => ({ line }));
const linesOf = (list) => list.map((x) => (x.row ?? x).line);
const turn = () => new Promise((resolve) => setImmediate(resolve));

/** A promise and its ends. */
function deferred() {
  const d = {};
  d.promise = new Promise((resolve, reject) => Object.assign(d, { resolve, reject }));
  return d;
}

for (const level of ['columns', 'rows']) {
  test(`an async class, an async function, a promise, an async generator (${level})`, async () => {
    class Class extends Bolt {
      async process(tup) {
        await turn();
        this.emit([tup.get('line')]);
      }
    }
    const forms = [Class, bolt(async ({ line }) => line), bolt(({ line }) => turn().then(() => line)), bolt(async function* ({ line }) {
      await turn();
      yield line;
    })];
    for (const form of forms) {
      const t = new Tester(form, { ...LINES, level, concurrency: 3 });
      const rows = rowsOf('a', 'b', 'c', 'd', 'e');
      for (let round = 0; round < 2; round++) {
        const r = await t.send(rows);
        assert.deepEqual(r.emits.map((e) => [e.values[0], linesOf(e.anchors)]).sort(), ['a', 'b', 'c', 'd', 'e'].map((line) => [line, [line]]));
        assert.deepEqual([linesOf(r.acked).sort(), r.failed], [['a', 'b', 'c', 'd', 'e'], []]);
      }
    }
  });
}

test('up to `concurrency` rows are in progress, and they end in any order', async () => {
  const waits = new Map();
  let most = 0;
  class Slow extends Bolt {
    async process(tup) {
      const d = deferred();
      waits.set(tup.get('line'), d);
      most = Math.max(most, waits.size);
      await d.promise;
      waits.delete(tup.get('line'));
      this.emit([tup.get('line')]);
    }
  }
  const t = new Tester(Slow, { ...LINES, concurrency: 3 });
  const done = t.send(rowsOf(0, 1, 2, 3, 4, 5));
  for (const next of [2, 1, 3, 4, 0, 5]) {
    while (!waits.has(next)) await turn();
    waits.get(next).resolve();
    await turn();
  }
  const r = await done;
  assert.equal(most, 3);
  assert.deepEqual(r.values().flat(), [2, 1, 3, 4, 0, 5]);
  assert.deepEqual(linesOf(r.acked).sort(), [0, 1, 2, 3, 4, 5]);
});

test('a row goes out when the loop turns, though others wait: ahead of its turn it is acked or failed by name', async () => {
  const gate = deferred();
  const t = new Tester(bolt(async ({ line }) => {
    if (line === 'slow') await gate.promise;
    if (line === 'bad') throw new Error('bad');
    return line;
  }), { ...LINES, concurrency: 4 });
  const done = t.send(rowsOf('slow', 'a', 'bad', 'b'));
  let early = await t.later();
  while (early.acked.length < 2) early = await t.later();
  assert.deepEqual([early.values().flat(), linesOf(early.acked), linesOf(early.failed)], [['a', 'b'], ['a', 'b'], ['bad']]);
  gate.resolve();
  const r = await done;
  assert.deepEqual([r.values().flat(), linesOf(r.acked), r.failed], [['slow'], ['slow'], []]);
});

test('D8 many rows emit and ack at once, in tasks of their own, and every emit finds its row', async () => {
  class Busy extends Bolt {
    autoAck = false;
    async process(tup) {
      const n = tup.get('line');
      const part = async (i) => {
        for (let k = 0; k < i; k++) await turn();
        this.emit([`${n}.${i}`]);
      };
      await Promise.all([part(2), part(0), part(1)]);
      setImmediate(() => {
        this.emit([`${n}.3`]);
        this.ack(tup);
      });
    }
  }
  const t = new Tester(Busy, { ...LINES, concurrency: 8 });
  const rows = rowsOf(...Array.from({ length: 200 }, (_, i) => i));
  const r = await t.send(rows);
  const rest = await t.later();
  const emits = [...r.emits, ...rest.emits];
  assert.equal(emits.length, 800);
  for (const { values: [v], anchors } of emits) assert.deepEqual(linesOf(anchors), [Number(v.split('.')[0])], v);
  assert.deepEqual(linesOf([...r.acked, ...rest.acked]).sort((a, b) => a - b), linesOf(rows));
});

test('emits of timers and stray promises are anchored to nothing, never to the row that happens to be in progress', async () => {
  const stray = deferred();
  class Stray extends Bolt {
    initialize() {
      stray.promise.then(() => this.emit(['stray']));
    }
    async process() {
      await turn();
      stray.resolve();
      await turn();
      this.emit(['own']);
    }
  }
  const r = await new Tester(Stray, LINES).send({ line: 1 });
  assert.deepEqual(r.emits.map((e) => [e.values[0], e.anchors.length]), [['stray', 0], ['own', 1]]);
  class Timer extends Bolt {
    process(tup) {
      setImmediate(() => this.emit([`later ${tup.get('line')}`]));
      this.emit(['now']);
    }
  }
  const t = new Tester(Timer, LINES);
  const first = await t.send({ line: 1 });
  await turn();
  const later = await t.later();
  assert.deepEqual([...first.emits, ...later.emits].map((e) => [e.values[0], e.anchors.length]), [['now', 1], ['later 1', 0]]);
});

test('D38 an emit after its row is done, from something that was not awaited, is sent without anchor and warned of', async () => {
  const gate = deferred();
  class Forgets extends Bolt {
    async process() {
      gate.promise.then(() => this.emit(['late']));
    }
  }
  const t = new Tester(Forgets, LINES);
  const first = await t.send({ line: 1 });
  assert.equal(first.acked.length, 1);
  gate.resolve();
  await turn();
  const r = await t.later();
  assert.deepEqual(r.emits.map((e) => [e.values[0], e.anchors]), [['late', []]]);
  assert.match(r.logs[0].text, /an emit is anchored to a tuple that was acked before; the anchor is left out/);
});

test('a function that only sometimes waits: its row is found all the same, and later rows run side by side', async () => {
  const seen = [];
  class Cache extends Bolt {
    process(tup) {
      const line = tup.get('line');
      seen.push(line);
      this.emit([`sync ${line}`]);
      if (line % 3 !== 2) return undefined;
      return turn().then(() => this.emit([`async ${line}`]));
    }
  }
  for (const target of [Cache, bolt(({ line }) => (line % 3 === 2 ? turn().then(() => `async ${line}`) : `sync ${line}`))]) {
    const t = new Tester(target, LINES);
    const r = await t.send(rowsOf(0, 1, 2, 3, 4, 5, 6));
    assert.ok(r.emits.length === (target === Cache ? 9 : 7));
    for (const { values: [v], anchors } of r.emits) assert.deepEqual(linesOf(anchors), [Number(v.split(' ')[1])]);
    assert.equal(r.acked.length, 7);
    assert.equal((await t.send(rowsOf(7, 8))).acked.length, 2);
  }
  assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8]);
});

test('a promise of a function that did not wait before: ack and fail in its first part stand', async () => {
  class Early extends Bolt {
    process(tup) {
      if (tup.get('line') === 'ack') this.ack(tup);
      if (tup.get('line') === 'fail') this.fail(tup, 'said');
      return turn();
    }
  }
  for (const lines of [['ack', 'x'], ['fail', 'x']]) {
    const r = await new Tester(Early, LINES).send(rowsOf(...lines));
    assert.deepEqual([...linesOf(r.acked), ...linesOf(r.failed)].sort(), [...lines].sort());
  }
});

test('D37 done(error), a throw and a rejection all report text and stack', async () => {
  const forms = {
    callback: class extends Bolt {
      process(tup, done) { setImmediate(() => done(new TypeError('oops'))); }
    },
    throws: class extends Bolt {
      process(tup, done) { throw new TypeError('oops'); } // eslint-disable-line no-unused-vars
    },
    rejects: class extends Bolt {
      async process() {
        await turn();
        throw new TypeError('oops');
      }
    },
    text: class extends Bolt {
      process(tup, done) { done('oops'); }
    },
  };
  for (const [name, form] of Object.entries(forms)) {
    const [{ error }] = (await new Tester(form, LINES).send({ line: 1 })).failed;
    assert.equal(error.message, 'oops', name);
    if (name === 'text') continue;
    assert.match(error.traceback, /TypeError: oops\n.*waiting\.test\.js/, name);
    assert.match(error.place, /waiting\.test\.js:\d+/);
  }
  class Good extends Bolt {
    process(tup, done) {
      this.emit(['before']);
      setImmediate(() => {
        this.emit(['after']);
        done();
        done(new Error('twice is no harm'));
      });
    }
  }
  const r = await new Tester(Good, LINES).send({ line: 1 });
  assert.deepEqual(r.emits.map((e) => [e.values[0], e.anchors.length]), [['before', 1], ['after', 1]]);
  assert.equal(r.acked.length, 1);
});

test('D33 a callback that is never called is reported by name, and the hooks that are absent answer at once', async () => {
  const gate = deferred();
  class Forgets extends Bolt {
    process(tup, done) { gate.promise.then(() => done()); }
  }
  const t = new Tester(Forgets, { ...LINES, callbackMs: 40 });
  const sent = t.send({ line: 1 });
  const errors = [];
  for (const deadline = Date.now() + 10_000; errors.length === 0 && Date.now() < deadline;) errors.push(...(await t.later()).errors);
  assert.match(errors[0].message, /^Forgets\.process takes a callback and has not called it for 0\.0\d+ s: call done\(\) or done\(error\)/);
  assert.equal(errors[0].type, 'CallbackNotCalled');
  gate.resolve();
  const r = await sent;
  assert.deepEqual([r.errors, r.acked.length], [[], 1]);
});

test('async hooks: initialize, processTick, processBatch, onStop', async () => {
  class Hooks extends Bolt {
    async initialize(conf) {
      await turn();
      this.start = conf.start;
    }
    async processBatch(tuples) {
      for (const tup of tuples) {
        await turn();
        this.emit([`${this.start} ${tup.get('line')}`], { anchors: tup });
      }
      this.emit(['all']);
      if (tuples.length > 2) throw new Error('too many');
    }
    async processTick() {
      await turn();
      this.emit(['tick']);
    }
    async onStop() {
      await turn();
      this.emit(['stop']);
    }
  }
  const t = new Tester(Hooks, { ...LINES, conf: { start: 'go' } });
  const r = await t.send(rowsOf(1, 2));
  assert.deepEqual(r.emits.map((e) => [e.values[0], linesOf(e.anchors)]), [['go 1', [1]], ['go 2', [2]], ['all', [1, 2]]]);
  assert.equal(r.acked.length, 2);
  const bad = await t.send(rowsOf(1, 2, 3));
  assert.equal(bad.failed.length, 3);
  const tick = await t.tick();
  assert.deepEqual(tick.emits.map((e) => [e.values[0], e.anchors]), [['tick', []]]);
  assert.deepEqual((await t.stop()).values(), [['stop']]);
});

test('ticks do not overlap a row when concurrency is 1, and those that pile up are one', async () => {
  const gate = deferred();
  const log = [];
  class Serial extends Bolt {
    async process() {
      log.push('begin');
      await gate.promise;
      log.push('end');
    }
    async processTick() {
      log.push('tick');
      await turn();
      log.push('tock');
    }
  }
  const t = new Tester(Serial, LINES);
  await t.start();
  const row = t.send({ line: 1 });
  await turn();
  const ticks = [t.tick(), t.tick(), t.tick()];
  await turn();
  assert.deepEqual(log, ['begin']);
  gate.resolve();
  await Promise.all([row, ...ticks]);
  assert.deepEqual(log, ['begin', 'end', 'tick', 'tock']);
});

test('needTaskIds: emit returns a promise of the tasks, in order', async () => {
  class Ids extends Bolt {
    async process(tup) {
      this.emit(['before']);
      const all = await Promise.all([this.emit(['x'], { needTaskIds: true }), this.emit(['y'], { needTaskIds: true })]);
      this.emit([`${tup.get('line')}: ${JSON.stringify(all)}`]);
    }
  }
  const t = new Tester(Ids, { ...LINES, taskIds: ({ values: [v] }) => (v === 'x' ? [4, 5] : [6]) });
  const r = await t.send(rowsOf(1, 2));
  assert.deepEqual(r.values().flat(), ['before', 'x', 'y', '1: [[4,5],[6]]', 'before', 'x', 'y', '2: [[4,5],[6]]']);
  class Sync extends Bolt {
    process() {
      this.emit(['a']);
      this.emit(['b'], { needTaskIds: true }).then((ids) => { this.ids = ids; });
      this.emit(['c']);
    }
  }
  const s = new Tester(Sync, LINES);
  assert.deepEqual((await s.send([[1], [2]])).emits.map((e) => [e.values[0], e.anchors[0][0]]), [['a', 1], ['b', 1], ['c', 1], ['a', 2], ['b', 2], ['c', 2]]);
  await turn();
  await turn();
  assert.deepEqual(s.instance.ids, [1]);
});

test('emitTo in async functions finds its row and its component, of several at once', async () => {
  const make = (name) => new Tester(bolt(async ({ line }) => {
    await turn();
    emitTo('errors', `${name} ${line}`);
    await turn();
    return line;
  }), { ...LINES, outputs: { default: ['word'], errors: ['text'] }, concurrency: 3 });
  const [a, b] = [make('a'), make('b')];
  const [ra, rb] = await Promise.all([a.send(rowsOf(1, 2, 3)), b.send(rowsOf(4, 5))]);
  assert.deepEqual([ra.values('errors').flat(), rb.values('errors').flat()], [['a 1', 'a 2', 'a 3'], ['b 4', 'b 5']]);
  for (const e of [...ra.emits, ...rb.emits]) assert.ok(String(e.values[0]).endsWith(String(e.anchors[0].line)));
});

test('what an async generator yields before it fails is sent; what cannot be sent fails its row', async () => {
  const t = new Tester(bolt(async function* ({ line }) {
    yield `${line} 1`;
    await turn();
    if (line === 'bad') throw new Error('bad');
    yield line === 'odd' ? new Set() : `${line} 2`;
  }), LINES);
  const r = await t.send(rowsOf('a', 'bad', 'odd', 'b'));
  assert.deepEqual(r.values().flat(), ['a 1', 'a 2', 'bad 1', 'odd 1', 'b 1', 'b 2']);
  assert.deepEqual(r.failed.map(({ row, error }) => [row.line, error.type]), [['bad', 'Error'], ['odd', 'TypeError']]);
});

test('D13 in code that waits emit throws for a lone surrogate at once', async () => {
  let caught;
  class Catches extends Bolt {
    async process() {
      await turn();
      try {
        this.emit(['\ud800']);
      } catch (error) {
        caught = error;
      }
    }
  }
  const r = await new Tester(Catches, LINES).send({ line: 1 });
  assert.match(caught.message, /field "word": the string holds lone surrogates/);
  assert.equal(r.acked.length, 1);
});

test('stop waits for rows in progress', async () => {
  const gate = deferred();
  const log = [];
  class Slow extends Bolt {
    async process() {
      await gate.promise;
      log.push('done');
    }
    onStop() { log.push('stop'); }
  }
  const t = new Tester(Slow, LINES);
  const row = t.send({ line: 1 });
  await turn();
  const stopped = t.stop();
  await turn();
  assert.deepEqual(log, []);
  gate.resolve();
  await Promise.all([row, stopped]);
  assert.deepEqual(log, ['done', 'stop']);
});
