// A bolt: notes its arguments, some of its environment, and its folder.
import fs from 'node:fs';
import { bolt } from 'polybolt';

bolt(() => {
  const { PLAIN, EMPTY, LINES, PATH } = process.env;
  const lines = [JSON.stringify(process.argv.slice(2)), JSON.stringify([PLAIN, EMPTY, LINES, PATH]), fs.realpathSync('.')];
  fs.writeFileSync('told', lines.map((line) => `${line}\n`).join(''));
}).run();
