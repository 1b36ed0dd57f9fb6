// Finds what JSON cannot say before JSON.stringify drops or changes it in silence.
'use strict';

const MAX_DEPTH = 2000;
// Kept before user code can replace them.
const { Map, Promise, Set, WeakMap, WeakSet, ArrayBuffer } = globalThis;
const { getPrototypeOf, keys } = Object;
const { isView } = ArrayBuffer;
const { isArray } = Array;
const { isNativeError, isRegExp, isAnyArrayBuffer, isBoxedPrimitive } = require('util').types;

function kindOf(value) {
  switch (typeof value) {
    case 'number': return Number.isFinite(value) ? undefined : `the number ${value}`;
    case 'bigint': return 'a BigInt';
    case 'function': return 'a function';
    case 'symbol': return 'a symbol';
    case 'object': return value === null ? undefined : kindOfObject(value);
  }
  return undefined;
}

// Objects whose content is not in properties would become {}.
function kindOfObject(value) {
  if (value instanceof Map) return 'a Map';
  if (value instanceof Set) return 'a Set';
  if (value instanceof Promise) return 'a promise that was not awaited';
  if (isNativeError(value) || value instanceof Error) return 'an Error';
  if (isRegExp(value)) return 'a RegExp';
  if (value instanceof WeakMap || value instanceof WeakSet) return `a ${nameOf(value)}`;
  if (isAnyArrayBuffer(value) || isView(value)) return `${/^[AEIO]/.test(nameOf(value)) ? 'an' : 'a'} ${nameOf(value)}`;
  if (isArray(value) || isBoxedPrimitive(value)) return undefined;
  // A plain object's prototype is null or has none, also where it comes from another context.
  const prototype = getPrototypeOf(value);
  if (prototype === null || getPrototypeOf(prototype) === null || keys(value).length > 0) return undefined;
  return `an object of the class ${nameOf(value)}, which has no properties of its own`;
}

function nameOf(value) {
  const name = value.constructor?.name;
  return typeof name === 'string' && name ? name.slice(0, 100) : 'object';
}

// The path to the first part of a value that is not JSON, and what it is; or undefined.
exports.notJSON = function notJSON(value, path = '$', above = [], key = '') {
  // It may say itself how it goes into JSON.
  if ((typeof value === 'object' || typeof value === 'bigint') && value !== null && typeof value.toJSON === 'function') {
    value = value.toJSON(key);
  }
  const what = kindOf(value);
  if (what) return { path, what };
  if (typeof value !== 'object' || value === null) return undefined;
  if (above.includes(value)) return { path, what: 'a reference back to a value that contains it' };
  if (above.length >= MAX_DEPTH) return { path, what: `nested more than ${MAX_DEPTH} levels deep` };
  above.push(value);
  const inArray = isArray(value);
  for (const key of keys(value)) {
    const item = value[key];
    const type = typeof item;
    if (type === 'string' || type === 'boolean' || item == null) continue;
    const found = notJSON(item, inArray ? `${path}[${key}]` : `${path}.${key}`, above, key);
    if (found) return found;
  }
  above.pop();
  return undefined;
};
