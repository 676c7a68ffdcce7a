'use strict';
// Bolts: what users extend or call, and the component behind it. How rows are
// worked on is in inturn.js (code that does not wait) and waiting.js (code that does).
const { TO_CHILD } = require('./wire.js');
const { Component, componentOf, accessors, checked, currentScope, Scope } = require('./component.js');
const { BoltOutbox, BY_ROW, BY_REF } = require('./outbox.js');
const { describe, failure, isError, notTaken } = require('./report.js');
const { shown } = require('./lane.js');
const { Tuple, Tick, tupleClass, objectMaker, OPEN, ACKED, FAILED } = require('./tuple.js');
const { InTurn, TuplesInTurn, FunctionInTurn } = require('./inturn.js');
const { Waiting } = require('./waiting.js');
const run = require('./run.js');

/** A component that receives tuples. Override process(), or processBatch(); see index.d.ts. */
class Bolt {
  constructor() {
    this[InTurn.ADD] = null;
  }

  static run() { run.component('bolt', this); }
  run() { run.component('bolt', this); }

  process() {
    throw new Error(`${this.constructor.name} overrides neither process nor processBatch`);
  }

  emit(values, options) {
    const add = this[InTurn.ADD]; // there while process() runs that does not wait
    return add !== null && options === undefined ? add(values) : componentOf(this).emit(values, options);
  }

  ack(tup) { componentOf(this).ack(tup); }
  fail(tup, error) { componentOf(this).fail(tup, error); }
}
Object.assign(Bolt.prototype, { autoAnchor: true, autoAck: true, autoFail: true });
accessors(Bolt.prototype);

/** A function as a bolt. */
class FunctionBolt {
  /** @param {Function} fn @param {Function} caller a function of ours, which the user called */
  constructor(fn, caller = new.target) {
    if (typeof fn !== 'function' || /^class\b/.test(Function.prototype.toString.call(fn))) {
      throw notTaken(`bolt() takes a function, not ${shown(fn)}; a class extends Bolt and is started by its run()`, caller);
    }
    this.fn = fn;
  }

  run() { run.component('bolt', this); }
}

class BoltComponent extends Component {
  constructor(target, io) {
    super('bolt', target, io);
    this.inbox = []; // messages that wait for their turn
    this.active = 0; // rows, batches and ticks in progress
    this.working = false; // in code that does not wait
    this.current = null; // and its tuple, if it takes tuples
    this.pumping = this.finishing = false;
  }

  setUp(welcome) {
    this.outbox = new BoltOutbox(this.w, () => this.send(), welcome, (error) => this.describe(error));
    for (const input of this.inputs) {
      input.Tuple = tupleClass(input.component, input.stream, input.fields);
      input.make = objectMaker(input.fields);
    }
  }

  /** Chooses how rows are worked on, once user code is initialised. */
  prepare() {
    const { user } = this;
    if (user.process === Bolt.prototype.process && typeof user.processBatch !== 'function' && user[InTurn.MAKE] === undefined) {
      this.lacks('overrides neither process nor processBatch');
    }
    const lane = this.outbox.lanes.get('default');
    this.waiting = new Waiting(this, lane);
    if (user instanceof FunctionBolt) this.inTurn = new FunctionInTurn(this, user.fn, lane);
    else if (user[InTurn.MAKE] !== undefined) this.inTurn = user[InTurn.MAKE](this, lane);
    else this.inTurn = new TuplesInTurn(this, lane);
    this.outbox.untracked = user.autoAnchor === false;
    if (this.waiting.isKnown) this.wait();
  }

  /** From now on rows may be in progress side by side. */
  wait() {
    this.inTurn = null;
    this.outbox.setMode(BY_REF);
  }

  // ---- messages

  receive(message) {
    switch (message.type) {
      case TO_CHILD.DATA:
        message.input = this.inputs[message.input];
        message.next = 0; // the first row that was not started
        message.taskOf = taskOf(message);
        break;
      case TO_CHILD.TICK:
        if (this.inbox.at(-1)?.type === TO_CHILD.TICK) return; // ticks that pile up behind a long row are one
        break;
      case TO_CHILD.STOP:
        this.stopping = true;
        setTimeout(() => this.finishOnce(), 0.8 * message.deadline).unref(); // a row that never ends is not waited for
        break;
      default: return super.receive(message);
    }
    this.inbox.push(message);
    this.pump();
  }

  /** Goes on with the messages, in order, as far as the rows in progress allow. */
  pump() {
    if (this.pumping) return; // called by what step() calls
    this.pumping = true;
    try {
      while (this.inbox.length > 0 && this.step(this.inbox[0]));
    } finally {
      this.pumping = false;
    }
  }

  /** Goes on with the first message; false: not yet. */
  step(message) {
    if (message.type === TO_CHILD.STOP) {
      if (this.active > 0) return false;
      this.finishOnce();
    } else {
      if (this.active >= this.concurrency) return false;
      if (message.type === TO_CHILD.TICK) this.tick();
      else if (!this.work(message)) return false;
    }
    this.inbox.shift();
    return true;
  }

  /** Works on a frame; false: some of its rows are still to be started. */
  work(frame) {
    if (this.inTurn !== null) {
      if (this.concurrency > 1) {
        this.warnOnce(`concurrency is ${this.concurrency}, but this bolt does not wait for anything ` +
          '(async, a promise, a callback): it works on one tuple at a time');
      }
      this.inTurn.work(frame);
    }
    if (this.inTurn === null) this.waiting.start(frame); // perhaps since this frame
    return frame.next === frame.n;
  }

  tick() {
    if (typeof this.user.processTick !== 'function') return;
    this.outbox.setMode(BY_REF);
    this.active++;
    const call = () => this.hook('processTick', [new Tick(0, 0, -1, [])]);
    void (this.inTurn === null ? Scope.run(this, null, call) : call()).then(() => {
      this.active--;
      this.flush();
      this.pump();
    });
  }

  finishOnce() {
    if (this.finishing) return;
    this.finishing = true;
    void this.finish();
  }

  flush() {
    if (this.outbox === null) return;
    if (this.outbox.mode === BY_ROW || !this.waiting) this.outbox.flush();
    else this.waiting.flush();
  }

  inspect() {
    const lines = [`in progress: ${this.active}; messages that wait: ${this.inbox.length}`];
    for (const { seq, n, first, next, states } of this.waiting?.frames ?? []) {
      const busy = states.subarray(first, next).filter((state) => state === 0).length;
      lines.push(`frame ${seq}: of ${n} rows ${next} are started, ${busy} in progress`);
    }
    return `${lines.map((line) => `  ${line}\n`).join('')}${super.inspect()}`;
  }

  // ---- emit, ack, fail

  /** Bolt.emit and emitTo, when there is more to it than a row in progress. */
  emit(values, options = {}) {
    const { stream, anchors, directTask, needTaskIds } = checked(options, 'anchors');
    const { outbox } = this;
    const lane = outbox.lane(stream);
    let refs; // undefined: the row in progress, told by position
    if (anchors !== undefined && anchors !== null) refs = this.refsOf(Array.isArray(anchors) ? anchors : [anchors]);
    else if (this.user.autoAnchor === false) refs = [];
    else if (!this.working) refs = this.refsOf(this.inProgress());
    if (!this.working) outbox.setMode(BY_REF); // code that waits, or a timer's
    const request = needTaskIds ? this.nextRequest() : -1;
    outbox.emit(lane, values, refs, directTask, request);
    this.flushLater();
    return needTaskIds ? this.taskIds(request) : undefined;
  }

  /** The tuples that an emit from here comes from, as far as that can be told. */
  inProgress() {
    const scope = currentScope();
    if (scope === undefined || scope.component !== this) return this.waiting?.inHand() ?? []; // initialize() has none
    if (scope.tuples === null) return [];
    return this.waiting.isBatch ? scope.tuples.filter((tup) => tup._state === OPEN) : scope.tuples;
  }

  refsOf(tuples) {
    const refs = [];
    for (const tup of tuples) {
      if (!(tup instanceof Tuple)) throw new TypeError(`${this.ctx.component}: anchors are input tuples, not ${shown(tup)}`);
      if (tup._seq === 0) continue; // a tick: nothing waits for it
      if (tup._state === OPEN) refs.push(tup._seq, tup._row);
      else {
        this.misuse(`an emit is anchored to a tuple that was ${stateName(tup)} before; the anchor is left out. ` +
          'Await what emits, or ack later');
      }
    }
    return refs;
  }

  ack(tup) { this.settle(tup, 'ack', ACKED, null); }

  fail(tup, error) {
    this.settle(tup, 'fail', FAILED, this.failed(error));
  }

  /** Returns the error map for a fail() of user code, which gives an error, or a reason of another kind, or none. */
  failed(error) {
    const { bundle } = this.io;
    return isError(error) ? describe(error, bundle, 'fail') : failure(error, bundle);
  }

  settle(tup, verb, state, error) {
    if (!(tup instanceof Tuple)) throw new TypeError(`${this.ctx.component}: ${verb}() takes an input tuple, not ${shown(tup)}`);
    if (tup._seq === 0) return; // a tick
    if (tup._state !== OPEN) return this.misuse(`${verb}() of a tuple that was ${stateName(tup)} before; it is left out`);
    tup._state = state;
    if (tup._held) this.outbox.release(tup._seq, tup._row, error);
    else if (tup === this.current) tup._error = error; // said when process() returns
    else this.waiting.settle(tup._seq, tup._row, error);
    this.flushLater();
  }
}

const stateName = (tup) => (tup._state === ACKED ? 'acked' : 'failed');

/** Returns the function row → task that emitted it. */
function taskOf({ task, runs, n }) {
  if (runs === null) return () => task;
  const tasks = new Int32Array(n);
  for (let i = 0, at = 0; i < runs.length; at += runs[i + 1], i += 2) tasks.fill(runs[i], at, at + runs[i + 1]);
  return (row) => tasks[row];
}

module.exports = { Bolt, FunctionBolt, BoltComponent };
