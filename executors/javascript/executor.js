// Cloister's JavaScript executor: warm up, become a template, serve one call in each forked cell.
'use strict';
const crypto = require('crypto');
const fs = require('fs');
const path = require('path');
const util = require('util');
const v8 = require('v8');
const vm = require('vm');
const Module = require('module');
const { syncBuiltinESMExports } = Module;
const { pathToFileURL } = require('url');
const { Writable } = require('stream');
const { notJSON } = require('./json.js');
const surroundings = require('./surroundings.js');
for (const warm of ['buffer', 'events', 'timers/promises', 'fs/promises', 'zlib', 'assert', 'querystring']) require(warm);

// Kept before user code can replace them.
const { Promise, Set, process, setImmediate, setTimeout } = globalThis;
const { parse, stringify } = JSON;
const { assign, setPrototypeOf } = Object;
const { from } = Buffer;
const { isNativeError } = util.types;
const [includes, replace] = ['includes', 'replace'].map((name) => Function.prototype.call.bind(String.prototype[name]));
const { randomBytes, randomFillSync } = crypto;

// Where the bundle is: /var/task for functions that came through Lambda's API.
let root = '/function';
const cell = { exports: {} };
process.dlopen(cell, '/cloister/cell.so');
const native = cell.exports;

const RESULT = 0x52, ERROR = 0x45;

function fail(text) {
  native.answer(ERROR, from(text));
}

// An error as the supervisor takes it, of bounded length. Without prototypes, because JSON.stringify
// calls a toJSON that user code has put on them.
function errorText(kind, type, message, stack = [], path = undefined) {
  const lines = setPrototypeOf([], null);
  let room = 30000, count = 0;
  for (const line of stack) {
    const clipped = line.slice(0, 2048);
    room -= clipped.length;
    if (room < 0 || count === 100) break;
    lines[count++] = clipped;
  }
  const text = stringify({ __proto__: null, kind, type: type.slice(0, 256), message: message.slice(0, 8192), stack: lines, path });
  // Half of a surrogate pair, by the user's cut or by ours, is an escape that no other JSON reader takes.
  try {
    return includes(text, '\\ud') ? replace(text, /(\\\\)|\\ud[89a-f][0-9a-f]{2}/g, (all, pair) => pair ?? '\ufffd') : text;
  } catch {
    // The function has changed what this uses.
    return text;
  }
}

function isOwn(place) {
  return place.includes(`${root}/`) || place.includes('/opt/');
}

// The user's frames of a stack, as "at name (/function/file.js:line:column)".
function frames(error) {
  const lines = typeof error.stack === 'string' ? error.stack.split('\n') : [];
  const stack = [];
  // A syntax error's place stands before its message: "/function/index.js:3".
  const place = /^(?:file:\/\/)?(\/.*:\d+)$/.exec(lines[0] ?? '');
  if (place && isOwn(place[1])) stack.push(`at ${place[1]}`);
  for (const line of lines) {
    const frame = /^\s+at (.*)$/.exec(line);
    if (!frame || !isOwn(frame[1])) continue;
    stack.push('at ' + frame[1].replaceAll('file:///', '/'));
  }
  return stack.slice(0, 100);
}

function describe(error, kind) {
  let type = typeof error, message, stack = [];
  try {
    if (error?.code === 'ERR_MEMORY_ALLOCATION_FAILED' || error?.message === 'Array buffer allocation failed') kind = 'memory';
    if (isNativeError(error) || error instanceof Error) {
      type = String(error.name || error.constructor?.name || 'Error');
      message = String(error.message);
      stack = frames(error);
      for (let cause = error.cause, n = 0; cause instanceof Error && n < 5; cause = cause.cause, n++)
        stack.push(`caused by ${cause.name}: ${cause.message}`, ...frames(cause));
    } else {
      message = typeof error === 'string' ? error : surroundings.isLambda() ? error.toString() : util.inspect(error);
    }
  } catch {
    message = '(its text could not be made)';
  }
  return errorText(kind, type, message, stack);
}

// The text of whatever was thrown, which may object to being read.
function reason(error) {
  try {
    return String(error?.message ?? error);
  } catch {
    return 'an error without a text';
  }
}

// The answer to a call: what kind it is, and its text. Without a prototype, because what is awaited is
// asked for a `then`, and user code may have put one on the prototype of all objects.
function answer(kind, text) {
  return { __proto__: null, kind, text };
}

function resultAnswer(result) {
  if (surroundings.isLambda()) {
    try {
      return answer(RESULT, surroundings.resultText(result));
    } catch {
      return answer(ERROR, errorText('invalid', '', 'Unable to stringify response body'));
    }
  }
  try {
    const found = notJSON(result);
    if (found) return answer(ERROR, errorText('invalid', '', found.what, [], found.path.slice(0, 1024)));
    return answer(RESULT, stringify(result === undefined ? null : result) ?? 'null');
  } catch (error) {
    return answer(ERROR, errorText('invalid', '', `a value that cannot be turned into text: ${reason(error)}`, [], '$'));
  }
}

async function answerTo(handler, event, context) {
  let result;
  try {
    result = await call(handler, parse(event), context);
  } catch (error) {
    return answer(ERROR, describe(error, 'handler'));
  }
  return resultAnswer(result);
}

function openOutput() {
  for (const [fd, name] of [[1, 'stdout'], [2, 'stderr']]) {
    const stream = new Writable({
      decodeStrings: true,
      write(chunk, encoding, done) {
        native.log(fd, chunk);
        done();
      },
    });
    stream.fd = fd;
    Object.defineProperty(process, name, { configurable: true, enumerable: true, value: stream });
  }
}

// xoshiro128** (Blackman and Vigna, https://prng.di.unimi.it). V8's own generator has its state
// copied by fork, so every call of a function would draw the same numbers. The function stays the
// same and its state does not: a module may have kept the one that it found.
const state = new Uint32Array(4);

function next() {
  let r = Math.imul(state[1], 5);
  r = Math.imul((r << 7) | (r >>> 25), 9);
  const t = state[1] << 9;
  state[2] ^= state[0]; state[3] ^= state[1]; state[1] ^= state[2]; state[0] ^= state[3]; state[2] ^= t;
  state[3] = (state[3] << 11) | (state[3] >>> 21);
  return r >>> 0;
}

const random = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;

// Node draws random integers and UUIDs ahead, and a fork copies what it has drawn. So many draws use
// that up, wherever in it they begin.
const drawers = [];
let stale = new Set();

function drawAnew(owner, name, ahead, draw) {
  const drawn = owner[name];
  const method = {
    [name](...given) {
      if (stale.delete(method)) for (let i = 0; i < ahead; i++) draw(drawn);
      return Reflect.apply(drawn, this, given);
    },
  }[name];
  Object.defineProperty(owner, name, { configurable: true, writable: true, value: method });
  drawers.push(method);
}

function replaceRandom() {
  Object.defineProperty(Math, 'random', { configurable: true, writable: true, value: random });
  Object.defineProperty(random, 'name', { value: 'random' });
  drawAnew(crypto, 'randomInt', 1024, (drawn) => drawn(2));
  drawAnew(crypto, 'randomUUID', 128, (drawn) => drawn());
  drawAnew(Object.getPrototypeOf(crypto.webcrypto), 'randomUUID', 128, (drawn) => drawn.call(crypto.webcrypto));
  syncBuiltinESMExports();
}

function renewRandom() {
  stale = new Set(drawers);
  randomFillSync(state);
  // For contexts that the function makes of its own (the vm module).
  v8.setFlagsFromString(`--random-seed=${1 + (randomBytes(4).readUInt32LE() >>> 2)}`);
}

// process.memoryUsage() reads /proc, and a cell has none.
function memoryUsage() {
  const heap = v8.getHeapStatistics();
  return {
    rss: process.resourceUsage().maxRSS * 1024,
    heapTotal: heap.total_heap_size,
    heapUsed: heap.used_heap_size,
    external: heap.external_memory,
    arrayBuffers: 0,
  };
}
memoryUsage.rss = () => memoryUsage().rss;

// What a handler is told of its call. All of it is the object's own, so that copies have it too.
function makeContext(meta) {
  const context = {
    callId: meta.callId,
    awsRequestId: meta.callId,
    functionName: meta.function,
    functionVersion: String(meta.version),
    memoryLimitInMB: String(meta.memoryMB),
    callbackWaitsForEmptyEventLoop: false,
    getRemainingTimeInMillis: () => Math.max(0, Math.floor((meta.deadlineNs - Number(process.hrtime.bigint())) / 1e6)),
  };
  if (meta.context) surroundings.tell(context, meta.context);
  return context;
}

function isModule(file) {
  if (file.endsWith('.mjs')) return true;
  if (file.endsWith('.cjs')) return false;
  for (let folder = path.dirname(file); folder !== '/' && path.basename(folder) !== 'node_modules'; folder = path.dirname(folder)) {
    const manifest = path.join(folder, 'package.json');
    if (fs.existsSync(manifest)) return parse(withoutMark(fs.readFileSync(manifest, 'utf8'))).type === 'module';
  }
  return false;
}

// Windows' editors put a byte order mark before a text.
function withoutMark(text) {
  return text.charCodeAt(0) === 0xfeff ? text.slice(1) : text;
}

// Does what require() does, without looking for a file that is known. A bundle has no links to resolve.
function requireFile(file) {
  const module = new Module(file, new Module(file));
  module.filename = file;
  module.paths = Module._nodeModulePaths(path.dirname(file));
  Module._cache[file] = module;
  module._compile(withoutMark(fs.readFileSync(file, 'utf8')), file);
  module.loaded = true;
  return module.exports;
}

// Loads the handler's file, `folder/file.function`, and returns the function.
async function load(handler, folder) {
  const dot = handler.indexOf('.', handler.lastIndexOf('/') + 1);
  const stem = path.join(folder, handler.slice(0, dot));
  const file = ['.mjs', '.js', '.cjs'].map((ending) => stem + ending).find((name) => fs.existsSync(name));
  if (!file) throw new Error(`there is no ${stem}.mjs, .js or .cjs`);
  const name = handler.slice(dot + 1);
  const exported = isModule(file) ? await import(pathToFileURL(file).href) : requireFile(file);
  const find = (from) => name.split('.').reduce((at, part) => at?.[part], from);
  const found = find(exported) ?? find(exported.default);
  if (typeof found !== 'function') throw new TypeError(`${path.basename(file)} exports no function named "${name}"`);
  return found;
}

// Calls a handler that returns a promise or a value, or takes a callback.
function call(handler, event, context) {
  return new Promise((resolve, reject) => {
    const isLambda = surroundings.isLambda();
    // What an earlier call left to run in a cell that serves on may still call back, and is not heard.
    let ended = false;
    const settle = (how, value) => {
      if (ended) return;
      ended = true;
      whenIdle = undefined;
      how(value);
    };
    const end = (error, value) => (error == null ? settle(resolve, value) : settle(reject, error));
    const succeed = (value) => settle(resolve, value);
    const fails = (error) => settle(reject, isLambda ? error ?? 'handled' : error);
    // A result that was given to a callback counts when nothing is left to run, if the handler does not say
    // otherwise; an error counts at once.
    const callback = (error, value) => {
      if (error != null || !isLambda || !context.callbackWaitsForEmptyEventLoop) end(error, value);
      else if (!ended) whenIdle = () => succeed(value);
    };
    assign(context, { succeed, fail: fails, done: end });
    // When nothing is left to run, nobody will call back.
    if (isLambda) whenIdle = () => end();
    try {
      if (surroundings.isStreaming(handler)) return surroundings.stream(handler, event, context, native).then(succeed, fails);
      const returned = handler(event, context, callback);
      if (typeof returned?.then === 'function') returned.then(succeed, fails);
      else if (!isLambda && handler.length < 3 && !ended) {
        if (returned !== undefined) succeed(returned);
        else whenIdle = () => end();
      }
    } catch (error) {
      fails(error);
    }
  });
}

// What is to be done when nothing is left to run; there is one such thing at a time.
let whenIdle;

const REHEARSAL = path.join(__dirname, 'rehearsal');
const REHEARSED = {
  meta: '{"callId":"01J00000000000000000000000","function":"rehearsal","version":1,"handler":"index.handler",' +
    '"memoryMB":128,"deadlineNs":0,"environment":{"REHEARSAL":"1","REHEARSALS":"2"}}',
  event: '{"text":"a b","numbers":[1,2.5,null,true]}',
};

// The parts of a call that can be done without letting anything else run.
function rehearseAnswer() {
  const context = makeContext(parse(REHEARSED.meta));
  context.getRemainingTimeInMillis();
  from(resultAnswer(parse(REHEARSED.event)).text);
  describe(new Error('rehearsed'), 'handler');
}

function begin(given) {
  const meta = parse(given.meta);
  assign(process.env, meta.environment);
  return meta;
}

// Does what a call does.
async function rehearse() {
  const meta = begin(REHEARSED);
  const handler = await load(meta.handler, REHEARSAL);
  const { text } = await answerTo(handler, REHEARSED.event, makeContext(meta));
  from(text);
  try {
    handler.fail();
  } catch (error) {
    describe(error, 'handler');
  }
  delete require.cache[path.join(REHEARSAL, 'index.js')];
  for (const key of Object.keys(meta.environment)) delete process.env[key];
}

// Node's own way out waits for threads that a forked process does not have.
let asked = false;

function leaveFast() {
  native.whenIdle(() => {
    if (asked) process.exit();
    asked = true;
    process.emit('beforeExit', process.exitCode ?? 0);
    const act = whenIdle;
    whenIdle = undefined;
    act?.();
    // Once more round the loop, for what that may have started.
    setImmediate(() => {});
  });
  process.reallyExit = native.exit;
  process.once('exit', (code) => {
    process.emit('exit', code);
    native.exit(process.exitCode ?? code);
  });
}

let atRest = [], phase = 'init';
// What a module may leave to run when it has loaded: copies of these work in every call.
const COPIED = new Set(['Timeout', 'Immediate']);

// Keeps this process, with its code loaded, as what calls are forked from. Returns in each of them.
async function branch() {
  // File operations are under way in another thread, which a fork would not have.
  while (process.getActiveResourcesInfo().some((name) => !COPIED.has(name) && !atRest.includes(name)))
    await new Promise((resolve) => setTimeout(resolve, 1));
  collect();
  native.branch();
  renewRandom();
  rehearseAnswer();
  return native.park();
}

// What a call finds of its process, but for what is its own: done once, in the template.
function tidy() {
  for (const key of Object.keys(process.env)) delete process.env[key];
  process.argv.length = 1;
  process.execArgv.length = 0;
  leaveFast();
  openOutput();
  process.memoryUsage = memoryUsage;
  surroundings.replaceMachine();
  process.on('uncaughtException', (error) => fail(describe(error, phase)));
  process.on('unhandledRejection', (error) => fail(describe(surroundings.rejection(error), phase)));
  atRest = process.getActiveResourcesInfo();
}

async function run(given) {
  const meta = begin(given);
  let handler;
  try {
    if (meta.context) {
      root = '/var/task';
      surroundings.prepare();
      handler = await surroundings.load(meta.environment._HANDLER ?? meta.handler, root, { isModule, requireFile });
    } else {
      if (process.env.NODE_PATH) Module._initPaths();
      handler = await load(meta.handler, root);
    }
  } catch (error) {
    return fail(describe(error, 'init'));
  }
  native.loaded();
  if (given.snapshot) {
    given = await branch();
    assign(meta, parse(given.meta));
  }
  phase = 'handler';
  for (;;) {
    const { kind, text } = await answerTo(handler, given.event, makeContext(meta));
    if (!given.keeps) return native.answer(kind, from(text));
    // Blocks: what the handler has left to run goes on with the next call.
    given = native.answerAndWait(kind, from(text));
    assign(meta, parse(given.meta));
    asked = false;
  }
}

function collect() {
  v8.setFlagsFromString('--expose-gc');
  vm.runInNewContext('gc')();
  v8.setFlagsFromString('--no-expose-gc');
}

async function main() {
  replaceRandom();
  // Until what runs in a call is loaded and compiled. More often, and V8 would compile it again, for speed:
  // that brings calls nothing, and takes memory.
  for (let i = 0; i < 4; i++) await rehearse();
  await import(pathToFileURL(path.join(REHEARSAL, 'module.mjs')).href);
  collect();
  tidy();
  const hurries = native.serve(process.versions.node);
  // From here on in a cell.
  renewRandom();
  if (!hurries) await rehearse();
  await run(native.park());
}

main();
