'use strict';
const { bolt } = require('polybolt');

bolt(function* split({ sentence }) {
  for (const w of sentence.split(' ')) yield w;
}).run();
