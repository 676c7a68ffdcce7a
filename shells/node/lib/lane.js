'use strict';
// A Lane: what was emitted on one stream and is not sent yet. It has one plain
// array per field. In a bolt that works row by row without waiting, a value's
// input row is told by position alone (`ends`), so that an emit is a push for
// each field; everything else is written down beside (`refs`, `multi`).
const { inspect, types } = require('util');
const vm = require('vm');
const { Writer, UNSENDABLE } = require('./msgpack.js');
const { Packed } = require('./columns.js');
const { MAX_ROWS } = require('./wire.js');
const { explain, isWellFormed, typeName } = require('./values.js');

// Characters in a lane after which it is sent. Messages may be larger (256 KiB),
// but what lives shortly is cheap to collect: split is a fifth faster than with 256 K.
const LANE_CHARS = 64 << 10;

/**
 * Returns v as a column keeps it: scalars as they are, bytes as a copy, all
 * else encoded, so that a later change of it does not travel. Throws
 * UNSENDABLE, or what a getter of v throws.
 */
function admit(v, arena) {
  switch (typeof v) {
    case 'string': case 'number': case 'boolean': return v;
    case 'bigint':
      if (BigInt.asIntN(64, v) !== v) throw UNSENDABLE;
      return v;
    case 'object': break;
    default: throw UNSENDABLE;
  }
  if (v === null) return v;
  if (types.isUint8Array(v)) return Buffer.from(v);
  const start = arena.pos;
  try {
    arena.value(v);
  } catch (error) {
    arena.pos = start;
    throw error;
  }
  return new Packed(start, arena.pos);
}

/** The rows emitted on one stream since the last message. */
class Lane {
  /**
   * @param {number} index in welcome's outputs
   * @param {string} label names component and stream in messages
   * @param {{makeRoom(): void, prepare(lane: Lane, direct: boolean, request: number): void}} outbox
   * @param {number[]|null} [readers] the tasks that read the stream with direct grouping, none if it is not read so; null: nobody has said
   */
  constructor(index, name, fields, label, maxBytes, outbox, readers = null) {
    this.index = index;
    this.name = name;
    this.fields = fields;
    this.label = label;
    this.maxBytes = maxBytes;
    this.share(1);
    this.outbox = outbox;
    this.columns = fields.map(() => []);
    this.arena = new Writer(0);
    this.readers = readers;
    this.isDirect = readers !== null && readers.length > 0;
    this.add = this.isDirect ? () => this.aim(undefined) : compileAdd(this);
    this.strict = true; // strings are checked when they are emitted, not when they are written
    this.reset();
  }

  /** Sets after how many characters, of at most 3 bytes each, it is sent: one of so many lanes. */
  share(lanes) {
    this.limit = Math.min(LANE_CHARS, Math.floor(this.maxBytes / 3 / lanes));
  }

  /** Rows held. */
  get n() { return this.columns[0].length; }

  reset() {
    for (const column of this.columns) column.length = 0; // the compiled add() knows these very arrays
    this.arena.pos = 0;
    this.size = 0; // characters and bytes, about
    this.before = 0; // BY_ROW: input rows that were covered before the first row
    this.ends = []; // BY_ROW: the number of rows held, after each input row covered since
    this.refs = []; // BY_REF: for each row its anchors, a flat list of (frame, row) pairs
    this.multi = []; // BY_ROW: [row, its anchors instead]
    this.wants = []; // spout: [row, its id]
    this.direct = null; // or for each row the task that it goes to
    this.request = -1; // or the number under which the task ids are asked for
    this.special = false; // is either
  }

  /** Throws if nobody would get a row that names that task; undefined: it names none. */
  aim(task) {
    const { readers, label } = this;
    if (task === undefined ? !this.isDirect : readers === null || readers.includes(task)) return;
    const some = readers.slice(0, 16).join(', ') + (readers.length > 16 ? ', …' : '');
    if (task === undefined) throw new Error(`${label} is read with group: direct, so an emit names a task: {directTask}, one of ${some}`);
    throw new Error(this.isDirect
      ? `${label} is read with group: direct by the tasks ${some}; directTask ${task} is none of them`
      : `${label} is not read with group: direct: leave directTask out, or write it at the inputs that read it`);
  }

  /** Appends a row: an array of the fields' values, or an object of them. Throws what emit throws. */
  append(values) {
    const row = this.shape(values);
    const kept = new Array(row.length);
    let size = 0;
    for (let k = 0; k < row.length; k++) {
      const v = row[k];
      try {
        kept[k] = admit(v, this.arena);
      } catch (error) {
        throw error === UNSENDABLE ? this.error(k, v) : error;
      }
      if (typeof v === 'string' && this.strict && !isWellFormed(v)) throw this.error(k, v);
      size += sizeOf(kept[k]);
    }
    if (size > this.limit) this.checkSize(kept);
    this.push(kept, size);
  }

  /** Takes a row as it is kept. A large one travels alone, so that its message is not much larger than it. */
  push(kept, size) {
    if (size > this.limit) this.outbox.makeRoom();
    for (let k = 0; k < kept.length; k++) this.columns[k].push(kept[k]);
    this.size += size;
  }

  /** Makes room if the lane is full. Called after every append, when the row's anchors are in place. */
  settle() {
    if (this.size > this.limit || this.n >= MAX_ROWS) this.outbox.makeRoom();
  }

  /** What the compiled add() calls beyond the limit: it has not looked at whether the last row is large by itself. */
  overflow() {
    const row = this.columns.map((column) => column.pop());
    const size = row.reduce((sum, v) => sum + sizeOf(v), 0);
    this.size -= size;
    if (size > this.limit) this.checkSize(row);
    this.push(row, size);
    this.outbox.makeRoom();
  }

  checkSize(row) {
    let bytes = 0;
    for (const v of row) bytes += typeof v === 'string' ? Buffer.byteLength(v) + 5 : sizeOf(v);
    if (bytes > this.maxBytes) {
      throw new RangeError(`${this.label}: a row of ${bytes} bytes; max_message_bytes allows ${this.maxBytes}. ` +
        'Send less, or raise it under config: in the topology');
    }
  }

  /** Returns an array with a value for each field. */
  shape(values) {
    const { fields } = this;
    if (Array.isArray(values)) {
      if (values.length === fields.length) return values;
      throw new TypeError(`${this.label} has ${many(fields.length, 'field')} (${fields.join(', ')}), ` +
        `got ${many(values.length, 'value')}: ${shown(values)}`);
    }
    if (typeName(values) !== 'object' || values === null) {
      const hint = fields.length === 1 ? '; write [value] for a single value' : '';
      throw new TypeError(`${this.label} takes an array or an object of ${fields.join(', ')}, got ${shown(values)}${hint}`);
    }
    const keys = Object.keys(values);
    if (keys.length !== fields.length || !fields.every((field) => Object.hasOwn(values, field))) {
      throw new TypeError(`${this.label} has the fields ${fields.join(', ')}; the object has ${keys.join(', ') || 'none'}`);
    }
    return fields.map((field) => values[field]);
  }

  /** The error for a value of field k that cannot be sent. */
  error(k, v) {
    return explain(v, `${this.label}, field ${JSON.stringify(this.fields[k])}`);
  }

  /** Hands over the rows as a group and starts afresh. */
  close() {
    const { index, fields, before, ends, refs, multi, wants, direct, request, arena } = this;
    const columns = this.columns.map((column) => column.slice());
    const group = { lane: this, index, fields, columns, arena, before, ends, refs, multi, wants, direct, request };
    if (arena.pos > 0) this.arena = new Writer(0);
    this.reset();
    return group;
  }

  /** Takes rows [from, to) out of the columns. */
  static remove(group, from, to) {
    for (const column of group.columns) column.splice(from, to - from);
    const moved = (i) => (i >= to ? i - (to - from) : Math.min(i, from));
    group.ends = group.ends.map(moved);
    for (const list of ['multi', 'wants']) {
      group[list] = group[list].filter(([i]) => i < from || i >= to).map(([i, x]) => [moved(i), x]);
    }
    group.refs.splice(from, to - from);
    group.direct?.splice(from, to - from);
  }
}

const many = (n, noun) => `${n} ${noun}${n === 1 ? '' : 's'}`;

/** What a value is, for messages: its type and a short form of it, whatever it does when it is asked. */
function shown(v) {
  let text;
  try {
    text = inspect(v, { depth: 1, breakLength: Infinity, maxStringLength: 60, maxArrayLength: 8 });
  } catch {
    return typeName(v);
  }
  if (text.length > 80) text = `${text.slice(0, 77)}...`;
  return v === null || v === undefined ? text : `${typeName(v)} ${text}`;
}

function sizeOf(v) {
  if (typeof v === 'string') return v.length + 1;
  if (v instanceof Packed) return v.end - v.start;
  return Buffer.isBuffer(v) ? v.length + 5 : 9;
}

/**
 * Makes add(values) for a lane: append() and settle() for rows of strings and
 * numbers, which most are, with everything inline. What is unusual goes to
 * append(). For two fields it reads:
 *
 *   if (!Array.isArray(values) || values.length !== 2 || lane.special) return slow(values)
 *   const v0 = values[0], v1 = values[1]; let size = 2
 *   if (typeof v0 === 'string') size += v0.length; else if (typeof v0 === 'number') size += 8; else return slow(values)
 *   (the same for v1)
 *   c0.push(v0); c1.push(v1); …
 */
function compileAdd(lane) {
  const slow = (values) => {
    if (lane.special) lane.outbox.prepare(lane, false, -1);
    lane.append(values);
    lane.settle();
  };
  const all = (part) => lane.columns.map((_, k) => part(k)).join(' ');
  const source = `
    ${all((k) => `const c${k} = lane.columns[${k}];`)}
    return (values) => {
      if (!Array.isArray(values) || values.length !== ${lane.columns.length} || lane.special) return slow(values);
      ${all((k) => `const v${k} = values[${k}];`)}
      let size = ${lane.columns.length};
      ${all((k) => `if (typeof v${k} === 'string') size += v${k}.length; else if (typeof v${k} === 'number') size += 8; else return slow(values);`)}
      ${all((k) => `c${k}.push(v${k});`)}
      if ((lane.size += size) > lane.limit) lane.overflow();
    };`;
  return vm.compileFunction(source, ['lane', 'slow'], { filename: 'polybolt:add' })(lane, slow);
}

module.exports = { Lane, admit, shown };
