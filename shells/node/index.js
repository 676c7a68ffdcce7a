'use strict';
// Polybolt's SDK for Node: spouts and bolts as classes or functions. See README.md and index.d.ts.
require('./preload.js').takeOver(); // at the latest: a program that loads user code itself (ts-node) was passed over
const { Bolt, FunctionBolt } = require('./lib/bolt.js');
const { Spout, FunctionSpout } = require('./lib/spout.js');
const { Component, Context, currentScope } = require('./lib/component.js');
const { Tuple } = require('./lib/tuple.js');
const { Timestamp } = require('./lib/values.js');

/** Makes a bolt of a function. */
function bolt(fn) {
  return new FunctionBolt(fn, bolt);
}

/** Makes a spout of a generator function. */
function spout(fn) {
  return new FunctionSpout(fn, spout);
}

/** In a function bolt or spout: emits on a stream by name; values as for yield. */
function emitTo(stream, values) {
  const component = currentScope()?.component ?? Component.active;
  if (component === null) throw new Error('emitTo works while a component runs: in a topology, or in a Tester of polybolt/testing');
  component.emitTo(stream, values);
}

module.exports = { Bolt, Spout, bolt, spout, emitTo, Context, Tuple, Timestamp };
