var storm = require('./storm');
var Spout = storm.Spout;

/** Numeric ids from 0; ends its turn before the ids of its emit were read. */
function Sentences() {
  Spout.call(this);
  this.next = 0;
  this.acked = 0;
  this.failed = 0;
}
Sentences.prototype = Object.create(Spout.prototype);
Sentences.prototype.constructor = Sentences;
Sentences.prototype.activate = function(done) { done(); };
Sentences.prototype.deactivate = function(done) { done(); };
Sentences.prototype.send = function(id) {
  this.emit({tuple: ['a b\u00e9 ' + id], id: id}, function(taskIds) {});
};
Sentences.prototype.nextTuple = function(done) {
  if (this.next < 300) this.send(this.next++);
  done();
};
Sentences.prototype.ack = function(id, done) {
  if (typeof id !== 'number') this.logError('an id of another type: ' + id);
  if (++this.acked === 300) this.logInfo('all acked, ' + this.failed + ' failed');
  done();
};
Sentences.prototype.fail = function(id, done) {
  this.failed++;
  this.send(id);
  done();
};
new Sentences().run();
