// What `console` writes for handlers that were made for AWS Lambda, as Lambda's Node.js runtime has it: lines with time,
// request and level, or JSON records where the function's log format is that.
'use strict';
const util = require('util');

const { process } = globalThis;
const { stringify } = JSON;
const { assign } = Object;
const { format } = util;

const LEVELS = ['TRACE', 'DEBUG', 'INFO', 'WARN', 'ERROR', 'FATAL'];
const METHODS = { trace: 'TRACE', debug: 'DEBUG', log: 'INFO', info: 'INFO', warn: 'WARN', error: 'ERROR', fatal: 'FATAL' };

// Of the call that runs; there is none while the code is loaded.
let requestId;

function begin(id) {
  requestId = id;
}

function textLine(level, given) {
  return `${new Date().toISOString()}\t${requestId}\t${level}\t${format(...given)}\n`;
}

// An error tells what it is, wherever in a record it stands.
function errorFields(key, value) {
  if (!(value instanceof Error)) return value;
  const { message, stack } = value;
  return assign({
    errorType: value.constructor?.name ?? 'UnknownError',
    errorMessage: message,
    stackTrace: typeof stack === 'string' ? stack.split('\n') : stack,
  }, value);
}

function recordLine(level, given) {
  const record = { timestamp: new Date().toISOString(), level, requestId };
  if (given.length === 1) {
    try {
      return stringify({ ...record, message: given[0] }, errorFields) + '\n';
    } catch {
      // What is no JSON is text.
    }
  }
  record.message = format(...given);
  const error = given.length > 1 ? given.find((value) => value instanceof Error) : undefined;
  return stringify(error ? assign(record, errorFields('', error)) : record) + '\n';
}

// Replaces what `console` has, in the format and from the level on that the environment names.
function install(console, { AWS_LAMBDA_LOG_FORMAT: logFormat, AWS_LAMBDA_LOG_LEVEL: least }) {
  const line = logFormat === 'JSON' ? recordLine : textLine;
  const first = logFormat === 'JSON' ? LEVELS.indexOf(least) : 0;
  for (const [name, level] of Object.entries(METHODS)) {
    const place = LEVELS.indexOf(level);
    const stream = place > 2 || name === 'trace' ? 'stderr' : 'stdout';
    console[name] = place < first ? () => {} : (...given) => {
      process[stream].write(line(level, given));
    };
  }
}

module.exports = { begin, install };
