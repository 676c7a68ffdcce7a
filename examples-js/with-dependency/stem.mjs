// A bolt: a word in, its stem and the word out. The stemmer comes from node_modules/.
import { bolt } from 'polybolt';
import { stemmer } from 'stemmer';

bolt(({ word }) => [stemmer(word), word]).run();
