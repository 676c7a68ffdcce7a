'use strict';
// Loaded by `node --require` for components that were written for Storm. It
// makes `require('./storm')` find Storm's storm.js, or our module of the same
// interface, where no storm.js lies beside the script. The host names the file.
/** @type {any} _resolveFilename is in every Node */
const Module = require('module');

const library = process.env.POLYBOLT_STORM_JS;
if (library) {
  const resolve = Module._resolveFilename;
  Module._resolveFilename = function (request, parent, ...rest) {
    if (request !== './storm' && request !== './storm.js') return resolve.call(this, request, parent, ...rest);
    try {
      return resolve.call(this, request, parent, ...rest);
    } catch (error) {
      if (error.code !== 'MODULE_NOT_FOUND') throw error;
      return library;
    }
  };
}
