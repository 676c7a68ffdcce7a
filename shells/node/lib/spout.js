'use strict';
// Spouts: what users extend or call, and the component behind it. The host asks
// for rows (`next`); an answer may go out in parts, and ends when there are as
// many rows or bytes as were asked for.
const { TO_CHILD, FROM_CHILD } = require('./wire.js');
const { Component, componentOf, accessors, checked, isThenable } = require('./component.js');
const { ComponentError, notTaken } = require('./report.js');
const { SpoutOutbox } = require('./spoutoutbox.js');
const { shown } = require('./lane.js');
const run = require('./run.js');

const ADD = Symbol('add'); // the add() of the default stream, while emits may use it
const FLUSH_MS = 5; // a row that was emitted waits no longer, unless user code blocks the thread
const MOST_CALLS = 32; // between two looks at the clock
const IDLE_MS = [1, 50]; // pause after a call that emitted nothing: doubled each time
const ID_TYPES = new Set(['string', 'number', 'boolean', 'bigint']);
const RETRY_MS = [50, 5000]; // pause after a call that threw: doubled each time

/** A source of tuples. Override nextTuple(); see index.d.ts. */
class Spout {
  constructor() {
    this[ADD] = null;
  }

  static run() { run.component('spout', this); }
  run() { run.component('spout', this); }

  nextTuple() {
    throw new Error(`${this.constructor.name} does not override nextTuple`);
  }

  ack() {}
  fail() {}
  dead() {}

  emit(values, options) {
    const add = this[ADD];
    return add !== null && options === undefined ? add(values) : componentOf(this).emit(values, options);
  }

  finish() { componentOf(this).finishEmitting(); }
}
accessors(Spout.prototype);

/** A generator function as a spout. */
class FunctionSpout {
  /** @param {Function} fn @param {Function} caller a function of ours, which the user called */
  constructor(fn, caller = new.target) {
    if (typeof fn !== 'function' || /^class\b/.test(Function.prototype.toString.call(fn))) {
      throw notTaken(`spout() takes a generator function, not ${shown(fn)}; a class extends Spout and is started by its run()`, caller);
    }
    this.fn = fn;
    this.at = new Error();
  }

  run() { run.component('spout', this); }
}

/** What a call of user code led to. */
const EMITTED = 0, NOTHING = 1, WAITS = 2, THREW = 3;

class SpoutComponent extends Component {
  constructor(target, io) {
    super('spout', target, io);
    this.asked = []; // requests that wait for their turn
    this.rows = this.bytes = 0; // wanted by the one that is answered
    this.inactive = false;
    this.activating = false; // the activate hook runs
    this.ended = false; // there will be no more rows
    this.saidFinish = false; // and the host knows
    this.waiting = false; // for a promise of user code
    this.turn = null; // the last such promise
    this.timer = null; // a pause
    this.yielding = false; // a short one, for the loop to turn
    this.idle = this.retry = 0; // the last pause of its kind, ms
    this.calls = 1; // between two looks at the clock
    this.left = null; // ids whose last outcome is a failure; null: no row has failed
    this.hooks = new Set(); // promises of ack(), fail() and dead()
  }

  get replays() {
    return this.user instanceof Spout && this.user.fail !== Spout.prototype.fail;
  }

  setUp(welcome) {
    this.outbox = new SpoutOutbox(this.w, () => this.send(), welcome, (error) => this.report(error));
  }

  prepare() {
    const lane = this.outbox.lanes.get('default');
    if (this.user.nextTuple === Spout.prototype.nextTuple) this.lacks('does not override nextTuple');
    if (this.user instanceof FunctionSpout) this.call = this.generatorCall(lane);
    else this.call = () => this.classCall(lane);
  }

  // ---- messages

  receive(message) {
    switch (message.type) {
      case TO_CHILD.NEXT:
        this.asked.push(message);
        return this.go();
      case TO_CHILD.OUTCOME:
        this.outcome(message);
        return this.retry > 0 ? undefined : this.wake();
      case TO_CHILD.ACTIVATE:
        this.inactive = false;
        this.activating = true;
        void this.hook('activate', []).then(() => {
          this.activating = false;
          this.go();
        });
        return undefined;
      case TO_CHILD.DEACTIVATE:
        this.rest();
        return void this.hook('deactivate', []);
      case TO_CHILD.STOP: return void this.stop(message.deadline);
      default: return super.receive(message);
    }
  }

  outcome({ acked, failed, dead }) {
    for (const number of acked) this.tell('ack', number);
    for (const number of failed) this.tell('fail', number);
    for (const number of dead) this.tell('dead', number);
    this.flush();
  }

  tell(hook, number) {
    const { pending } = this.outbox;
    const id = pending.get(number);
    if (id === undefined) return this.misuse(`the host tells the outcome of a row that is not pending (${hook}); it is left out`);
    pending.delete(number);
    if (hook === 'fail') {
      this.left ??= new Set();
      this.left.add(keyOf(id));
    } else {
      this.left?.delete(keyOf(id));
    }
    this.callOutcome(hook, id);
  }

  callOutcome(hook, id) {
    let returned;
    try {
      returned = this.invoke(hook, [id]);
    } catch (error) {
      return this.report(error);
    }
    if (!isThenable(returned)) return;
    const promise = Promise.resolve(returned).then(undefined, (error) => this.report(error)).finally(() => this.hooks.delete(promise));
    this.hooks.add(promise);
  }

  /** What ack() and its like have begun (a commit, say), and a nextTuple() that has called finish(), is waited for, for half of the time. */
  async stop(deadline) {
    this.stopping = true;
    this.rest();
    let timer;
    const late = new Promise((resolve) => {
      timer = setTimeout(resolve, deadline / 2);
    });
    await Promise.race([Promise.allSettled([...this.hooks, this.ended ? this.turn : null]), late]);
    clearTimeout(timer);
    await this.finish();
  }

  sayLeft() {
    if (this.left === null) return;
    this.w.begin(FROM_CHILD.LEFT, 2);
    this.w.value(this.left.size);
    this.w.end();
    this.send();
  }

  // ---- rows

  /** Ends a pause. */
  wake() {
    if (this.timer === null) return this.go();
    clearTimeout(this.timer);
    this.timer = null;
    this.go();
  }

  pause(ms) {
    this.timer = setTimeout(() => {
      this.timer = null;
      this.go();
    }, ms);
  }

  /** Gives the loop a turn. */
  yield() {
    this.yielding = true;
    setImmediate(() => {
      this.yielding = false;
      this.go();
    });
  }

  /** Answers requests until there are none, or user code has nothing, or waits. */
  go() {
    if (this.ended && this.waiting) this.sayFinish(); // what user code waits for may never come
    if (this.waiting || this.activating || this.yielding || this.timer !== null) return;
    const { outbox } = this;
    let sent = performance.now();
    while (this.begin()) {
      const result = this.produce();
      if (result === WAITS) return;
      if (result !== EMITTED) {
        this.flush();
        return this.pauseAfter(result);
      }
      const now = performance.now();
      if (now - sent > FLUSH_MS) { // and the loop gets a turn
        this.flush();
        return this.yield();
      }
      sent = outbox.isEmpty ? now : sent;
    }
  }

  /** Makes sure that there is a request to answer, and ends those that are answered. */
  begin() {
    const { outbox } = this;
    for (;;) {
      if (outbox.seq === 0) {
        const next = this.asked.shift();
        if (next === undefined) break;
        outbox.begin(next.seq);
        this.rows = next.rows;
        this.bytes = next.bytes;
      }
      if (!this.ended && !this.inactive && outbox.rows < this.rows && outbox.bytes < this.bytes) return true;
      this.sendRows(true);
    }
    if (this.ended) this.sayFinish();
    return false;
  }

  sayFinish() {
    if (this.saidFinish) return;
    this.saidFinish = true;
    this.flush();
    this.signal(FROM_CHILD.FINISH);
  }

  /** Ends all answers with what there is, also while user code waits for something that may never come. */
  rest() {
    this.inactive = true;
    this.sendRows(true);
    for (const { seq } of this.asked.splice(0)) this.outbox.begin(seq), this.sendRows(true);
    this.wake();
  }

  /** Calls user code a number of times, as long as it emits. */
  produce() {
    const { outbox } = this;
    const start = performance.now();
    let result = EMITTED;
    Component.active = this;
    for (let i = 0; i < this.calls && result === EMITTED; i++) {
      if (this.ended || outbox.rows >= this.rows || outbox.bytes >= this.bytes) break;
      result = this.call();
    }
    const took = performance.now() - start;
    if (took > 1) this.calls = Math.max(1, this.calls >> 1);
    else if (took < 0.3) this.calls = Math.min(MOST_CALLS, 2 * this.calls);
    return result;
  }

  pauseAfter(result) {
    if (result === THREW) {
      this.retry = Math.min(Math.max(RETRY_MS[0], 2 * this.retry), RETRY_MS[1]);
      return this.pause(this.retry);
    }
    this.idle = Math.min(Math.max(IDLE_MS[0], 2 * this.idle), IDLE_MS[1]);
    this.pause(this.idle);
  }

  /** Tells what a call led to, by the number of rows before it. */
  since(before) {
    if (this.outbox.rows === before && !this.ended) return NOTHING;
    this.idle = this.retry = 0;
    return EMITTED;
  }

  /** Calls nextTuple() once. */
  classCall(lane) {
    const { user } = this;
    const before = this.outbox.rows;
    let returned;
    user[ADD] = lane === undefined ? null : lane.add;
    try {
      returned = this.invoke('nextTuple', []);
    } catch (error) {
      this.report(error);
      return THREW;
    } finally {
      user[ADD] = null;
    }
    return isThenable(returned) ? this.await(returned, () => this.since(before)) : this.since(before);
  }

  /** Waits for user code; then(value) tells what it led to. */
  await(promise, then) {
    this.waiting = true;
    this.flushLater();
    this.turn = promise;
    const done = (result) => {
      this.waiting = false;
      this.flushLater();
      if (result === EMITTED) this.go();
      else this.pauseAfter(result);
    };
    promise.then((v) => done(then(v)), (error) => {
      if (this.user instanceof FunctionSpout) return this.io.fatal(error); // a generator does not go on after an exception
      this.report(error);
      done(THREW);
    });
    return WAITS;
  }

  /** Returns the call for a function: it takes one value of its generator, asynchronous or not. */
  generatorCall(lane) {
    let values = null;
    return () => {
      const before = this.outbox.rows;
      let step;
      try {
        values ??= iteratorOf(this.user.fn(this.ctx), this);
        step = values.next();
      } catch (error) {
        this.waiting = true; // for ever: a generator does not go on after an exception
        this.io.fatal(error);
        return WAITS;
      }
      if (!isThenable(step)) return this.take(lane, step, before);
      return this.await(step, (s) => this.take(lane, s, before));
    };
  }

  /** Emits what a generator yielded. What cannot be sent is reported, and the generator goes on. */
  take(lane, { done, value }, before) {
    if (done) this.finishEmitting();
    else if (value !== undefined && value !== null) {
      try {
        if (lane === undefined) this.outbox.refuse(value);
        lane.add(lane.fields.length === 1 ? [value] : value);
      } catch (error) {
        this.report(error);
        return EMITTED;
      }
    }
    return this.since(before);
  }

  /** There will be no more rows. */
  finishEmitting() {
    this.ended = true;
    if (this.ready) setImmediate(() => this.wake());
  }

  flush() {
    if (this.outbox !== null) this.sendRows(false);
  }

  /** Sends what was emitted; final ends the answer. */
  sendRows(final) {
    this.outbox.flush(final);
    // Rows that turned out to be unsendable have failed on the way.
    for (const id of this.outbox.lost.splice(0)) this.callOutcome(this.replays ? 'fail' : 'dead', id);
  }

  inspect() {
    const { outbox } = this;
    const state = this.inactive ? 'inactive' : this.waiting ? 'waits for nextTuple' : this.timer !== null ? 'pauses' : 'has nothing to do';
    const rows = `request ${outbox.seq}: ${outbox.rows} of ${this.rows} rows`;
    return `  ${rows}; ${state}; ids that wait for an outcome: ${outbox.pending.size}\n${super.inspect()}`;
  }

  /** Spout.emit and emitTo, when there is more to it. */
  emit(values, options = {}) {
    const { stream, directTask, needTaskIds, id } = checked(options, 'id');
    if (id !== undefined && id !== null && !ID_TYPES.has(typeof id) && !(id instanceof Uint8Array)) {
      throw new TypeError(`${this.ctx.component}: id is a string, number, boolean, bigint or Buffer, not ${shown(id)}`);
    }
    const { outbox } = this;
    const request = needTaskIds ? this.nextRequest() : -1;
    outbox.emit(outbox.lane(stream), values, id, directTask, request);
    this.flushLater();
    this.stir();
    return needTaskIds ? this.taskIds(request) : undefined;
  }

  /** A row that came between two calls of nextTuple(), from a timer or a callback: whoever emits so is not idle. */
  stir() {
    if (this.idle === 0 || this.timer === null || this.retry > 0) return;
    this.idle = 0;
    setImmediate(() => this.wake());
  }
}

/** Returns what is the same for ids that are: two Buffers may hold the same bytes. */
const keyOf = (id) => (id instanceof Uint8Array ? `bytes ${Buffer.from(id).toString('latin1')}` : id);

function iteratorOf(v, { ctx: { component }, user }) {
  const make = v?.[Symbol.asyncIterator] ?? v?.[Symbol.iterator];
  if (typeof make !== 'function' || typeof v === 'string') {
    throw new ComponentError(`${component}: the function of a spout is a generator (function* or async function*), ` +
      `this one returns ${shown(v)}`, user.at);
  }
  return make.call(v);
}

module.exports = { Spout, FunctionSpout, SpoutComponent };
