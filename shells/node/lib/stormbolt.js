'use strict';
// The bolt behind storm.js's BasicBolt. Most code for it emits, and calls done()
// before it returns; then a tuple is no more than a row of its frame, what it
// emits is anchored by position, and its id is looked up nowhere. A tuple whose
// done() comes later is held under its id.
const { Bolt } = require('./bolt.js');
const { InTurn } = require('./inturn.js');
const { Callbacks } = require('./callbacks.js');
const { rowMaker } = require('./tuple.js');

/** One input, of storm.js's shape. */
function Tuple(id, component, stream, task, values) {
  this.id = id;
  this.component = component;
  this.stream = stream;
  this.task = task;
  this.values = values;
}
Tuple.prototype.isTickTuple = function () { return this.task === -1 && this.stream === '__tick'; };
Tuple.prototype.isHeartbeatTuple = function () { return false; };

/** What user code has said of the row in progress. */
const OPEN = 0, ACKED = 1, FAILED = 2;

class StormBolt extends Bolt {
  /** @param {any} user the instance of BasicBolt @param {(host: StormBolt, conf: object, ctx: object) => Promise<void>} initialize its own */
  constructor(user, initialize) {
    super();
    this.autoAck = false;
    this.user = user;
    this.hook = initialize;
    this.callbacks = new Callbacks();
    this.open = new Map(); // rows that process() has left open, as Polybolt's tuples, by id
    this.count = 0;
    // Known when there is work to do.
    this.component = null;
    this.add = null; // appends a row to the default stream
    // The row in progress.
    this.current = null; // its Tuple
    this.frame = null;
    this.row = 0;
    this.tup = null; // it as Polybolt's tuple, if that was needed
    this.state = OPEN;
    this.error = undefined; // the error map of one that has failed
  }

  initialize(conf, ctx) { return this.hook(this, conf, ctx); }

  [InTurn.MAKE](component, lane) {
    this.component = component;
    this.add = lane === undefined ? (values) => this.emit(values) : lane.add;
    return new StormInTurn(component, this);
  }

  processTick() { this.user.process(new Tuple('0', '__system', '__tick', -1, [1]), () => {}); }

  /** Emits what storm.js calls the details of an emit. Returns a promise of the task ids, if they are wanted. */
  send(details, needTaskIds) {
    const { current } = this;
    if (current === null || details.anchorTupleId !== current.id || details.stream !== undefined || needTaskIds || details.task) {
      return this.emit(details.tuple, {
        stream: details.stream, directTask: details.task || undefined, needTaskIds, anchors: this.anchors(details.anchorTupleId),
      });
    }
    this.add(details.tuple);
    return undefined;
  }

  /** The tuples of one id or several, undefined for the row in progress; ids of tuples that are done are left out. */
  anchors(ids) {
    if (ids === undefined || ids === null) return [];
    if (this.current !== null && ids === this.current.id) return undefined;
    return [].concat(ids).map((id) => this.find(id)).filter((tup) => tup !== undefined);
  }

  find(id) {
    return this.current !== null && id === this.current.id ? this.asTuple() : this.open.get(id);
  }

  /** The row in progress as Polybolt's tuple. */
  asTuple() {
    const { frame, row } = this;
    this.tup ??= new frame.input.Tuple(frame.seq, row, frame.taskOf(row), frame.columns);
    return this.tup;
  }

  /** User code is done with a tuple; an error fails it. What is said of a tick, or for a second time, is left out. */
  settle({ id }, error) {
    if (this.current !== null && id === this.current.id) {
      if (this.state !== OPEN) return;
      this.state = error ? FAILED : ACKED;
      if (error) this.error = this.component.failed(error);
      return;
    }
    const tup = this.open.get(id);
    if (tup === undefined) return;
    this.open.delete(id);
    if (error) this.fail(tup, error);
    else this.ack(tup);
  }
}

/** Works through a frame: see InTurn. */
class StormInTurn extends InTurn {
  constructor(component, host) {
    super(component);
    this.host = host;
  }

  rows(frame, from, to) {
    const { host, outbox } = this;
    const { callbacks } = host;
    const { input, columns } = frame;
    input.row ??= rowMaker(input.fields);
    host.frame = frame;
    callbacks.held = true;
    for (let i = from; i < to; i++) {
      const mine = new Tuple(String(++host.count), input.component, input.stream, frame.taskOf(i), input.row(columns, i));
      host.current = mine;
      host.row = i;
      host.state = OPEN;
      host.tup = null;
      try {
        host.user.process(mine, (error) => host.settle(mine, error));
      } catch (error) {
        this.threw(error);
      }
      if (callbacks.n > 0) callbacks.run();
      host.current = null;
      if (host.state !== ACKED) this.leave(mine, i);
      outbox.rowDone();
    }
    callbacks.held = false;
    return to;
  }

  /** process() has thrown, which fails the tuple; what user code has said of it before stands. */
  threw(error) {
    const { host, component } = this;
    if (host.state !== OPEN) return component.report(error);
    host.state = FAILED;
    host.error = component.describe(error);
    return undefined;
  }

  /** Ends a row that is not simply acked. */
  leave(mine, row) {
    const { host, outbox } = this;
    if (host.state === FAILED) return outbox.fail(row, host.error);
    const tup = host.asTuple();
    tup._held = true;
    outbox.held.push(row);
    host.open.set(mine.id, tup);
    return undefined;
  }
}

module.exports = { StormBolt, Tuple };
