'use strict';
// The outbox: the lanes of a component, and the messages that carry them to the
// host (a spout's is in spoutoutbox.js). Pure: finished messages lie in `w`, and `write` is called to send them.
const { IllFormed, writeColumn, writeRows } = require('./columns.js');
const { FROM_CHILD } = require('./wire.js');
const { isWellFormed } = require('./values.js');
const { Lane, shown } = require('./lane.js');

/** How a group says what its rows are anchored to (bolt), or which of them want an outcome (spout). */
const NONE = 0, EACH = 1, ENDS = 2, REFS = 3;
/** What the rows of a bolt's lanes are anchored to: the row in progress, or what `refs` says. */
const BY_ROW = 'row', BY_REF = 'ref';

/** What spouts' and bolts' outboxes share: lanes, groups, and the writing of them. */
class Outbox {
  /**
   * @param {any} w a MessageWriter
   * @param {() => void} write sends what is in w
   * @param {object} welcome the host's
   * @param {(error) => any} unsendable of a string that has no UTF-8 form: makes an error map (bolt) or reports it (spout)
   */
  constructor(w, write, welcome, unsendable) {
    this.w = w;
    this.write = write;
    this.unsendable = unsendable;
    this.component = welcome.component;
    this.asRows = welcome.level === 'rows';
    this.closed = []; // groups that stand before those of the lanes
    this.covered = 0; // input rows done since the last message, of code that does not wait
    this.lanes = new Map();
    for (const [name, fields] of welcome.outputs ?? []) {
      const readers = welcome.direct === undefined ? null : welcome.direct[name] ?? [];
      const label = `${welcome.component}: stream ${JSON.stringify(name)}`;
      this.lanes.set(name, new Lane(this.lanes.size, name, fields, label, welcome.max_message_bytes, this, readers));
    }
    this.all = [...this.lanes.values()];
    for (const lane of this.all) lane.share(this.all.length); // one message carries them all
  }

  /** Returns the lane of a stream; undefined means the default one. */
  lane(name = 'default') {
    const lane = this.lanes.get(name);
    if (lane !== undefined) return lane;
    const list = [...this.lanes.values()].map((l) => `${JSON.stringify(l.name)} (${l.fields.join(', ')})`).join(', ');
    throw new Error(list
      ? `${this.component}: no stream ${shown(name).replace(/^string /, '')} is declared; it has ${list}. ` +
        'Others go under output: in the topology'
      : `${this.component} emits, but the topology gives it no output: add output: [field, …] to it`);
  }

  /** Sends what there is, in the middle of a row. */
  makeRoom() {}

  /** Throws for a value that a function returns without a default stream. */
  refuse(v) {
    const advice = this.all.length
      ? 'has no default stream; use emitTo(stream, values)'
      : 'the topology gives it no output: return nothing (put the body in braces), or add output: [field, …]';
    throw new Error(`${this.component}: the function returns ${shown(v)}, but ${advice}`);
  }

  /** Makes the lane ready for a row that goes to a named task, or asks for task ids, or does neither. */
  prepare(lane, direct, request) {
    if (lane.n > 0 && ((lane.direct !== null) !== direct || lane.request >= 0 || request >= 0)) {
      this.closed.push(lane.close());
      lane.before = this.covered;
    }
    if (lane.n === 0) {
      lane.direct = direct ? [] : null;
      lane.request = request;
      lane.special = direct || request >= 0;
    }
  }

  get isEmpty() {
    return this.closed.length === 0 && this.all.every((lane) => lane.n === 0);
  }

  /** Returns all groups with rows in them. */
  groups() {
    return [...this.closed, ...this.all].filter((group) => group.columns[0].length > 0);
  }

  /**
   * Sends one message. write(groups) writes it, and may find a string without
   * a UTF-8 form; then drop(group, row, error) takes that row out and it is
   * tried again. sent(groups) is called when it is written.
   */
  compose(write, drop, sent) {
    for (;;) {
      const start = this.w.pos;
      const groups = this.groups();
      try {
        write(groups);
        sent?.(groups);
        break;
      } catch (error) {
        if (!(error instanceof IllFormed)) throw error;
        this.w.pos = start;
        const { group, field, index } = /** @type {any} */ (error);
        drop(group, index, (group.lane ?? group).error(field, group.columns[field][index]));
      }
    }
    this.closed = [];
    for (const lane of this.all) lane.reset();
    this.write();
  }

  /** Writes a group: how and anchors, the body, the options. */
  writeGroup(group, how, anchors, multi) {
    const { w } = this;
    const n = group.columns[0].length;
    const options = (group.direct ? 1 : 0) + (multi.length ? 1 : 0) + (group.request >= 0 ? 1 : 0);
    w.array(options ? 6 : 5);
    w.int(group.index);
    w.int(n);
    w.int(how);
    if (anchors === null) w.nil();
    else w.u32s(anchors);
    if (this.asRows) this.writeRowsOf(group, n);
    else this.writeColumnsOf(group, n);
    if (options === 0) return;
    w.map(options);
    if (group.direct) w.str('direct'), w.u32s(group.direct);
    if (multi.length) {
      w.str('multi');
      w.array(multi.length);
      for (const [i, refs] of multi) w.array(2), w.int(i), w.u32s(refs);
    }
    if (group.request >= 0) w.str('ids'), w.int(group.request);
  }

  writeColumnsOf(group, n) {
    this.w.array(group.columns.length);
    for (let field = 0; field < group.columns.length; field++) {
      try {
        writeColumn(this.w, group.columns[field], n, group.arena);
      } catch (error) {
        throw Object.assign(error, { group, field });
      }
    }
  }

  writeRowsOf(group, n) {
    try {
      writeRows(this.w, group.columns, n, group.arena);
    } catch (error) {
      const field = group.columns.findIndex((column) => typeof column[error.index] === 'string' && !isWellFormed(column[error.index]));
      throw Object.assign(error, { group, field });
    }
  }
}

/** Writes an error map. */
function writeError(w, error) {
  const keys = Object.keys(error);
  w.map(keys.length);
  for (const key of keys) w.str(key), w.str(error[key]);
}

const ERROR_BYTES = 24 << 10; // of errors in one message, about
const weigh = (error) => error.traceback.length + error.message.length;

/** A bolt's outbox. */
class BoltOutbox extends Outbox {
  constructor(w, write, welcome, unsendable) {
    super(w, write, welcome, unsendable);
    this.mode = BY_REF;
    this.untracked = false; // autoAnchor is off: emits have no anchors but those they name
    this.seq = this.first = 0; // BY_ROW: the frame in progress, and its first row that no reply has covered
    this.failed = []; // [row, error map] of covered rows
    this.held = []; // covered rows
    this.acked = []; // (frame, row) pairs
    this.late = []; // [frame, row, error map]
    this.errorBytes = 0;
    this.timed = welcome.took === true; // the host wants to know what user code takes
    this.mark = 0; // BY_ROW: since when it works on what no reply has covered
  }

  /** Sets how the rows emitted from now on are anchored. */
  setMode(mode) {
    if (mode === this.mode) return;
    this.flush();
    this.mode = mode;
    for (const lane of this.all) lane.strict = mode === BY_REF;
  }

  /** Starts on a frame whose rows are done one after another. */
  begin(seq) {
    this.setMode(BY_ROW);
    if (!this.isEmpty || this.acked.length || this.late.length) this.flush();
    this.seq = seq;
    this.first = this.covered = 0;
    if (this.timed) this.mark = performance.now();
  }

  /** BY_ROW: the row in progress is done. */
  rowDone() {
    const { all } = this;
    for (let k = 0; k < all.length; k++) all[k].ends.push(all[k].columns[0].length);
    this.covered++;
    if (this.errorBytes > ERROR_BYTES) this.flush();
  }

  /** Emits with all that can be said: refs are the anchors, undefined for the row in progress. */
  emit(lane, values, refs, direct, request = -1) {
    lane.aim(direct);
    this.prepare(lane, direct !== undefined, request);
    lane.append(values);
    if (direct !== undefined) lane.direct.push(direct);
    if (refs !== undefined) lane.size += 4 * refs.length;
    if (this.mode === BY_REF) lane.refs.push(refs ?? []);
    else if (refs !== undefined && !(this.untracked && refs.length === 0)) lane.multi.push([lane.n - 1, refs]);
    lane.settle();
  }

  /** BY_ROW: a row that is about to be done has failed. */
  fail(row, error) {
    this.failed.push([row, error]);
    this.errorBytes += weigh(error);
  }

  /** A row that is held, or not covered yet, is acked, or failed with an error. */
  release(seq, row, error) {
    if (error === null) this.acked.push(seq, row);
    else {
      this.late.push([seq, row, error]);
      this.errorBytes += weigh(error);
      if (this.errorBytes > ERROR_BYTES && this.mode === BY_REF) this.flush();
    }
  }

  makeRoom() { this.flush(); }

  /** Sends what there is: with the covered rows of the frame in progress, or as a reply to frame 0. */
  flush() {
    if (this.mode === BY_ROW && (this.covered > 0 || (this.seq > 0 && !this.isEmpty))) {
      const took = this.timed && this.covered > 0 ? Math.round(1e6 * (performance.now() - this.mark)) : 0;
      this.reply(this.seq, this.first, this.covered, this.failed, this.held, took);
      if (took > 0) this.mark = performance.now();
      this.first += this.covered;
      this.covered = 0;
      this.failed = [];
      this.held = [];
    } else if (!this.isEmpty || this.acked.length || this.late.length) this.reply(0, 0, 0, [], []);
  }

  /** Sends a reply with all that waits. failed and held are rows of the n covered ones; took is in ns, 0: not known. */
  reply(seq, first, n, failed, held, took = 0) {
    const { w } = this;
    this.compose((groups) => {
      const side = [failed, held, this.acked, this.late].filter((list) => list.length).length + (took > 0 ? 1 : 0);
      w.begin(FROM_CHILD.REPLY, side ? 6 : 5);
      w.int(seq);
      w.int(first);
      w.int(n);
      w.array(groups.length);
      for (const group of groups) this.writeAnchored(group, n);
      if (side) this.writeSide(side, failed, held, took);
      w.end();
    }, (group, index, error) => this.drop(group, index, error, first + n, failed, held));
    this.acked = [];
    this.late = [];
    this.errorBytes = 0;
  }

  writeAnchored(group, covered) {
    const n = group.columns[0].length;
    if (this.mode === BY_ROW) return this.untracked ? this.writeGroup(group, NONE, null, group.multi) : this.writeByRow(group, covered);
    const { refs } = group;
    const first = new Array(2 * n), some = [], many = []; // each row's first anchor; rows with any, and with several
    for (let i = 0; i < n; i++) {
      const list = refs[i];
      first[2 * i] = list[0];
      first[2 * i + 1] = list[1];
      if (list.length > 0) some.push([i, list]);
      if (list.length > 2) many.push([i, list]);
    }
    if (some.length === n) this.writeGroup(group, REFS, first, many);
    else this.writeGroup(group, NONE, null, some);
  }

  /** Writes a group whose rows are anchored to the rows that were in progress. */
  writeByRow(group, covered) {
    const n = group.columns[0].length;
    const { before, ends, multi } = group;
    if (2 * n < covered && (before > 0 || group.request >= 0)) { // as of emits that ask for task ids: ends would be long
      const refs = [];
      for (let i = 0; i < n; i++) refs.push(this.seq, this.rowOf(group, i));
      return this.writeGroup(group, REFS, refs, multi);
    }
    const all = before === 0 ? ends : new Array(before).fill(0).concat(ends);
    while (all.length < covered) all.push(n); // a group that was closed before the last row
    let each = n === covered;
    for (let i = 0; each && i < n; i++) each = all[i] === i + 1;
    return this.writeGroup(group, each ? EACH : ENDS, each ? null : all, multi);
  }

  /** BY_ROW: the input row that was in progress when row i of a group was emitted. */
  rowOf({ before, ends }, i) {
    let k = 0;
    while (k < ends.length && ends[k] <= i) k++;
    return this.first + before + k;
  }

  writeSide(n, failed, held, took) {
    const { w, acked, late } = this;
    w.map(n);
    if (took > 0) w.str('took'), w.int(took);
    if (failed.length) {
      w.str('failed');
      w.array(failed.length);
      for (const [row, error] of failed) w.array(2), w.int(row), writeError(w, error);
    }
    if (held.length) w.str('held'), w.u32s(held);
    if (acked.length) w.str('acked'), w.u32s(acked);
    if (late.length) {
      w.str('late');
      w.array(late.length);
      for (const [seq, row, error] of late) w.array(3), w.int(seq), w.int(row), writeError(w, error);
    }
  }

  /** A string turned out to have no UTF-8 form: its row goes, and the input row that it came from fails. Rows from next on are not covered. */
  drop(group, index, error, next, failed, held) {
    const map = this.unsendable(error);
    const row = this.rowOf(group, index);
    if (row >= next) this.late.push([this.seq, row, map]); // the one in progress
    else if (!failed.some(([other]) => other === row)) failed.push([row, map]);
    if (held.includes(row)) held.splice(held.indexOf(row), 1);
    Lane.remove(group, index, index + 1);
  }
}

module.exports = { Outbox, BoltOutbox, NONE, EACH, ENDS, BY_ROW, BY_REF, ERROR_BYTES, weigh, writeError };
