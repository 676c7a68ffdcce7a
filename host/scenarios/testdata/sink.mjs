// A bolt: notes the ids that have arrived.
import fs from 'node:fs';
import './scene.mjs';
import { bolt } from 'polybolt';

const arrived = fs.openSync('arrived', 'a');

bolt(({ id }) => { fs.writeSync(arrived, `${id}\n`); }).run();
