// What handlers that were made for AWS Lambda find around them, as Lambda's Node.js runtime has it.
'use strict';
const fs = require('fs');
const os = require('os');
const path = require('path');
const Module = require('module');
const { pathToFileURL } = require('url');
const { Writable } = require('stream');
const log = require('./log.js');

const { process } = globalThis;
const { stringify, parse } = JSON;
const { from, concat } = Buffer;
const { defineProperty } = Object;

let lambda = false;

// Whether this process serves a function that came through Lambda's API.
function isLambda() {
  return lambda;
}

// Puts on a context what the service told of the call.
function tell(context, told) {
  context.awsRequestId = told.requestId;
  log.begin(told.requestId);
  context.functionName = told.functionName;
  context.functionVersion = told.functionVersion;
  context.invokedFunctionArn = told.invokedFunctionArn;
  context.logGroupName = told.logGroupName;
  context.logStreamName = told.logStreamName;
  context.identity = undefined;
  context.clientContext = told.clientContext;
  // Also where an object that was made of this one sets it.
  let waits = true;
  defineProperty(context, 'callbackWaitsForEmptyEventLoop', {
    configurable: true, enumerable: true, get: () => waits, set: (value) => { waits = value; },
  });
  defineProperty(context, 'streams', { value: told.streams === true, enumerable: false });
  if (told.traceId) process.env._X_AMZN_TRACE_ID = told.traceId;
}

// Before the code is loaded: the log, the modules of layers, and the streaming helpers.
function prepare() {
  lambda = true;
  log.install(console, process.env);
  Module._initPaths();
  globalThis.awslambda = { streamifyResponse, HttpResponseStream };
}

function fault(name, message) {
  return Object.assign(new Error(message), { name });
}

// Loads the handler where Lambda's runtime looks for it: a path below the bundle or from the top, without or with
// its ending, a folder with an index or a package.json, a package of the bundle or of a layer.
async function load(handler, root, { isModule, requireFile }) {
  if (handler.includes('..'))
    throw fault('Runtime.MalformedHandlerName', `'${handler}' is not a valid handler name. Use absolute paths when specifying root directories in handler names.`);
  const base = path.basename(handler);
  const dot = base.indexOf('.');
  if (dot < 0) throw fault('Runtime.MalformedHandlerName', 'Bad handler');
  const [stem, name] = [handler.slice(0, handler.length - base.length) + base.slice(0, dot), base.slice(dot + 1)];
  const exported = await find(stem, root, isModule, requireFile);
  const reach = (from) => name.split('.').reduce((at, part) => at?.[part], from);
  const found = reach(exported) ?? reach(exported?.default);
  if (found == null) throw fault('Runtime.HandlerNotFound', `${handler} is undefined or not exported`);
  if (typeof found !== 'function') throw fault('Runtime.HandlerNotFound', `${handler} is not a function`);
  return found;
}

async function find(stem, root, isModule, requireFile) {
  const place = path.resolve(root, stem);
  for (const ending of ['', '.js', '.mjs', '.cjs']) {
    const file = place + ending;
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) continue;
    try {
      return isModule(file) ? await import(pathToFileURL(file).href) : requireFile(file);
    } catch (error) {
      throw loadFault(error);
    }
  }
  let resolved;
  try {
    resolved = Module.createRequire(`${root}/`).resolve(place);
  } catch {
    try {
      resolved = require.resolve(stem, { paths: [root, path.dirname(place)] });
    } catch {
      throw fault('Runtime.ImportModuleError', `Error: Cannot find module '${stem}'`);
    }
  }
  try {
    return isModule(resolved) ? await import(pathToFileURL(resolved).href) : require(resolved);
  } catch (error) {
    throw loadFault(error);
  }
}

// Code that does not load, as Lambda's runtime tells of it.
function loadFault(error) {
  if (error instanceof SyntaxError) {
    const made = fault('Runtime.UserCodeSyntaxError', `SyntaxError: ${error.message}`);
    made.stack = error.stack;
    return made;
  }
  if (error?.code === 'MODULE_NOT_FOUND' || error?.code === 'ERR_MODULE_NOT_FOUND')
    return fault('Runtime.ImportModuleError', `Error: ${error.message}`);
  return error;
}

// What Lambda's runtime makes of a promise that was rejected and that nobody awaits.
function rejection(reason) {
  if (!lambda) return reason;
  let message = 'a rejection without a text', stack;
  try {
    message = String(reason);
    stack = reason?.stack;
  } catch {
    // It objects to being read.
  }
  const made = fault('Runtime.UnhandledPromiseRejection', message);
  made.stack = stack;
  return made;
}

// What Lambda's runtime makes of a result: what JSON.stringify does.
function resultText(result) {
  return stringify(result === undefined ? null : result) ?? 'null';
}

// What a cell does not know of the machine and of its user, which have no names here.
function replaceMachine() {
  const { homedir, userInfo } = os;
  os.homedir = () => {
    try {
      return homedir();
    } catch {
      return os.tmpdir();
    }
  };
  os.userInfo = (options) => {
    try {
      return userInfo(options);
    } catch {
      return { uid: process.getuid(), gid: process.getgid(), username: 'function', homedir: os.homedir(), shell: null };
    }
  };
  os.cpus = () => Array.from({ length: os.availableParallelism?.() ?? 1 }, () => (
    { model: 'unknown', speed: 0, times: { user: 0, nice: 0, sys: 0, idle: 0, irq: 0 } }));
  os.networkInterfaces = () => ({});
  Module.syncBuiltinESMExports();
}

const STREAMING = Symbol('streaming');

function streamifyResponse(handler) {
  handler[STREAMING] = true;
  return handler;
}

function isStreaming(handler) {
  return handler[STREAMING] === true;
}

// What goes before the body: the answer's status and headers as JSON, and eight zero bytes.
const HttpResponseStream = {
  from(stream, prelude) {
    stream.setContentType('application/vnd.awslambda.http-integration-response');
    stream.write(stringify(prelude));
    stream.write(Buffer.alloc(8));
    return stream;
  },
};

// The response stream of a call: its pieces go out as they come where the caller takes a stream, and
// together where it does not.
class ResponseStream extends Writable {
  #pieces = [];
  #native;
  #streams;
  #begun = false;
  contentType = 'application/octet-stream';

  constructor(native, streams) {
    super({ decodeStrings: true });
    this.#native = native;
    this.#streams = streams;
  }

  setContentType(type) {
    this.contentType = type;
  }

  _write(piece, encoding, done) {
    if (this.#streams) {
      // The first line of what is sent says what it is.
      if (!this.#begun) this.#native.log(3, from(this.contentType.replaceAll('\n', ' ') + '\n'));
      this.#begun = true;
      this.#native.log(3, piece);
    } else {
      this.#pieces.push(piece);
    }
    done();
  }

  // The whole, as JSON where it is that, else as a text.
  whole() {
    if (this.#streams) return null;
    const text = concat(this.#pieces).toString('utf8');
    try {
      return parse(text);
    } catch {
      return text;
    }
  }
}

async function stream(handler, event, context, native) {
  const response = new ResponseStream(native, context.streams === true);
  const finished = new Promise((resolve, reject) => response.once('finish', resolve).once('error', reject));
  await handler(event, response, context);
  await finished;
  return response.whole();
}

module.exports = { isLambda, tell, prepare, load, rejection, resultText, replaceMachine, isStreaming, stream };
