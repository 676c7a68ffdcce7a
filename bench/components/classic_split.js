var storm = require('./storm');
var BasicBolt = storm.BasicBolt;

function Split() { BasicBolt.call(this); }
Split.prototype = Object.create(BasicBolt.prototype);
Split.prototype.constructor = Split;
Split.prototype.process = function(tup, done) {
  var self = this;
  tup.values[0].split(' ').forEach(function(word) {
    self.emit({tuple: [word], anchorTupleId: tup.id}, function() {});
  });
  done();
};
new Split().run();
