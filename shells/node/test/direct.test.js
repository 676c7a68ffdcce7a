'use strict';
// Emits that name a task, and those that should.
const test = require('node:test');
const assert = require('node:assert/strict');
const { Bolt, Spout, bolt, emitTo, spout } = require('../index.js');
const { Tester } = require('../testing.js');
const { Host } = require('./host.js');

const OUTPUTS = { default: ['x'], plain: ['x'] };
const DIRECT = { default: [8, 9] };

for (const [options, type, text] of [
  [undefined, 'Error', 'comp: stream "default" is read with group: direct, so an emit names a task: {directTask}, one of 8, 9'],
  [{ anchors: [] }, 'Error', 'comp: stream "default" is read with group: direct, so an emit names a task: {directTask}, one of 8, 9'],
  [{ directTask: 7 }, 'Error', 'comp: stream "default" is read with group: direct by the tasks 8, 9; directTask 7 is none of them'],
  [{ directTask: -1 }, 'TypeError', 'directTask is the number of a task, not number -1'],
  [{ directTask: 2 ** 32 }, 'TypeError', 'directTask is the number of a task'],
  [{ stream: 'plain', directTask: 8 }, 'Error', 'comp: stream "plain" is not read with group: direct: leave directTask out, or write it at the inputs that read it'],
]) {
  test(`an emit that nobody would get: ${JSON.stringify(options)}`, async () => {
    class Aim extends Bolt {
      process(tup) { this.emit([tup.get('x')], options); }
    }
    const options_ = { inputs: { in: ['x'] }, outputs: OUTPUTS, component: 'comp' };
    const told = await new Tester(Aim, { ...options_, direct: DIRECT }).send({ x: 'a' });
    assert.deepEqual([told.emits, told.acked], [[], []]);
    assert.equal(told.failed[0].error.type, type);
    assert.ok(told.failed[0].error.message.includes(text), told.failed[0].error.message);
    assert.match(told.failed[0].error.place, /direct\.test\.js/);
    const untold = await new Tester(Aim, options_).send({ x: 'a' }); // by a host that does not tell: it looks itself
    assert.equal(untold.failed.length, type === 'Error' ? 0 : 1);
  });
}

test('what a function yields names no task', async () => {
  const says = 'component: stream "default" is read with group: direct, so an emit names a task';
  const options = { inputs: { in: ['x'] }, direct: DIRECT };
  for (const [fn, fields] of [
    [({ x }) => x, ['x']],
    [function* ({ x }) { yield [x, x]; }, ['x', 'y']],
    [async ({ x }) => x, ['x']],
    [({ x }) => emitTo('default', x), ['x']],
  ]) {
    for (const x of ['a', 1, [2]]) {
      const r = await new Tester(bolt(fn), { ...options, outputs: { default: fields } }).send({ x });
      assert.deepEqual(r.emits, []);
      assert.ok(r.failed[0].error.message.startsWith(says), r.failed[0].error.message);
    }
  }
  const t = new Tester(spout(function* () { yield 1; }), { outputs: ['x'], direct: DIRECT });
  const r = await t.next(1, { patience: 20 });
  assert.deepEqual(r.emits, []);
  assert.ok(r.errors[0].message.startsWith(says), r.errors[0].message);
});

test('a spout emits to the tasks that read a stream directly, and to no other', async () => {
  class Aim extends Spout {
    nextTuple() {
      for (const directTask of [8, 9]) this.emit([directTask], { directTask, id: directTask });
      assert.throws(() => this.emit([1], { directTask: 1 }), /directTask 1 is none of them/);
      assert.throws(() => this.emit([1]), /so an emit names a task/);
      this.finish();
    }
  }
  const r = await new Tester(Aim, { outputs: ['x'], direct: DIRECT }).next(2);
  assert.deepEqual(r.emits.map((e) => [e.values[0], e.directTask]), [[8, 8], [9, 9]]);
  assert.deepEqual(r.errors, []);
});

test('the host tells who reads a stream directly', async (t) => {
  const host = new Host(t, `
    const { Bolt } = require('polybolt');
    class Aim extends Bolt {
      process(tup) {
        for (const directTask of this.ctx.tasks.sink) this.emit([tup.get('v')], { directTask });
        this.emit([tup.get('v')]);
      }
    }
    Aim.run();`, { welcome: { tasks: { comp: [4], sink: [8, 9] }, direct: { default: [8, 9] } } });
  await host.start();
  const { emits, failed } = await host.process([['a']]);
  assert.deepEqual(emits.map((e) => e.task), [8, 9]);
  assert.match(JSON.stringify(failed), /so an emit names a task/);
});
