// What the components of these tests share: they leave notes in files of their working directory.
import fs from 'node:fs';

export const NAME = process.argv[2];
export const MODE = process.argv[3];

/** Append a line to a file, in one write: several processes may. */
export function note(file, text) {
  fs.appendFileSync(file, `${text}\n`, { mode: 0o600 });
}

note('born', `${NAME} ${process.pid}`);
