'use strict';
const { bolt } = require('polybolt');

const counts = new Map();

bolt(function count({ word }) {
  const n = (counts.get(word) || 0) + 1;
  counts.set(word, n);
  return [word, n];
}).run();
