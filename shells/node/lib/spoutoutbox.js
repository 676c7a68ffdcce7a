'use strict';
// A spout's outbox: answers to the host's requests, and which rows wait for their outcome.
const { Lane } = require('./lane.js');
const { Outbox, NONE, EACH, ENDS } = require('./outbox.js');
const { FROM_CHILD } = require('./wire.js');

/** The rows of a spout are numbered in the order they stand on the wire, and ids wait for their outcome. */
class SpoutOutbox extends Outbox {
  constructor(w, write, welcome, unsendable) {
    super(w, write, welcome, unsendable);
    this.seq = 0; // the request that is being answered; 0: none
    this.sent = 0; // rows and bytes sent in answer to it
    this.sentBytes = 0;
    this.number = 0; // of the next row, modulo 2^32
    this.pending = new Map(); // id by row number
    this.lost = []; // ids of rows that could not be sent
    for (const lane of this.all) lane.strict = false;
  }

  /** Emits a row; an id other than undefined and null asks for its outcome. */
  emit(lane, values, id, direct, request = -1) {
    lane.aim(direct);
    this.prepare(lane, direct !== undefined, request);
    lane.append(values);
    if (direct !== undefined) lane.direct.push(direct);
    if (id !== undefined && id !== null) lane.wants.push([lane.n - 1, id]);
    lane.settle();
  }

  /** Rows of the answer so far, those that are not sent yet included. */
  get rows() {
    let n = this.sent;
    for (const lane of this.all) n += lane.columns[0].length;
    for (const group of this.closed) n += group.columns[0].length;
    return n;
  }

  /** The same in bytes, about. */
  get bytes() {
    let n = this.sentBytes;
    for (const lane of this.all) n += lane.size;
    return n;
  }

  makeRoom() { this.flush(false); }

  /** Starts to answer a request; what was emitted before goes out unasked. */
  begin(seq) {
    this.flush(false);
    this.seq = seq;
    this.sent = this.sentBytes = 0;
  }

  /** Sends what there is; final ends the answer. */
  flush(final) {
    final = final && this.seq > 0;
    if (this.isEmpty && !final) return;
    const { w } = this;
    const start = w.pos;
    this.compose((groups) => {
      w.begin(FROM_CHILD.ROWS, 5);
      w.int(this.seq);
      w.bool(final);
      w.int(this.number);
      w.array(groups.length);
      for (const group of groups) this.writeWanting(group);
      w.end();
    }, (group, index, error) => this.drop(group, index, error), (groups) => {
      this.sentBytes += w.pos - start;
      this.enumerate(groups);
    });
    if (final) this.seq = 0;
  }

  writeWanting(group) {
    const n = group.columns[0].length;
    const { wants } = group;
    if (wants.length === 0) this.writeGroup(group, NONE, null, []);
    else if (wants.length === n) this.writeGroup(group, EACH, null, []);
    else this.writeGroup(group, ENDS, wants.map(([i]) => i), []);
  }

  /** Numbers the rows that have been written. */
  enumerate(groups) {
    for (const group of groups) {
      const n = group.columns[0].length;
      for (const [i, id] of group.wants) this.pending.set((this.number + i) % 2 ** 32, id);
      this.number = (this.number + n) % 2 ** 32;
      this.sent += n;
    }
  }

  /** A string turned out to have no UTF-8 form: its row is not sent, which is an error, and fails its id. */
  drop(group, index, error) {
    const want = group.wants.find(([i]) => i === index);
    if (want !== undefined) this.lost.push(want[1]);
    this.unsendable(error);
    Lane.remove(group, index, index + 1);
  }
}

module.exports = { SpoutOutbox };
