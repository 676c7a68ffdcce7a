'use strict';
// How rows end: acks, fails, tuples that are held, emits that come from none. In this process, by a Tester.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Bolt } = require('../index.js');
const { Tester } = require('../testing.js');

const LINES = { inputs: { lines: ['line'] }, outputs: ['word'] };

test('autoAnchor = false: emits come from nothing but what they name', async () => {
  class Loose extends Bolt {
    autoAnchor = false;
    process(tup) {
      this.emit(['a']);
      this.emit(['b'], { anchors: [tup] });
    }
  }
  const r = await new Tester(Loose, LINES).send([{ line: 1 }, { line: 2 }]);
  assert.deepEqual(r.emits.map((e) => [e.values[0], e.anchors.length]), [['a', 0], ['b', 1], ['a', 0], ['b', 1]]);
  assert.equal(r.acked.length, 2);
});

test('autoAck = false: a tuple is held until ack() or fail(), at any time', async () => {
  class Join extends Bolt {
    autoAck = false;
    kept = [];
    process(tup) {
      this.kept.push(tup);
      if (tup.get('line') === 'go') {
        this.emit(['joined'], { anchors: this.kept });
        this.ack(this.kept[0]);
        this.fail(this.kept[1], 'no match');
        this.ack(tup);
      }
    }
  }
  const t = new Tester(Join, LINES);
  const first = await t.send([{ line: 'a' }, { line: 'b' }]);
  assert.deepEqual([first.held.length, first.acked.length], [2, 0]);
  const r = await t.send({ line: 'go' });
  assert.deepEqual(r.emits[0].anchors.map((a) => a.line), ['a', 'b', 'go']);
  assert.deepEqual(r.acked.map((a) => a.line), ['a', 'go']);
  assert.deepEqual(r.failed.map(({ row, error }) => [row.line, error.kind, error.message]), [['b', 'fail', 'no match']]);
  assert.match(r.failed[0].error.place, /ack\.test\.js:\d+/);
});

test('D38 double ack, ack then fail, emits anchored to a tuple that is done: a warning, once, and a counter', async () => {
  class Twice extends Bolt {
    process(tup) {
      if (this.before) {
        this.ack(this.before);
        this.fail(this.before);
        this.emit(['late'], { anchors: [this.before, tup] });
        this.ack(tup);
        this.ack(tup);
      }
      this.before = tup;
    }
  }
  const t = new Tester(Twice, LINES);
  const r = await t.send([{ line: 1 }, { line: 2 }, { line: 3 }]);
  assert.equal(r.acked.length, 3);
  assert.deepEqual(r.emits.map((e) => e.anchors.map((a) => a.line)), [[2], [3]]);
  assert.deepEqual(r.metrics, [['polybolt_misuse', 'counter', 8]]);
  assert.equal(r.logs.length, 3);
  assert.match(r.logs[0].text, /^component: ack\(\) of a tuple that was acked before; it is left out \(said once/);
  assert.ok(r.logs.every(({ level }) => level === 'warn'));
});

test('D38 ack of what is no tuple', async () => {
  class Wrong extends Bolt {
    process() { this.ack('1-0'); }
  }
  assert.equal((await new Tester(Wrong, LINES).send({ line: 1 })).failed[0].error.message, "component: ack() takes an input tuple, not string '1-0'");
});

test('D40 fail() then more work: one fail, the emits go out, the next tuple is processed', async () => {
  class Fail extends Bolt {
    process(tup) {
      if (tup.get('line') === 'bad') this.fail(tup, new Error('not today'));
      this.emit([tup.get('line')]);
    }
  }
  const r = await new Tester(Fail, LINES).send([{ line: 'bad' }, { line: 'ok' }]);
  assert.deepEqual(r.failed.map(({ row, error }) => [row.line, error.kind, error.type, error.message]), [['bad', 'fail', 'Error', 'not today']]);
  assert.deepEqual([r.values(), r.acked], [[['bad'], ['ok']], [{ line: 'ok' }]]);
});

test('an exception after ack() or fail() is reported, and what was said stands; autoFail = false holds', async () => {
  class After extends Bolt {
    process(tup) {
      if (tup.get('line') === 'acked') this.ack(tup);
      if (tup.get('line') === 'failed') this.fail(tup, 'said');
      throw new Error('after');
    }
  }
  const r = await new Tester(After, LINES).send([{ line: 'acked' }, { line: 'failed' }]);
  assert.deepEqual([r.acked, r.failed.map((f) => f.error.message), r.errors.map((e) => e.message)], [[{ line: 'acked' }], ['said'], ['after', 'after']]);
  const mild = await new Tester(Object.assign(new After(), { autoFail: false }), LINES).send({ line: 1 });
  assert.deepEqual([mild.held, mild.errors.length], [[{ line: 1 }], 1]);
});
