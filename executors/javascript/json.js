// Finds what JSON cannot say before JSON.stringify drops or changes it in silence.
'use strict';

const MAX_DEPTH = 2000;
// Kept before user code can replace them.
const { Map, Promise, Set } = globalThis;

function kindOf(value) {
  switch (typeof value) {
    case 'number': return Number.isFinite(value) ? undefined : `the number ${value}`;
    case 'bigint': return 'a BigInt';
    case 'function': return 'a function';
    case 'symbol': return 'a symbol';
    case 'object':
      if (value instanceof Map) return 'a Map';
      if (value instanceof Set) return 'a Set';
      if (value instanceof Promise) return 'a promise that was not awaited';
  }
  return undefined;
}

// The path to the first part of a value that is not JSON, and what it is; or undefined.
exports.notJSON = function notJSON(value, path = '$', above = []) {
  const what = kindOf(value);
  if (what) return { path, what };
  if (typeof value !== 'object' || value === null) return undefined;
  // It says itself how it goes into JSON.
  if (typeof value.toJSON === 'function') return undefined;
  if (above.includes(value)) return { path, what: 'a reference back to a value that contains it' };
  if (above.length >= MAX_DEPTH) return { path, what: `nested more than ${MAX_DEPTH} levels deep` };
  above.push(value);
  const isArray = Array.isArray(value);
  for (const key of Object.keys(value)) {
    const item = value[key];
    const type = typeof item;
    if (type === 'string' || type === 'boolean' || item == null) continue;
    const found = notJSON(item, isArray ? `${path}[${key}]` : `${path}.${key}`, above);
    if (found) return found;
  }
  above.pop();
  return undefined;
};
