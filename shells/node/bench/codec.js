'use strict';
// What to write values of mixed columns with: our msgpack against JSON, and
// msgpackr if it can be found (npm install --no-save msgpackr). ns a value.
const { Reader, Writer } = require('../lib/msgpack.js');

const record = { id: 12345, name: 'Alice Example', email: 'alice@example.com', tags: ['a', 'bb', 'ccc'], score: 3.75, active: true, address: { street: '1 Main St', city: 'Springfield', zip: '12345' } };

function best(f) {
  for (let i = 0; i < 20_000; i++) f();
  let least = Infinity;
  for (let round = 0; round < 9; round++) {
    const begin = process.hrtime.bigint();
    for (let i = 0; i < 20_000; i++) f();
    least = Math.min(least, Number(process.hrtime.bigint() - begin) / 20_000);
  }
  return least.toFixed(0).padStart(6);
}

/** What JSON needs beside: whether it is exact for a value. */
function exact(v) {
  if (v === null || typeof v === 'boolean') return true;
  if (typeof v === 'string') return !/\p{Surrogate}/u.test(v);
  if (typeof v === 'number') return Number.isSafeInteger(v) ? !Object.is(v, -0) : Number.isFinite(v) && !Number.isInteger(v);
  if (Array.isArray(v)) return v.every(exact);
  return typeof v === 'object' && Object.values(v).every(exact);
}

const w = new Writer(1 << 16);
const encode = () => {
  w.pos = 0;
  w.value(record);
};
encode();
const bytes = Buffer.from(w.buf.subarray(0, w.pos)), json = JSON.stringify(record);
console.log(process.version, `${bytes.length} bytes of msgpack, ${json.length} of JSON`);
console.log('ours      write', best(encode), ' read', best(() => new Reader(bytes).value()));
console.log('JSON      write', best(() => exact(record) && JSON.stringify(record)), ' read', best(() => JSON.parse(json)));
try {
  const { Packr } = require('msgpackr');
  const packr = new Packr({ useRecords: false });
  const packed = packr.pack(record);
  console.log('msgpackr  write', best(() => packr.pack(record)), ' read', best(() => packr.unpack(packed)));
} catch (error) {
  console.log('msgpackr is not installed:', error.code);
}
