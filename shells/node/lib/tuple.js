'use strict';
// Tuple: one input row as user code sees it.
const { inspect } = require('util');
const vm = require('vm');

const OPEN = 0, ACKED = 1, FAILED = 2;

/**
 * One input row. A tuple holds its own values, so one that is kept neither
 * changes nor keeps the rest of its frame in memory.
 */
class Tuple {
  constructor(seq, row, task) {
    this._seq = seq; // its frame; 0: a tick
    this._row = row;
    this._state = OPEN;
    this._held = false; // its row is covered and waits for ack() or fail()
    this._error = undefined; // of a row in progress that user code has failed
    /** The task that emitted it; -1 for a tick. */
    this.task = task;
  }

  // Of its input; tupleClass() has the real ones.
  get fields() { return /** @type {readonly string[]} */ ([]); }
  get component() { return ''; }
  get stream() { return ''; }

  [inspect.custom](depth, options) {
    const fields = Object.fromEntries(this.fields.map((field, k) => [field, this.values[k]]));
    return `Tuple(${this.component}/${this.stream} ${inspect(fields, { ...options, depth })})`;
  }

  get values() { return /** @type {any[]} */ ([]); }

  /** What tells this tuple from every other that this process receives. */
  get id() {
    return this._seq === 0 ? 'tick' : `${this._seq}-${this._row}`;
  }

  /** The value of a field. */
  get(field) {
    const list = this.fields.join(', ') || 'none';
    throw new RangeError(`no field ${JSON.stringify(field)} in a tuple of ${this.component}/${this.stream}; it has ${list}`);
  }
}

/**
 * Makes the class of one input's tuples. What they share stands on the
 * prototype; the values are properties _0, _1 … and get() is a switch over the
 * names, which costs as much as reading a property. For [word, n] it reads:
 *
 *   constructor(seq, row, task, columns) { super(seq, row, task); this._0 = columns[0][row]; this._1 = columns[1][row]; }
 *   get(field) { switch (field) { case "word": return this._0; case "n": return this._1; default: return super.get(field); } }
 *   get values() { return [this._0, this._1]; }
 */
function tupleClass(component, stream, fields) {
  const all = (part, glue = ' ') => fields.map((field, k) => part(k, JSON.stringify(field))).join(glue);
  const source = `return class Input extends Tuple {
    constructor(seq, row, task, columns) { super(seq, row, task); ${all((k) => `this._${k} = columns[${k}][row];`)} }
    get(field) { switch (field) { ${all((k, name) => `case ${name}: return this._${k};`)} default: return super.get(field); } }
    get values() { return [${all((k) => `this._${k}`, ', ')}]; }
  }`;
  const Input = vm.compileFunction(source, ['Tuple'], { filename: 'polybolt:tuple' })(Tuple);
  Object.defineProperties(Input.prototype, {
    component: { value: component, enumerable: true },
    stream: { value: stream, enumerable: true },
    fields: { value: Object.freeze([...fields]), enumerable: true },
  });
  return Input;
}

/** Makes the function that turns row i of an input's columns into an object with the fields as keys. */
function objectMaker(fields) {
  const pairs = fields.map((field, k) => `[${JSON.stringify(field)}]: columns[${k}][i]`).join(', '); // a literal key, even for __proto__
  return vm.compileFunction(`return (columns, i) => ({ ${pairs} });`, [], { filename: 'polybolt:object' })();
}

/** Makes the function that turns row i of an input's columns into an array of its values. */
function rowMaker(fields) {
  const values = fields.map((_, k) => `columns[${k}][i]`).join(', ');
  return vm.compileFunction(`return (columns, i) => [${values}];`, [], { filename: 'polybolt:row' })();
}

const Tick = tupleClass('__system', '__tick', []);

module.exports = { Tuple, Tick, tupleClass, objectMaker, rowMaker, OPEN, ACKED, FAILED };
