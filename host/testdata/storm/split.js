var storm = require('./storm');
var BasicBolt = storm.BasicBolt;

function Split() {
  BasicBolt.call(this);
  this.seen = {};
}
Split.prototype = Object.create(BasicBolt.prototype);
Split.prototype.constructor = Split;
Split.prototype.process = function(tup, done) {
  var self = this;
  var sentence = tup.values[0];
  if (/7$/.test(sentence) && !this.seen[sentence]) {
    this.seen[sentence] = true;
    return done(new Error('no sevens yet'));
  }
  setTimeout(function() { // acks in another order than they came
    sentence.split(' ').forEach(function(word) {
      self.emit({tuple: [word], anchorTupleId: tup.id}, function(taskIds) {});
    });
    done();
  }, sentence.length % 3);
};
new Split().run();
