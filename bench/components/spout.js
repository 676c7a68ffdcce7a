'use strict';
const { spout } = require('polybolt');

const SENTENCES = [
  'the cow jumped over the moon',
  'an apple a day keeps the doctor away',
  'four score and seven years ago',
  'snow white and the seven dwarfs',
  'i am at two with nature',
];

spout(function* sentences({ conf }) {
  for (let i = 0; i < conf.n / 5; i++) yield* SENTENCES;
}).run();
