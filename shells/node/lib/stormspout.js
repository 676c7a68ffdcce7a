'use strict';
// The spout behind storm.js's Spout: each hook has a done(), which most code
// calls before it returns; only a hook that does not makes a promise.
const { Spout } = require('./spout.js');
const { Callbacks } = require('./callbacks.js');

class StormSpout extends Spout {
  /** @param {any} user the instance of Spout @param {(host: StormSpout, conf: object, ctx: object) => Promise<void>} initialize its own */
  constructor(user, initialize) {
    super();
    this.user = user;
    this.hook = initialize;
    this.callbacks = new Callbacks();
  }

  initialize(conf, ctx) { return this.hook(this, conf, ctx); }
  nextTuple() { return this.turn((done) => this.user.nextTuple(done)); }
  activate() { return this.turn((done) => this.user.activate(done)); }
  deactivate() { return this.turn((done) => this.user.deactivate(done)); }
  ack(id) { return this.turn((done) => this.user.ack(id, done)); }
  fail(id) { return this.turn((done) => this.user.fail(id, done)); }

  /** Emits what storm.js calls the details of an emit. Returns a promise of the task ids, if they are wanted. */
  send({ tuple, stream, id, task }, needTaskIds) {
    return this.emit(tuple, { stream, id, directTask: task || undefined, needTaskIds });
  }

  /** Calls a hook with its done(). Returns a promise only if it waits. */
  turn(hook) {
    const { callbacks } = this;
    let ended = false;
    let end = null;
    callbacks.held = true;
    try {
      hook(() => {
        ended = true;
        end?.();
      });
    } finally {
      callbacks.held = false;
      if (callbacks.n > 0) callbacks.run();
    }
    return ended ? undefined : new Promise((resolve) => { end = () => resolve(undefined); });
  }
}

module.exports = { StormSpout };
