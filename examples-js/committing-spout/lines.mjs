// A spout: the lines of a file, from the position on that was committed last.
//
// A line's id is the position after it. The position in the file is committed
// when everything before it is done: after a crash, even of the whole machine,
// reading goes on there. What was in flight then comes a second time, and
// nothing is lost.
import fs from 'node:fs';
import { open } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Spout } from 'polybolt';

class Lines extends Spout {
  emitted = []; // positions after the lines that are not committed, in the order of the file
  done = new Set(); // those of them that are done
  nextSave = 0;

  async initialize(conf) {
    this.pause = 1000 * conf.pause;
    this.positionFile = conf.position;
    this.position = this.committed = this.load();
    const file = await open(conf.path);
    this.lines = file.readLines({ start: this.committed })[Symbol.asyncIterator]();
    this.log.info('reading from position %d on, in process %d', this.committed, process.pid);
  }

  async nextTuple() {
    const { value: line, done } = await this.lines.next();
    if (done) {
      this.finish();
      return;
    }
    this.position += Buffer.byteLength(line) + 1;
    this.emitted.push(this.position);
    this.emit([line], { id: this.position });
    await sleep(this.pause); // so that there is time to look at it
  }

  ack(id) {
    this.done.add(id);
    while (this.done.delete(this.emitted[0])) this.committed = this.emitted.shift();
    if (performance.now() >= this.nextSave) {
      this.save();
      this.nextSave = performance.now() + 100;
    }
  }

  /** The host has given the line up, and keeps it in dead.jsonl: do not wait for it. */
  dead(id) {
    this.ack(id);
  }

  onStop() {
    this.save();
  }

  load() {
    return fs.existsSync(this.positionFile) ? Number(fs.readFileSync(this.positionFile, 'utf8')) : 0;
  }

  /** Replaces the file at once and for good: a crash leaves the old position or the new one. */
  save() {
    const fresh = `${this.positionFile}.new`;
    const file = fs.openSync(fresh, 'w');
    fs.writeSync(file, `${this.committed}\n`);
    fs.fsyncSync(file);
    fs.closeSync(file);
    fs.renameSync(fresh, this.positionFile);
  }
}

Lines.run();
