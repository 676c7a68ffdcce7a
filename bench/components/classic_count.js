var storm = require('./storm');
var BasicBolt = storm.BasicBolt;

function Count() {
  BasicBolt.call(this);
  this.counts = {};
}
Count.prototype = Object.create(BasicBolt.prototype);
Count.prototype.constructor = Count;
Count.prototype.process = function(tup, done) {
  var word = tup.values[0];
  this.counts[word] = (this.counts[word] || 0) + 1;
  this.emit({tuple: [word, this.counts[word]], anchorTupleId: tup.id}, function() {});
  done();
};
new Count().run();
