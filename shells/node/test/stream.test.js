'use strict';
// The stream of messages of a real child on real pipes: what is refused, sizes, both sides in turn, beats, metrics.
const { test } = require('node:test');
const assert = require('node:assert/strict');
const fs = require('node:fs');
const path = require('node:path');
const { Host, FROM_CHILD, TO_CHILD } = require('./host.js');

const parallel = { concurrency: 2 };
const ECHO = "const { bolt } = require('polybolt'); bolt(({ v }) => v).run();";

test('beats come when nothing else is written, and only then', parallel, async (t) => {
  const host = new Host(t, ECHO, { welcome: { beat_ms: 50 } });
  await host.start();
  await host.wait(FROM_CHILD.BEAT);
  await host.wait(FROM_CHILD.BEAT);
  host.messages.length = 0;
  let pauses = 0; // of a busy machine
  for (let frames = 0, last = Date.now(), end = last + 300; frames < 20 || last < end; frames++) {
    await host.process([['x']]);
    if (Date.now() - last > 40) pauses++;
    last = Date.now();
  }
  const beats = host.messages.filter((m) => m.type === FROM_CHILD.BEAT).length;
  assert.ok(beats <= pauses + 1, `${beats} beats, ${pauses} pauses`);
  await host.stop();
});

test('D10 what is no message is refused by name; unknown optional messages are ignored', parallel, async (t) => {
  const host = new Host(t, ECHO);
  await host.start();
  host.send(64, 'whatever', { a: 1 });
  host.send(200);
  assert.equal((await host.process([['x']])).emits.length, 1);
  host.send(40, 1);
  const { error } = await host.wait(FROM_CHILD.ERROR);
  assert.deepEqual([error.type, error.message], ['WireError', 'a message of unknown type 40']);
  assert.deepEqual(await host.exited, { code: 1, signal: null });
  const other = new Host(t, ECHO, { welcome: { version: 9 } });
  other.send(TO_CHILD.WELCOME, other.welcome);
  assert.match((await other.wait(FROM_CHILD.ERROR)).error.message, /the host speaks version 9 of the protocol, this SDK version 1/);
  await other.exited;
});

test('D6 D7 rows of 1, 8 and 15 MB both ways; one too large fails and the stream goes on', parallel, async (t) => {
  const host = new Host(t, "const { bolt } = require('polybolt'); bolt(({ v }) => (typeof v === 'number' ? 'é'.repeat(v) : v)).run();");
  await host.start();
  for (const mb of [1, 8, 15]) {
    const text = 'x'.repeat(mb << 20);
    assert.equal((await host.process([[text], ['y']])).emits[0].values[0], text);
    assert.equal((await host.process([[Buffer.from(text)]])).emits[0].values[0].length, mb << 20);
  }
  const r = await host.process([['a'], [9 << 20], ['b']]);
  assert.deepEqual(r.emits.map((e) => e.values[0]), ['a', 'b']);
  assert.match(r.failed[0][1].message, /comp: stream "default": a row of 18874373 bytes; max_message_bytes allows 16777216/);
  await host.stop();
});

test('D5 a frame that arrives byte by byte, and two frames at once', parallel, async (t) => {
  const host = new Host(t, ECHO);
  await host.start();
  const { dataTo } = require('../lib/fromchild.js');
  const bytes = dataTo(1, 0, 1, [['žluťoučký'], ['𝄞']]);
  for (const byte of bytes) {
    host.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
  host.seq = 1;
  assert.deepEqual((await host.covered(1, 2)).emits.map((e) => e.values[0]), ['žluťoučký', '𝄞']);
  host.write(Buffer.concat([dataTo(2, 0, 1, [['a']]), dataTo(3, 0, 1, [['b']])]));
  assert.deepEqual([await host.covered(2, 1), await host.covered(3, 1)].map((r) => r.emits[0].values[0]), ['a', 'b']);
  await host.stop();
});

test('D39 D45 the SDK keeps nothing of a row that is done, or that is never acked', parallel, async (t) => {
  const host = new Host(t, `
    const { Bolt } = require('polybolt');
    const refs = [];
    class Forgetful extends Bolt {
      autoAck = false;
      process(tup) {
        if (tup.get('v') === 'count') { gc(); this.emit([refs.filter((ref) => ref.deref() !== undefined).length]); this.ack(tup); return; }
        if (refs.length % 2) this.ack(tup);
        refs.push(new WeakRef(tup));
      }
      async processTick() {}
    }
    Forgetful.run();`, { args: ['--expose-gc'] });
  await host.start();
  for (let i = 0; i < 20; i++) {
    const r = await host.process(Array.from({ length: 100 }, () => ['x'.repeat(100)]));
    assert.equal(r.held.length, 50);
    host.send(TO_CHILD.TICK);
  }
  await new Promise((resolve) => setImmediate(resolve)); // WeakRefs live until a turn has ended
  const [{ values: [alive] }] = (await host.process([['count']])).emits;
  assert.ok(alive < 200, `${alive} of 2000 tuples are alive`);
  await host.stop();
});

test('D51 task ids asked for on every emit, with many rows in progress: no deadlock, ids in the order of the emits', parallel, async (t) => {
  const host = new Host(t, `
    const { Bolt } = require('polybolt');
    class Ids extends Bolt {
      async process(tup) {
        for (let i = 0; i < 3; i++) {
          const ids = await this.emit([tup.get('v') + '.' + i], { needTaskIds: true });
          if (ids.length !== 1 || ids[0] !== 70) throw new Error('ids ' + ids);
        }
      }
    }
    Ids.run();`, { welcome: { concurrency: 8 } });
  await host.start();
  const first = host.data(Array.from({ length: 300 }, (_, i) => [i]));
  const second = host.data(Array.from({ length: 300 }, (_, i) => [300 + i]));
  const all = [await host.covered(first, 300), await host.covered(second, 300)].flatMap((r) => [...r.emits.map((e) => e.values[0]), ...r.failed]);
  assert.equal(all.length, 1800);
  for (const row of [0, 299, 300, 599]) assert.deepEqual(all.filter((v) => v.startsWith(`${row}.`)), [0, 1, 2].map((i) => `${row}.${i}`));
  await host.stop();
});

test('D4 both pipes full: everything arrives, in order, and memory is bounded', parallel, async (t) => {
  const host = new Host(t, "const { bolt } = require('polybolt'); bolt(function* ({ v }) { if (v === 'memory') yield process.memoryUsage().rss; else for (let i = 0; i < 20; i++) yield `${v} ${i} ${'x'.repeat(200)}`; }).run();");
  await host.start();
  host.output.pause();
  const frames = 100, n = 50;
  for (let f = 0; f < frames; f++) host.data(Array.from({ length: n }, (_, i) => [`${f}.${i} ${'y'.repeat(200)}`]));
  const last = host.data([['memory']]);
  await new Promise((resolve) => setImmediate(resolve));
  host.output.resume();
  let emits = 0, at = 0;
  for (;;) {
    const reply = await host.wait(FROM_CHILD.REPLY);
    if (reply.seq === last) {
      assert.ok(reply.groups[0].rows[0][0] < 300 << 20, 'resident memory');
      break;
    }
    for (const group of reply.groups) {
      for (const [v] of group.rows) {
        const want = `${Math.floor(at / 20 / n)}.${Math.floor(at / 20) % n} `;
        assert.ok(v.startsWith(want), `${v.slice(0, 20)} is not ${want}`);
        at++;
        emits++;
      }
    }
  }
  assert.equal(emits, frames * n * 20);
  await host.stop();
});

test('while the host does not read, user code that does not wait is blocked, and code that waits is given no rows', parallel, async (t) => {
  const source = (body) => `const fs = require('fs'); const { bolt } = require('polybolt'); let n = 0; setInterval(() => fs.writeFileSync('timer', String(Date.now())), 20); bolt(${body}).run();`;
  const host = new Host(t, source("async ({ v }) => { fs.writeFileSync('n', String(++n)); return v; }"));
  await host.start();
  host.output.pause();
  const total = 400;
  for (let i = 0; i < total; i++) host.data([[Buffer.alloc(64 << 10)]]);
  const count = () => Number(fs.existsSync(path.join(host.bundle, 'n')) && fs.readFileSync(path.join(host.bundle, 'n'), 'utf8'));
  let last = -1, same = 0;
  await host.until(() => {
    const now = count();
    same = now === last && now > 0 ? same + 1 : 0;
    last = now;
    setTimeout(() => host.wake(), 30);
    return same > 10;
  }, 'standstill');
  assert.ok(last < total / 2, `${last} rows were taken by then`);
  const before = fs.readFileSync(path.join(host.bundle, 'timer'), 'utf8');
  await host.until(() => {
    setTimeout(() => host.wake(), 30);
    return fs.readFileSync(path.join(host.bundle, 'timer'), 'utf8') > before;
  }, 'timers go on');
  host.output.resume();
  for (let i = 0; i < total;) i += (await host.wait(FROM_CHILD.REPLY)).n;
  await host.stop();
});

test('runs: a frame of several tasks; task ids by position', parallel, async (t) => {
  const host = new Host(t, "const { Bolt } = require('polybolt'); class T extends Bolt { process(tup) { this.emit([tup.task]); } } T.run();");
  await host.start();
  const r = await host.process([[1], [2], [3], [4]], { runs: [1, 1, 2, 3] });
  assert.deepEqual(r.emits.map((e) => e.values[0]), [1, 2, 2, 2]);
  assert.equal(r.replies[0].groups[0].how, 1);
  await host.stop();
});

test('a slow function that does not wait: its rows go out every few milliseconds, not at the end of the frame', parallel, async (t) => {
  const host = new Host(t, "const { bolt } = require('polybolt'); bolt(({ v }) => { const end = performance.now() + 4; while (performance.now() < end); return v; }).run();");
  await host.start();
  const { replies, emits } = await host.process(Array.from({ length: 60 }, (_, i) => [i]));
  assert.deepEqual(emits.map((e) => e.values[0]), Array.from({ length: 60 }, (_, i) => i));
  assert.ok(replies.length >= 10, `${replies.length} replies`);
});

test('D43 spout: outcomes by row number, over streams; one that is not pending is warned of once', parallel, async (t) => {
  const host = new Host(t, `
    const { Spout } = require('polybolt');
    class S extends Spout {
      i = 0;
      nextTuple() { const i = this.i++; this.emit([i], i % 2 ? { id: 'id' + i } : undefined); if (i % 3 === 0) this.emit(['s' + i], { stream: 'side', id: 's' + i }); }
      ack(id) { console.log('ack', id); }
      fail(id) { console.log('fail', id); }
      dead(id) { console.log('dead', id); }
    }
    S.run();`, { outputs: [['side', ['s']], ['default', ['v']]] });
  assert.deepEqual(await host.start(), { replays: true });
  host.send(TO_CHILD.ACTIVATE);
  const first = await host.ask(4);
  const { replies: [{ first: number, groups }] } = first;
  assert.equal(number, 0);
  if (first.replies.length === 1) { // a busy machine may send what there is earlier
    assert.deepEqual(groups.map((g) => [g.stream, g.how]), [['side', 1], ['default', 2]]);
  }
  assert.deepEqual(first.emits.map((e) => [e.values[0], e.want]), [['s0', true], [0, false], [1, true], [2, false]]);
  const second = await host.ask(2);
  assert.equal(second.replies[0].first, 4);
  assert.deepEqual(second.emits.map((e) => e.values[0]), ['s3', 3]);
  host.outcome([0, 99, 2], [5], [4]);
  host.outcome([99]);
  for (const text of ['ack s0', 'ack id1', 'fail id3', 'dead s3']) await host.log((m) => m.text === text);
  const warning = await host.log((m) => m.level === 3);
  assert.match(warning.text, /the host tells the outcome of a row that is not pending \(ack\)/);
  assert.ok(!host.messages.some((m) => m.type === FROM_CHILD.LOG && m.level === 3), 'once');
  assert.deepEqual(await host.stop(), { code: 0, signal: null });
});

test('spout: a request stays open while there is nothing; rows go out as they come; deactivate ends it; finish', parallel, async (t) => {
  const host = new Host(t, `
    const { Spout } = require('polybolt');
    class S extends Spout {
      todo = [];
      initialize() { process.on('SIGHUP', () => this.todo.push('late')); }
      nextTuple() { if (this.todo.length) this.emit([this.todo.shift()]); }
      deactivate() { console.log('inactive'); }
      onStop() { this.emit(['bye']); }
    }
    S.run();`);
  await host.start();
  host.send(TO_CHILD.ACTIVATE);
  const seq = host.next(5);
  host.child.kill('SIGHUP');
  const rows = await host.wait(FROM_CHILD.ROWS);
  assert.deepEqual([rows.seq, rows.final, rows.groups[0].rows], [seq, false, [['late']]]);
  host.send(TO_CHILD.DEACTIVATE);
  assert.equal((await host.wait(FROM_CHILD.ROWS)).final, true);
  await host.log((m) => m.text === 'inactive');
  await host.stop();
  const bye = await host.until(() => host.messages.find((m) => m.type === FROM_CHILD.ROWS), 'what onStop emits');
  assert.deepEqual([bye.seq, bye.groups[0].rows], [0, [['bye']]]);
  const finite = new Host(t, "require('polybolt').spout(function* () { yield 1; }).run();");
  await finite.start();
  finite.send(TO_CHILD.ACTIVATE);
  finite.next(5);
  await finite.wait(FROM_CHILD.FINISH);
  // In one message, or in two, if the machine was busy meanwhile.
  assert.equal(finite.messages.findIndex((m) => m.final), finite.messages.length - 1);
  assert.deepEqual(finite.messages.flatMap((m) => m.groups.map((group) => group.rows)), [[[1]]]);
  assert.deepEqual((await finite.ask(3)).emits, []);
  assert.ok(!finite.messages.some((m) => m.type === FROM_CHILD.FINISH));
  await finite.stop();
});

test('spout: deactivate ends all answers while user code waits, and what it emits later goes out unasked', parallel, async (t) => {
  const waits = "new Promise((resolve) => process.once('SIGHUP', resolve))";
  for (const source of [
    `require('polybolt').spout(async function* () { yield 'first'; await ${waits}; for (let i = 0; ; i++) yield 'late ' + i; }).run();`,
    `const { Spout } = require('polybolt');
     class S extends Spout {
       i = -2;
       async nextTuple() {
         if (++this.i === 0) await ${waits};
         this.emit([this.i < 0 ? 'first' : 'late ' + this.i]);
       }
     }
     S.run();`,
  ]) {
    const host = new Host(t, source);
    await host.start();
    host.send(TO_CHILD.ACTIVATE);
    const first = host.next(5), second = host.next(5);
    const rows = await host.wait(FROM_CHILD.ROWS);
    assert.deepEqual([rows.seq, rows.final, rows.groups[0].rows], [first, false, [['first']]]);
    host.send(TO_CHILD.DEACTIVATE);
    for (const seq of [first, second]) {
      const end = await host.wait(FROM_CHILD.ROWS);
      assert.deepEqual([end.seq, end.final, end.groups], [seq, true, []]);
    }
    host.child.kill('SIGHUP');
    const late = await host.wait(FROM_CHILD.ROWS);
    assert.deepEqual([late.seq, late.groups[0].rows], [0, [['late 0']]]);
    host.send(TO_CHILD.ACTIVATE);
    assert.deepEqual((await host.ask(2)).emits.map((e) => e.values), [['late 1'], ['late 2']]);
    await host.stop();
  }
});

test('spout: finish() is told while nextTuple waits, and what that emits later still arrives', parallel, async (t) => {
  const host = new Host(t, `
    const { Spout } = require('polybolt');
    class S extends Spout {
      async nextTuple() {
        if (this.begun) await new Promise((resolve) => process.once('SIGHUP', resolve));
        this.emit([this.begun ? 'late' : 'first'], { id: 1 });
        this.begun = true;
      }
      ack() { this.finish(); }
    }
    S.run();`);
  await host.start();
  host.send(TO_CHILD.ACTIVATE);
  host.next(5);
  await host.wait(FROM_CHILD.ROWS);
  host.outcome([0]);
  await host.wait(FROM_CHILD.FINISH);
  host.send(TO_CHILD.STOP, 20_000);
  await host.wait(FROM_CHILD.ROWS, (m) => m.final); // the stop has come
  host.child.kill('SIGHUP');
  assert.deepEqual((await host.wait(FROM_CHILD.ROWS)).groups[0].rows, [['late']]);
  assert.deepEqual(await host.exited, { code: 0, signal: null });
});

test('spout: at the end it says how many failed rows came to nothing; ids that are bytes are told apart by these', parallel, async (t) => {
  const host = new Host(t, `
    const { Spout } = require('polybolt');
    class S extends Spout {
      n = 0;
      nextTuple() { if (this.n < 3) this.emit([this.n], { id: Buffer.from([this.n++]) }); }
      fail(id) { this.emit(['again'], { id: Buffer.from(id) }); }
    }
    S.run();`);
  await host.start();
  host.send(TO_CHILD.ACTIVATE);
  await host.ask(3);
  host.outcome([], [0, 1, 2]);
  host.outcome([3, 5]);
  await host.stop();
  assert.equal((await host.until(() => host.messages.find((m) => m.type === FROM_CHILD.LEFT), 'left')).n, 1);
});

test('spout: rows and bytes are kept to, and a slow one is heard between', parallel, async (t) => {
  const host = new Host(t, "require('polybolt').spout(function* () { for (let i = 0; ; i++) yield `${i} ${'x'.repeat(1000)}`; }).run();");
  await host.start();
  host.send(TO_CHILD.ACTIVATE);
  assert.equal((await host.ask(7)).emits.length, 7);
  const { emits } = await host.ask(10_000, 20_000);
  assert.ok(emits.length >= 15 && emits.length <= 25, `${emits.length} rows in 20,000 bytes`);
  const many = await host.ask(2000, 1 << 22);
  assert.deepEqual([many.emits.length, many.replies.length > 3], [2000, true]);
  await host.stop();
  const slow = new Host(t, "require('polybolt').spout(function* () { for (let i = 0; ; i++) { const end = performance.now() + 8; while (performance.now() < end); yield i; } }).run();");
  await slow.start();
  slow.send(TO_CHILD.ACTIVATE);
  assert.ok((await slow.ask(30)).replies.length >= 10);
  await slow.stop();
});

test('a generator spout that throws: the rows before it, the error, exit 1', parallel, async (t) => {
  const host = new Host(t, "require('polybolt').spout(function* () { yield 1; yield 2; throw new Error('gone'); }).run();");
  await host.start();
  host.send(TO_CHILD.ACTIVATE);
  host.next(10);
  assert.deepEqual((await host.wait(FROM_CHILD.ROWS)).groups[0].rows, [[1], [2]]);
  assert.equal((await host.wait(FROM_CHILD.ERROR)).error.message, 'gone');
  assert.deepEqual(await host.exited, { code: 1, signal: null });
});

test('metrics are sent once a second at most', parallel, async (t) => {
  const host = new Host(t, "require('polybolt').bolt((_, ctx) => { ctx.metrics.counter('rows').inc(); }).run();");
  await host.start();
  for (let i = 0; i < 50; i++) await host.process([[1], [2]]);
  const start = Date.now();
  let sum = 0, messages = 0;
  for (; sum < 100; messages++) {
    const { metrics: [[name, kind, value]] } = await host.wait(FROM_CHILD.METRIC);
    assert.deepEqual([name, kind], ['rows', 'counter']);
    sum += value;
  }
  assert.equal(sum, 100);
  assert.ok(messages <= 2 + (Date.now() - start) / 1000, `${messages} messages`);
  await host.stop();
});

test('replies tell what user code took, if they are asked to', parallel, async (t) => {
  const slow = "const { bolt } = require('polybolt'); bolt(({ v }) => { const end = performance.now() + 12; while (performance.now() < end); return v; }).run();";
  for (const took of [true, false]) {
    const host = new Host(t, slow, { welcome: { took } });
    await host.start();
    const began = performance.now();
    const { replies } = await host.process([[1], [2], [3]]); // each row makes a reply of its own
    const elapsed = performance.now() - began;
    const told = replies.map((r) => r.took);
    if (!took) assert.deepEqual(told, replies.map(() => undefined));
    else {
      const sum = told.reduce((a, b) => a + b, 0) / 1e6;
      assert.ok(told.every((x) => x > 0) && sum >= 36 && sum <= elapsed, `${told}, ${elapsed}`);
    }
    assert.deepEqual(await host.stop(), { code: 0, signal: null });
  }
});
