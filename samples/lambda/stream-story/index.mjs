// Writes its answer word by word: for a function URL with the invoke mode RESPONSE_STREAM.
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { setTimeout as pause } from 'node:timers/promises';

async function* words(topic) {
  for (const word of `once upon a time there was ${topic}`.split(' ')) {
    yield word + ' ';
    await pause(20);
  }
}

export const handler = awslambda.streamifyResponse(async (event, responseStream) => {
  const topic = event.queryStringParameters?.topic ?? event.topic ?? 'a cat';
  responseStream.setContentType('text/plain');
  await pipeline(Readable.from(words(topic)), responseStream);
});
