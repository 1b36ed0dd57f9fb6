// What handlers that were made for AWS Lambda find around them, as Lambda's Node.js runtime has it.
'use strict';
const Module = require('module');
const { Writable } = require('stream');

const { process } = globalThis;
const { stringify, parse } = JSON;
const { from, concat } = Buffer;

// Puts on a context what the service told of the call.
function tell(context, told) {
  context.awsRequestId = told.requestId;
  context.functionVersion = told.functionVersion;
  context.invokedFunctionArn = told.invokedFunctionArn;
  context.logGroupName = told.logGroupName;
  context.logStreamName = told.logStreamName;
  context.callbackWaitsForEmptyEventLoop = true;
  context.identity = undefined;
  context.clientContext = told.clientContext;
  Object.defineProperty(context, 'streams', { value: told.streams === true, enumerable: false });
}

// Before the code is loaded: the modules of layers, and the streaming helpers.
function prepare() {
  Module._initPaths();
  globalThis.awslambda = { streamifyResponse, HttpResponseStream };
}

// A result that was given to a callback counts when nothing is left to run, unless the handler says otherwise.
function whenDone(context, end) {
  if (context.invokedFunctionArn === undefined || !context.callbackWaitsForEmptyEventLoop) return end();
  process.once('beforeExit', end);
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

module.exports = { tell, prepare, whenDone, isStreaming, stream };
