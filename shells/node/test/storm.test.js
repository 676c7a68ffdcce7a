'use strict';
// Components written for storm.js, on our module of the same interface: when
// tuples are done, what emits are anchored to, when callbacks are called.
// Through real children and pipes.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const { Host, FROM_CHILD, TO_CHILD } = require('./host.js');

/** Starts a bolt with this body of process(tup, done); `self` and an object `kept` are there. */
async function bolt(t, body, options) {
  const host = new Host(t, `
    const { BasicBolt } = require('polybolt/storm');
    const kept = {};
    function Mine() { BasicBolt.call(this); }
    Mine.prototype = Object.create(BasicBolt.prototype);
    Mine.prototype.constructor = Mine;
    Mine.prototype.process = function (tup, done) { const self = this; const v = tup.values[0]; ${body} };
    new Mine().run();`, options);
  await host.start();
  return host;
}

const emitted = (r) => r.emits.map(({ values, anchors }) => [values[0], anchors]);

test('a tuple that is done at once: its emits are anchored by position, the row is acked', async (t) => {
  const host = await bolt(t, "v.split(' ').forEach((w) => self.emit({tuple: [w], anchorTupleId: tup.id}, () => {})); done();");
  const r = await host.process([['a b'], ['c']]);
  assert.deepEqual(emitted(r), [['a', [[1, 0]]], ['b', [[1, 0]]], ['c', [[1, 1]]]]);
  assert.deepEqual([r.held, r.failed, r.acked], [[], [], []]);
  assert.equal(r.replies[0].groups[0].how, 2);
});

test('a tuple has the properties of storm.js, an id of its own, and values that may be changed', async (t) => {
  const host = await bolt(t, `
    tup.values.push(9);
    kept.ids = (kept.ids ?? new Set()).add(tup.id);
    const { id, ...rest } = tup;
    self.emit({tuple: [JSON.stringify([typeof id, rest, tup.isTickTuple(), tup.isHeartbeatTuple(), kept.ids.size])]}, () => {});
    done();`);
  const r = await host.process([['x'], ['y']], { task: 3 });
  assert.deepEqual(r.emits.map(({ values }) => JSON.parse(values[0])), [
    ['string', { component: 'in', stream: 'default', task: 3, values: ['x', 9] }, false, false, 1],
    ['string', { component: 'in', stream: 'default', task: 3, values: ['y', 9] }, false, false, 2]]);
  assert.deepEqual(r.emits.map(({ anchors }) => anchors), [[], []]);
});

test('done() later, in another order: the rows are held, emits name them', async (t) => {
  const host = await bolt(t, `
    if (v !== 'go') { kept[v] = [tup, done]; return; }
    setImmediate(() => {
      self.emit({tuple: ['both'], anchorTupleId: [kept.a[0].id, kept.b[0].id, tup.id, 'unknown']}, () => {});
      kept.b[1](); kept.a[1](new Error('no a')); kept.a[1](); done();
    });`);
  const first = await host.process([['a'], ['b']]);
  assert.deepEqual([first.held, first.emits], [[0, 1], []]);
  const r = await host.process([['go']]);
  const late = await host.wait(FROM_CHILD.REPLY, ({ seq }) => seq === 0);
  assert.deepEqual(r.held, [0]);
  assert.deepEqual(late.groups[0].anchors, [[[1, 0], [1, 1], [2, 0]]]);
  assert.deepEqual(late.acked, [[1, 1], [2, 0]]);
  assert.deepEqual(late.late.map(([seq, row, { message }]) => [seq, row, message]), [[1, 0, 'no a']]);
});

test('the tuple in progress beside one that is held; what is done is no anchor any more', async (t) => {
  const host = await bolt(t, `
    if (v === 'a') { kept.a = [tup, done]; return; }
    self.emit({tuple: [v + 1], anchorTupleId: [kept.a[0].id, tup.id]}, () => {});
    kept.a[1]();
    self.emit({tuple: [v + 2], anchorTupleId: kept.a[0].id}, () => {});
    self.emit({tuple: [v + 3], anchorTupleId: tup.id}, () => {});
    done();`);
  const r = await host.process([['a'], ['b'], ['c']]);
  assert.deepEqual(emitted(r), [['b1', [[1, 0], [1, 1]]], ['b2', []], ['b3', [[1, 1]]], ['c1', [[1, 2]]], ['c2', []], ['c3', [[1, 2]]]]);
  assert.deepEqual([r.held, r.acked], [[0], [[1, 0]]]);
});

test('done(err) and an exception fail the tuple; an exception after done() is an error of the component', async (t) => {
  const host = await bolt(t, `
    if (v === 'told') { done('told why'); done(); return; }
    if (v === 'nothing') throw undefined;
    if (v === 'after') done();
    if (v !== 'good') throw new TypeError(v + ' is bad');
    done();`);
  const r = await host.process([['told'], ['thrown'], ['good'], ['nothing'], ['after']]);
  assert.deepEqual(r.failed.map(([row, { kind, type, message }]) => [row, kind, type, message]),
    [[0, 'fail', '', 'told why'], [1, 'exception', 'TypeError', 'thrown is bad'], [3, 'exception', 'undefined', 'undefined']]);
  for (const i of [0, 1]) assert.match(r.failed[i][1].place, /^component\.js:\d+$/);
  const { error } = await host.wait(FROM_CHILD.ERROR);
  assert.equal(error.message, 'after is bad');
});

test('callbacks without a parameter: when process() has returned, before the next tuple, in order; a done() in one is in time', async (t) => {
  const host = await bolt(t, `
    const log = kept.log ??= [];
    self.emit({tuple: [v], anchorTupleId: tup.id}, function () {
      log.push('called ' + v);
      self.emit({tuple: [log.join()], anchorTupleId: tup.id}, function () { log.push('again ' + v); done(); });
    });
    log.push('returns ' + v);`);
  const r = await host.process([['a'], ['b']]);
  assert.deepEqual(emitted(r), [['a', [[1, 0]]], ['returns a,called a', [[1, 0]]], ['b', [[1, 1]]], ['returns a,called a,again a,returns b,called b', [[1, 1]]]]);
  assert.deepEqual([r.held, r.acked], [[], []]);
});

test('callbacks that call for ever let the loop turn; one that throws ends the child', async (t) => {
  const host = await bolt(t, `
    if (v === 'throw') { self.emit({tuple: [v]}, () => { throw new Error('of a callback'); }); return done(); }
    setTimeout(() => { kept.stop = true; }, 1);
    const again = () => (kept.stop ? done() : self.emit({tuple: [v], anchorTupleId: tup.id}, again));
    again();`);
  await host.process([['a']]);
  await host.wait(FROM_CHILD.REPLY, ({ acked }) => acked.length === 1);
  host.data([['throw']]);
  assert.equal((await host.wait(FROM_CHILD.ERROR)).error.message, 'of a callback');
  await host.exited;
});

test('callbacks with a parameter get task ids; a large frame of them makes small replies', async (t) => {
  const host = await bolt(t, `
    self.emit({tuple: [v], anchorTupleId: tup.id}, (ids) => { kept.n = (kept.n ?? 0) + 1; if (kept.n === 2000) self.logInfo(kept.n, ids); });
    done();`);
  let bytes = 0;
  const take = host.take.bind(host);
  host.take = (b) => {
    bytes += b.length;
    take(b);
  };
  const r = await host.process(Array.from({ length: 2000 }, (_, i) => [i]));
  assert.deepEqual(emitted(r), Array.from({ length: 2000 }, (_, i) => [i, [[1, i]]]));
  assert.ok(bytes < 200_000, `${bytes} bytes`);
  assert.equal((await host.log()).text, '2000 [70]');
});

test('a string without a UTF-8 form fails its own row, among emits that ask for task ids', async (t) => {
  const host = await bolt(t, "self.emit({tuple: [v === 2 ? '\\ud800' : v], anchorTupleId: tup.id}, (ids) => {}); done();");
  const r = await host.process([[0], [1], [2], [3]]);
  assert.deepEqual(emitted(r).map(([v]) => v), [0, 1, 3]);
  assert.deepEqual(r.failed.map(([row]) => row), [2]);
});

test('streams, direct emits, ticks, and what storm.js refuses', async (t) => {
  const host = await bolt(t, `
    if (tup.isTickTuple()) { self.emit({tuple: ['tick of ' + tup.component], anchorTupleId: tup.id}, () => {}); return done(); }
    self.emit({tuple: [v], stream: 'other', anchorTupleId: tup.id}, () => {});
    self.emitDirect({tuple: [v], task: 9, anchorTupleId: tup.id});
    for (const f of [() => self.emit({tuple: [v]}), () => self.emit({tuple: [v], task: 9}, () => {}), () => self.emitDirect({tuple: [v]})]) {
      try { f(); } catch (error) { self.logWarn(error.message); }
    }
    done();`, { outputs: [['default', ['v']], ['other', ['w']]] });
  const r = await host.process([['x']]);
  assert.deepEqual(r.emits.map(({ stream, task, anchors }) => [stream, task, anchors]).sort(), [['default', 9, [[1, 0]]], ['other', undefined, [[1, 0]]]]);
  for (const part of ['onTaskIds', 'Illegal input', 'must receive']) assert.match((await host.log()).text, new RegExp(part));
  host.send(TO_CHILD.TICK);
  const { groups } = await host.wait(FROM_CHILD.REPLY);
  assert.deepEqual([groups[0].rows, groups[0].anchors], [[['tick of __system']], [[]]]);
});

test('initialize() has Storm\'s conf and context, may emit, and waits for its done()', async (t) => {
  const host = new Host(t, `
    const { BasicBolt } = require('polybolt/storm');
    function Mine() { BasicBolt.call(this); }
    Mine.prototype = Object.create(BasicBolt.prototype);
    Mine.prototype.initialize = function (conf, context, done) { 
      this.emit({tuple: ['early']}, () => { this.called = true; });
      setTimeout(() => { this.text = JSON.stringify([conf, context, this.called]); done(); }, 1);
    };
    Mine.prototype.process = function (tup, done) { this.emit({tuple: [this.text]}, () => {}); done(); };
    new Mine().run();`, { conf: { mine: [1] } });
  await host.start();
  assert.deepEqual((await host.wait(FROM_CHILD.REPLY)).groups[0].rows, [['early']]);
  const [conf, context, called] = JSON.parse((await host.process([['x']])).emits[0].values[0]);
  assert.equal(called, true);
  assert.deepEqual(conf, { 'topology.name': 'top', 'topology.debug': false, mine: [1] });
  assert.deepEqual(context, {
    taskid: 4, componentid: 'comp', 'task->component': { 1: 'in', 2: 'in', 3: 'comp', 4: 'comp' }, streams: ['default'],
    'stream->outputfields': { default: ['v'] }, 'source->stream->fields': { in: { default: ['v'] } } });
});

test('a bolt without a default stream that emits is told so, and its tuple fails', async (t) => {
  const host = await bolt(t, 'self.emit({tuple: [v], anchorTupleId: tup.id}, () => {}); done();', { outputs: [] });
  const r = await host.process([['x']]);
  assert.match(r.failed[0][1].message, /the topology gives it no output/);
});

test('a spout: turns that end at once or later, id 0, acks and fails', async (t) => {
  const host = new Host(t, `
    const { Spout } = require('polybolt/storm');
    function Mine() { Spout.call(this); this.n = 0; }
    Mine.prototype = Object.create(Spout.prototype);
    Mine.prototype.nextTuple = function (done) {
      const id = this.n++;
      const send = () => this.emit({tuple: [id], id}, () => { if (id % 2 === 0) done(); });
      if (id % 2 === 0) send(); else setTimeout(() => { send(); done(); }, 1);
    };
    Mine.prototype.ack = function (id, done) { this.logInfo('acked', id); done(); };
    Mine.prototype.fail = function (id, done) { this.logInfo('failed', id); setTimeout(done, 1); };
    new Mine().run();`, { inputs: [] });
  assert.deepEqual(await host.start(), { replays: true });
  host.send(TO_CHILD.ACTIVATE);
  const r = await host.ask(4);
  assert.deepEqual(r.emits.map(({ values, want }) => [values[0], want]), [[0, true], [1, true], [2, true], [3, true]]);
  host.outcome([0], [3]);
  assert.deepEqual([(await host.log()).text, (await host.log()).text], ['acked 0', 'failed 3']);
});
