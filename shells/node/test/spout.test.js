'use strict';
// Spouts: rows in answer to requests, ids and their outcomes, pauses, the end.
// In this process, by a Tester; the wire is in process.test.js.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Bolt, Spout, bolt, emitTo, spout } = require('../index.js');
const { Tester } = require('../testing.js');

const OUT = { outputs: ['v'] };
const turn = () => new Promise((resolve) => setImmediate(resolve));
const flat = (r) => r.values().flat();

for (const level of ['columns', 'rows']) {
  test(`a generator is asked for rows, and its end is the end (${level})`, async () => {
    for (const fn of [function* () { for (let i = 0; i < 25; i++) yield i; }, async function* () { for (let i = 0; i < 25; i++) yield i; }, () => Array.from({ length: 25 }, (_, i) => i)]) {
      const t = new Tester(spout(fn), { ...OUT, level });
      assert.deepEqual(flat(await t.next(10)), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.equal((await t.next(10)).finished, false);
      const last = await t.next(10);
      assert.deepEqual([flat(last), (await t.later()).finished || last.finished], [[20, 21, 22, 23, 24], true]);
      assert.deepEqual(flat(await t.next(5)), []);
    }
  });
}

test('a generator gets the context; several fields; emitTo; null is nothing yet', async () => {
  const t = new Tester(spout(function* ({ conf, component }) {
    for (let i = 0; i < 3; i++) {
      for (let k = 0; k < 3; k++) yield null;
      emitTo('side', `s${i}`);
      yield i % 2 ? { n: i, v: conf.v } : [component, i];
    }
  }), { outputs: { default: ['v', 'n'], side: ['s'] }, conf: { v: 'q' } });
  const r = await t.next(6);
  assert.deepEqual([r.values(), r.values('side')], [[['component', 0], ['q', 1], ['component', 2]], [['s0'], ['s1'], ['s2']]]);
});

class Todo extends Spout {
  constructor(todo) {
    super();
    this.todo = todo;
    this.told = [];
    this.calls = 0;
  }

  nextTuple() {
    this.calls++;
    const next = this.todo.shift();
    if (next === undefined) return;
    if (next instanceof Error) throw next;
    this.emit([next.v], { id: next.id });
  }

  ack(id) { this.told.push(['ack', id]); }
  fail(id) { this.told.push(['fail', id]); }
  dead(id) { this.told.push(['dead', id]); }
}

test('ids come back with their type and value, to ack, fail and dead', async () => {
  const ids = ['a', 7, 0, '', 1.5, false, 10n, undefined, null];
  const t = new Tester(new Todo(ids.map((id, i) => ({ v: i, id }))), OUT);
  const r = await t.next(20);
  assert.deepEqual(r.emits.map((e) => ['id' in e, e.id]), ids.map((id) => [id !== undefined && id !== null, id ?? undefined]));
  await t.ack('a', 0, '');
  await t.fail(7, false);
  await t.dead(1.5, 10n);
  assert.deepEqual(t.instance.told, [['ack', 'a'], ['ack', 0], ['ack', ''], ['fail', 7], ['fail', false], ['dead', 1.5], ['dead', 10n]]);
  await assert.rejects(t.ack('a'), /no row with the id string 'a' is pending/);
});

test('what ack, fail and dead emit goes out, and what they throw is reported; they may be async', async () => {
  class Emits extends Todo {
    ack(id) { this.emit([`acked ${id}`]); }
    async fail(id) {
      await turn();
      this.emit([`again ${id}`], { id });
    }
    dead() { throw new Error('dead'); }
  }
  const t = new Tester(new Emits([{ v: 1, id: 'a' }, { v: 2, id: 'b' }, { v: 3, id: 'c' }]), OUT);
  await t.next(3);
  assert.deepEqual(flat(await t.ack('a')), ['acked a']);
  const failed = await t.fail('b');
  assert.deepEqual(failed.emits, [{ stream: 'default', values: ['again b'], id: 'b' }]);
  assert.deepEqual((await t.dead('c')).errors.map((e) => e.message), ['dead']);
  assert.equal((await t.ack('b')).values().length, 1);
});

test('an exception in nextTuple is reported, and the call repeated after a pause', async () => {
  const t = new Tester(new Todo([{ v: 1 }, new Error('flaky'), { v: 2 }]), OUT);
  const r = await t.next(2, { patience: 5000 });
  assert.deepEqual([flat(r), r.errors.map((e) => e.message)], [[1, 2], ['flaky']]);
});

test('while there is nothing the pauses grow, and a row that comes is sent at once', async () => {
  const s = new Todo([]);
  const t = new Tester(s, OUT);
  const r = await t.next(1, { patience: 200 });
  assert.deepEqual(flat(r), []);
  assert.ok(s.calls >= 2 && s.calls <= 60, `${s.calls} calls in 200 ms`);
  s.todo.push({ v: 'x' });
  assert.deepEqual(flat(await t.next(1, { patience: 5000 })), ['x']);
});

test('async nextTuple; a callback; rows of the part before a wait go out at once', async () => {
  let release;
  const gate = new Promise((resolve) => { release = resolve; });
  class Async extends Spout {
    async nextTuple() {
      this.emit(['early']);
      await gate;
      this.emit(['late']);
    }
  }
  const t = new Tester(Async, OUT);
  const asked = t.next(2, { patience: 5000 });
  let early = await t.later();
  while (early.emits.length === 0) early = await t.later();
  assert.deepEqual(flat(early), ['early']);
  release();
  assert.deepEqual(flat(await asked), ['late']);
  class Callback extends Spout {
    nextTuple(done) {
      setImmediate(() => {
        this.emit(['x']);
        done();
      });
    }
  }
  assert.deepEqual(flat(await new Tester(Callback, OUT).next(3, { patience: 5000 })), ['x', 'x', 'x']);
});

test('D33 a nextTuple that never calls its callback is reported by name; spouts need no activate or deactivate', async () => {
  class Forgets extends Spout {
    nextTuple(done) {} // eslint-disable-line no-unused-vars
  }
  const t = new Tester(Forgets, { ...OUT, callbackMs: 40 });
  const r = await t.next(1, { patience: 150 });
  const errors = [...r.errors];
  for (const deadline = Date.now() + 10_000; errors.length === 0 && Date.now() < deadline;) errors.push(...(await t.later()).errors);
  assert.match(errors[0].message, /^Forgets\.nextTuple takes a callback and has not called it/);
  await t.deactivate();
  await t.activate();
  await t.stop();
});

test('activate is done before nextTuple is called; no rows while inactive', async () => {
  const log = [];
  class Hooks extends Spout {
    async activate() {
      await turn();
      log.push('active');
    }
    deactivate() { log.push('inactive'); }
    nextTuple() {
      log.push('next');
      this.emit([1]);
    }
    onStop() { log.push('stop'); }
  }
  const t = new Tester(Hooks, OUT);
  await t.next(1);
  await t.deactivate();
  assert.deepEqual(flat(await t.next(3, { patience: 30 })), []);
  await t.activate();
  await t.next(1);
  await t.stop();
  assert.deepEqual(log, ['active', 'next', 'inactive', 'active', 'next', 'stop']);
});

test('finish(): nextTuple is not called again, ack and fail are, and their emits count', async () => {
  class Finite extends Todo {
    nextTuple() {
      super.nextTuple();
      if (this.todo.length === 0) this.finish();
    }
    fail(id) { this.emit([`again ${id}`], { id }); }
  }
  const t = new Tester(new Finite([{ v: 1, id: 'a' }]), OUT);
  const r = await t.next(5);
  assert.deepEqual(flat(r), [1]);
  assert.ok(r.finished || (await t.later()).finished);
  assert.deepEqual(flat(await t.fail('a')), ['again a']);
  assert.equal((await t.next(2, { patience: 30 })).emits.length, 0);
  assert.equal(t.instance.calls, 1);
});

test('D13 what cannot be emitted: a class gets the error, a generator goes on and it is reported', async () => {
  class Bad extends Spout {
    nextTuple() {
      try {
        this.emit([() => 1]);
      } catch (error) {
        this.emit([error.message]);
      }
    }
  }
  assert.match(flat(await new Tester(Bad, OUT).next(1))[0], /^component: stream "default", field "v": a function cannot be sent/);
  const r = await new Tester(spout(function* () { for (let i = 0; i < 6; i++) yield i % 2 ? new Set([i]) : i; }), OUT).next(6);
  assert.deepEqual([flat(r), r.errors.length], [[0, 2, 4], 3]);
});

test('D13 a lone surrogate: the row is not sent, an error is reported, its id fails', async () => {
  const s = new Todo([{ v: 'a' }, { v: '\ud800', id: 'bad' }, { v: 'b', id: 'good' }, { v: '\udc00' }]);
  const t = new Tester(s, OUT);
  const r = await t.next(4, { patience: 5000 });
  assert.deepEqual([flat(r), r.errors.length, s.told], [['a', 'b'], 2, [['fail', 'bad']]]);
  assert.match(r.errors[0].message, /component: stream "default", field "v": the string holds lone surrogates/);
  assert.deepEqual(r.emits.map((e) => e.id), [undefined, 'good']);
});

test('D15 what a spout of wrong shape is told', async () => {
  assert.throws(() => spout(class {}), /spout\(\) takes a generator function/);
  const t = new Tester(spout(() => 5), OUT);
  await assert.rejects(t.next(1), /component: the function of a spout is a generator \(function\* or async function\*\), this one returns number 5/);
  class None extends Spout {}
  await assert.rejects(new Tester(None, OUT).next(1), /^ComponentError: component: None does not override nextTuple/);
  class Anchors extends Spout {
    nextTuple() { this.emit([1], { anchors: [] }); }
  }
  assert.equal((await new Tester(Anchors, OUT).next(1, { patience: 20 })).errors[0].message, 'emit has no option "anchors"; it has stream, directTask, needTaskIds, id');
  await assert.rejects(new Tester(None, OUT).send({ v: 1 }), /send\(\) is for bolts; this is a spout/);
  class B extends Bolt {}
  await assert.rejects(new Tester(B).next(), /next\(\) is for spouts; this is a bolt/);
  assert.ok(bolt(() => 1));
});

test('a generator that throws ends the process: the error is the one of next()', async () => {
  const t = new Tester(spout(function* () {
    yield 1;
    throw new Error('source is gone');
  }), OUT);
  assert.deepEqual(flat(await t.next(1)), [1]);
  await assert.rejects(t.next(1), /source is gone/);
  const a = new Tester(spout(async function* () {
    yield 1;
    throw new Error('source is gone');
  }), OUT);
  assert.deepEqual(flat(await a.next(1)), [1]);
  await assert.rejects(a.next(1), /source is gone/);
});

test('directTask and needTaskIds in a spout', async () => {
  class Ids extends Spout {
    async nextTuple() {
      this.emit([1], { directTask: 3, id: 'x' });
      this.emit([2]);
      this.ids = await this.emit([3], { needTaskIds: true });
    }
  }
  const t = new Tester(Ids, { ...OUT, taskIds: () => [8, 9] });
  const r = await t.next(3);
  const more = await t.later();
  assert.deepEqual([...r.emits, ...more.emits].slice(0, 3).map((e) => [e.values[0], e.directTask, e.id]), [[1, 3, 'x'], [2, undefined, undefined], [3, undefined, undefined]]);
  while (!t.instance.ids) await turn();
  assert.deepEqual(t.instance.ids, [8, 9]);
});

test('an id is a scalar', async () => {
  const said = [];
  class Ids extends Spout {
    nextTuple() {
      for (const id of ['a', 1, 1.5, true, 2n, Buffer.from('b'), null, undefined]) this.emit([1], { id });
      for (const id of [['a'], { a: 1 }, new Date(0), Symbol.iterator, () => 1]) {
        try {
          this.emit([1], { id });
        } catch (error) {
          said.push(error.message);
        }
      }
      this.finish();
    }
  }
  const r = await new Tester(Ids, OUT).next(10);
  assert.equal(r.emits.length, 8);
  assert.equal(said.length, 5);
  assert.equal(said[0], "component: id is a string, number, boolean, bigint or Buffer, not array [ 'a' ]");
});
