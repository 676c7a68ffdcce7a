'use strict';
// Callbacks: the functions that code for storm.js hands to its emits and that
// want no task ids. Nothing has to arrive for them, so they are called when the
// code that emitted has returned: most of them before the next tuple, without a
// turn of the loop for each.

const MOST = 1000; // that such callbacks may add by their own emits before the loop gets a turn

class Callbacks {
  constructor() {
    this.waiting = []; // the first n of them; it keeps its length, as a new array for each tuple would be dear
    this.n = 0;
    this.held = false; // run() will be called
    this.scheduled = false;
    this.later = () => {
      this.scheduled = false;
      this.run();
    };
  }

  /** Has fn called, after those that were added before it. */
  add(fn) {
    this.waiting[this.n++] = fn;
    if (!this.held) this.schedule();
  }

  schedule() {
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(this.later);
  }

  /** Calls what waits. What a callback throws is an error that nobody caught, as it is with storm.js. */
  run() {
    const { waiting } = this;
    const most = this.n + MOST;
    let called = 0;
    while (called < this.n && called < most) {
      const fn = waiting[called];
      waiting[called++] = null;
      try {
        fn();
      } catch (error) {
        setImmediate(() => { throw error; });
      }
    }
    const left = this.n - called;
    for (let i = 0; i < left; i++) waiting[i] = waiting[called + i];
    this.n = left;
    if (left > 0) this.schedule();
  }
}

module.exports = { Callbacks };
