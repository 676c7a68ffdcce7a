'use strict';
// The interface of Storm's storm.js, over Polybolt's own protocol: what
// `require('./storm')` finds where no storm.js lies beside the script, and
// `require('polybolt/storm')` anywhere. Classes are functions with prototypes, as storm.js
// has them, so that old code can call them on its own `this`.
//
// What differs: the callback of an emit is called with task ids only if it has
// a parameter for them, and then costs a round trip; a tuple without an id is
// replayed by the host; a spout's callbacks have defaults that call done.
const { componentOf } = require('./lib/component.js');
const { StormBolt, Tuple } = require('./lib/stormbolt.js');
const { StormSpout } = require('./lib/stormspout.js');

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
    this.__emit(details, false);
    this[HOST].callbacks.add(onTaskIds);
    return;
  }
  this.__emit(details, true).then(onTaskIds).catch((error) => setImmediate(() => { throw error; }));
};

Storm.prototype.emitDirect = function (details) {
  if (!details.task) throw new Error('Emit direct must receive task id!');
  this.__emit(details, false);
};

/** What Storm's context says of a component's own streams and of those it reads. */
function streams(host) {
  const { inputs, outbox } = componentOf(host);
  const sources = {};
  for (const { component, stream, fields } of inputs) (sources[component] ??= {})[stream] = [...fields];
  return {
    streams: [...outbox.lanes.keys()],
    'stream->outputfields': Object.fromEntries(outbox.all.map(({ name, fields }) => [name, [...fields]])),
    'source->stream->fields': sources,
  };
}

/** Storm's conf and context, but for groupings. */
function initialize(host, conf, ctx) {
  const { user } = host;
  user[HOST] = host;
  const context = { taskid: ctx.task, componentid: ctx.component, 'task->component': {}, ...streams(host) };
  for (const [component, ids] of Object.entries(ctx.tasks)) for (const id of ids) context['task->component'][id] = component;
  return new Promise((done) => { user.initialize({ 'topology.name': ctx.topology, 'topology.debug': false, ...conf }, context, () => done()); });
}

// ---- bolts

function BasicBolt() {
  Storm.call(this);
  this.anchorTuple = null;
}
BasicBolt.prototype = Object.create(Storm.prototype);
BasicBolt.prototype.constructor = BasicBolt;
BasicBolt.prototype.process = function (tuple, done) { done(); };
BasicBolt.prototype.run = function () { new StormBolt(this, initialize).run(); };
BasicBolt.prototype.__emit = function (details, needTaskIds) { return this[HOST].send(details, needTaskIds); };
BasicBolt.prototype.ack = function (tup) { this[HOST].settle(tup, undefined); };
BasicBolt.prototype.fail = function (tup, error) { this[HOST].settle(tup, error ?? 'failed'); };

// ---- spouts

function Spout() { Storm.call(this); }
Spout.prototype = Object.create(Storm.prototype);
Spout.prototype.constructor = Spout;
for (const name of ['activate', 'deactivate', 'nextTuple']) Spout.prototype[name] = function (done) { done(); };
for (const name of ['ack', 'fail']) Spout.prototype[name] = function (id, done) { done(); };
Spout.prototype.run = function () { new StormSpout(this, initialize).run(); };
Spout.prototype.__emit = function (details, needTaskIds) { return this[HOST].send(details, needTaskIds); };

module.exports = { BasicBolt, Spout, Tuple };
