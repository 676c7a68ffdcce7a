'use strict';
// The other side of the pipe: what a child writes, decoded; what a host writes,
// encoded. For polybolt/testing, and for this package's own tests.
const { Reader, Writer, WireError } = require('./msgpack.js');
const { readColumn, writeColumn } = require('./columns.js');
const { MessageWriter, FROM_CHILD, TO_CHILD } = require('./wire.js');
const { admit } = require('./lane.js');

/** A Reader that also reads an ext of a column, as {kind, data}. */
class BodyReader extends Reader {
  value(depth = 0) {
    const c = this.buf[this.pos];
    const fixed = c >= 0xd4 && c <= 0xd8;
    if (!fixed && (c < 0xc7 || c > 0xc9)) return super.value(depth);
    const head = fixed ? 1 : { 0xc7: 2, 0xc8: 3, 0xc9: 5 }[c];
    const n = fixed ? 1 << (c - 0xd4) : this.buf.readUIntBE(this.pos + 1, head - 1);
    const kind = this.buf.readInt8(this.pos + head);
    if (kind === -1) return super.value(depth);
    this.take(head + 1);
    return { kind, data: this.bytes(n) };
  }
}

const u32s = (bin) => (bin === null || bin === undefined ? [] : Array.from({ length: bin.length / 4 }, (_, i) => bin.readUInt32LE(4 * i)));
const pairsOf = (bin) => u32s(bin).flatMap((v, i, all) => (i % 2 ? [[all[i - 1], v]] : []));

/** Decodes one message of a child; outputs are welcome's. Returns {type, …}, with the rows of groups as arrays of values. */
function readFromChild(bytes, outputs) {
  const r = new BodyReader(bytes);
  const [type, ...rest] = r.value();
  if (r.pos !== r.end) throw new WireError(`${r.end - r.pos} bytes follow the message`);
  switch (type) {
    case FROM_CHILD.HELLO: return { type, hello: rest[0] };
    case FROM_CHILD.READY: return { type, ready: rest[0] };
    case FROM_CHILD.REPLY: {
      const [seq, first, n, groups, side = {}] = rest;
      const { failed = [], late = [] } = side;
      const reply = { type, seq, first, n, failed, late, held: u32s(side.held), acked: pairsOf(side.acked), took: side.took };
      return { ...reply, groups: groups.map((g) => anchored(groupOf(g, outputs), reply)) };
    }
    case FROM_CHILD.ROWS: {
      const [seq, final, first, groups] = rest;
      return { type, seq, final, first, groups: groups.map((g) => wanting(groupOf(g, outputs))) };
    }
    case FROM_CHILD.LOG: return { type, level: rest[0], text: rest[1], logger: rest[2] };
    case FROM_CHILD.ERROR: return { type, error: rest[0] };
    case FROM_CHILD.METRIC: return { type, metrics: rest[0] };
    case FROM_CHILD.LEFT: return { type, n: rest[0] };
    default: return { type };
  }
}

function groupOf([stream, n, how, anchors, body, options = /** @type {any} */ ({})], outputs) {
  const [name, fields] = outputs[stream];
  if (n === 0) throw new WireError('a group without rows');
  const isColumns = body.length > 0 && body[0].data !== undefined;
  const columns = isColumns ? body.map(({ kind, data }) => readColumn(kind, data, 0, data.length, n, {})) : null;
  const rows = columns === null ? body : Array.from({ length: n }, (_, i) => columns.map((column) => column[i]));
  if (rows.length !== n || rows.some((row) => row.length !== fields.length)) throw new WireError(`${n} rows of ${fields.length} declared`);
  const kinds = isColumns ? body.map(({ kind }) => kind) : null;
  const { direct, multi = [], ids = -1 } = options;
  return { stream: name, how, bin: anchors, rows, kinds, direct: direct ? u32s(direct) : null, multi, ids };
}

/** Adds what each row of a bolt's group is anchored to: a list of [frame, row]. */
function anchored(group, { seq, first, n }) {
  const { how, bin, rows, multi } = group;
  let anchors = rows.map(() => []);
  if (how === 1) {
    if (rows.length !== n) throw new WireError(`${rows.length} rows one to one to ${n}`);
    anchors = rows.map((_, i) => [[seq, first + i]]);
  } else if (how === 2) {
    const ends = u32s(bin);
    if (ends.length !== n) throw new WireError(`${ends.length} ends for ${n} rows`);
    let row = 0;
    anchors = rows.map((_, i) => {
      while (row < n && ends[row] <= i) row++;
      return [[seq, first + row]];
    });
  } else if (how === 3) {
    const pairs = pairsOf(bin);
    if (pairs.length !== rows.length) throw new WireError(`${pairs.length} anchors for ${rows.length} rows`);
    anchors = pairs.map((pair) => [pair]);
  }
  for (const [i, refs] of multi) anchors[i] = pairsOf(refs);
  return { ...group, anchors };
}

/** Adds which rows of a spout's group want an outcome. */
function wanting(group) {
  const { how, bin, rows } = group;
  const some = new Set(how === 2 ? u32s(bin) : []);
  return { ...group, wants: rows.map((_, i) => how === 1 || some.has(i)) };
}

// ---- messages to a child

/** Returns a message's frame; elements are values, or functions that write themselves. */
function frameTo(type, ...elements) {
  const w = new MessageWriter();
  w.begin(type, 1 + elements.length);
  for (const v of elements) {
    if (typeof v === 'function') v(w);
    else w.value(v);
  }
  w.end();
  return Buffer.from(w.take());
}

/** Returns a data message; rows are arrays of values, runs a flat list of (task, rows). */
function dataTo(seq, input, task, rows, level = 'columns', runs = null) {
  const body = (w) => {
    if (level === 'rows') return w.value(rows);
    const arena = new Writer(64);
    const columns = rows[0].map((_, k) => rows.map((row) => admit(row[k], arena)));
    w.array(columns.length);
    for (const column of columns) writeColumn(w, column, rows.length, arena);
  };
  const elements = [seq, input, task, rows.length, body];
  if (runs !== null) elements.push((w) => w.u32s(runs));
  return frameTo(TO_CHILD.DATA, ...elements);
}

const bin = (numbers) => (w) => w.u32s(numbers);
const outcomeTo = (acked = [], failed = [], dead = []) => frameTo(TO_CHILD.OUTCOME, bin(acked), bin(failed), bin(dead));
const tasksTo = (request, tasks) => frameTo(TO_CHILD.TASKS, request, bin(tasks));

module.exports = { readFromChild, frameTo, dataTo, outcomeTo, tasksTo };
