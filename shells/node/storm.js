'use strict';
// The interface of Storm's storm.js, over Polybolt's own protocol: what
// `require('./storm')` finds where no storm.js lies beside the script, and
// `require('polybolt/storm')` anywhere. Classes are functions with prototypes, as storm.js
// has them, so that old code can call them on its own `this`.
//
// What differs: the callback of an emit is called with task ids only if it has
// a parameter for them, and then costs a round trip; a tuple without an id is
// replayed by the host; a spout's callbacks have defaults that call done.
const polybolt = require('./index.js');

/** Where an instance keeps the component that runs it. */
const HOST = Symbol('host');

function Storm() {}

Storm.prototype.initialize = function (conf, context, done) { done(); };
Storm.prototype.run = function () { throw new Error('run() belongs to BasicBolt and Spout'); };
Storm.prototype.sync = function () {}; // turns end by themselves

const text = (args) => Array.from(args, (arg) => (typeof arg === 'string' ? arg : JSON.stringify(arg))).join(' ');
for (const [name, level] of [['logTrace', 'trace'], ['logDebug', 'debug'], ['logInfo', 'info'], ['logWarn', 'warn'], ['logError', 'error'], ['log', 'info']]) {
  Storm.prototype[name] = function (...args) {
    const { log } = this[HOST];
    (log[level] ?? log.debug).call(log, text(args));
  };
}

Storm.prototype.emit = function (details, onTaskIds) {
  if (details.task) throw new Error('Illegal input - task. To emit to specific task use emit direct!');
  if (!onTaskIds) throw new Error('You must pass a onTaskIds callback when using emit!');
  if (onTaskIds.length === 0) {
    this.__emit(details);
    setImmediate(onTaskIds);
    return;
  }
  this.__emit(details, { needTaskIds: true }).then(onTaskIds).catch((error) => setImmediate(() => { throw error; }));
};

Storm.prototype.emitDirect = function (details) {
  if (!details.task) throw new Error('Emit direct must receive task id!');
  this.__emit(details, { directTask: details.task });
};

/** Storm's conf and context, as far as Polybolt knows them. */
function initialize(user, host, conf, ctx) {
  user[HOST] = host;
  const tasks = {};
  for (const [component, ids] of Object.entries(ctx.tasks)) for (const id of ids) tasks[id] = component;
  const context = { taskid: ctx.task, componentid: ctx.component, 'task->component': tasks };
  return new Promise((done) => { user.initialize({ 'topology.name': ctx.topology, ...conf }, context, () => done()); });
}

/** One input. */
function Tuple(id, component, stream, task, values) {
  this.id = id;
  this.component = component;
  this.stream = stream;
  this.task = task;
  this.values = values;
}
Tuple.prototype.isTickTuple = function () { return this.task === -1 && this.stream === '__tick'; };
Tuple.prototype.isHeartbeatTuple = function () { return false; };

// ---- bolts

function BasicBolt() {
  Storm.call(this);
  this.anchorTuple = null;
}
BasicBolt.prototype = Object.create(Storm.prototype);
BasicBolt.prototype.constructor = BasicBolt;
BasicBolt.prototype.process = function (tuple, done) { done(); };
BasicBolt.prototype.run = function () { new BoltHost(this).run(); };

BasicBolt.prototype.__emit = function (details, options = {}) {
  const ids = details.anchorTupleId === undefined || details.anchorTupleId === null ? [] : [].concat(details.anchorTupleId);
  const { open } = this[HOST];
  const anchors = ids.map((id) => open.get(id)).filter((tup) => tup !== undefined);
  return this[HOST].emit(details.tuple, { ...options, stream: details.stream, anchors });
};
BasicBolt.prototype.ack = function (tup) { this[HOST].settle(tup, undefined); };
BasicBolt.prototype.fail = function (tup, error) { this[HOST].settle(tup, error ?? 'failed'); };

class BoltHost extends polybolt.Bolt {
  autoAck = false;

  constructor(user) {
    super();
    this.user = user;
    this.open = new Map(); // inputs that are neither acked nor failed, by id
    this.count = 0;
  }

  initialize(conf, ctx) { return initialize(this.user, this, conf, ctx); }

  process(tup) {
    const id = String(++this.count);
    this.open.set(id, tup);
    const mine = new Tuple(id, tup.component, tup.stream, tup.task, [...tup.values]);
    try {
      this.user.process(mine, (error) => this.settle(mine, error));
    } catch (error) {
      this.settle(mine, error);
    }
  }

  processTick() { this.user.process(new Tuple('0', '__system', '__tick', -1, [1]), () => {}); }

  settle(mine, error) {
    const tup = this.open.get(mine.id);
    if (tup === undefined) return; // a tick's, or acked before
    this.open.delete(mine.id);
    if (error) this.fail(tup, error);
    else this.ack(tup);
  }
}

// ---- spouts

function Spout() { Storm.call(this); }
Spout.prototype = Object.create(Storm.prototype);
Spout.prototype.constructor = Spout;
for (const name of ['activate', 'deactivate', 'nextTuple']) Spout.prototype[name] = function (done) { done(); };
for (const name of ['ack', 'fail']) Spout.prototype[name] = function (id, done) { done(); };
Spout.prototype.run = function () { new SpoutHost(this).run(); };
Spout.prototype.__emit = function (details, options = {}) {
  return this[HOST].emit(details.tuple, { ...options, stream: details.stream, id: details.id });
};

class SpoutHost extends polybolt.Spout {
  constructor(user) {
    super();
    this.user = user;
  }

  initialize(conf, ctx) { return initialize(this.user, this, conf, ctx); }
  nextTuple() { return turn((done) => this.user.nextTuple(done)); }
  activate() { return turn((done) => this.user.activate(done)); }
  deactivate() { return turn((done) => this.user.deactivate(done)); }
  ack(id) { return turn((done) => this.user.ack(id, done)); }
  fail(id) { return turn((done) => this.user.fail(id, done)); }
}

/** Calls a hook with its `done`. Returns a promise only if it waits: most hooks have called it by then. */
function turn(hook) {
  let ended = false;
  let end = null;
  hook(() => {
    ended = true;
    end?.();
  });
  return ended ? undefined : new Promise((resolve) => { end = () => resolve(undefined); });
}

module.exports = { BasicBolt, Spout, Tuple };
