// A stand-in for a handler, run while a cell is parked.
'use strict';

class Counter {
  words = new Map();
  add(word) {
    this.words.set(word, (this.words.get(word) ?? 0) + 1);
  }
}

exports.handler = async (event, context) => {
  const counter = new Counter();
  for (const word of event.text.match(/\w+/g)) counter.add(word);
  await Promise.resolve();
  return {
    words: [...counter.words].sort(),
    sum: event.numbers.filter((n) => typeof n === 'number').reduce((a, b) => a + b, 0),
    text: JSON.stringify(event),
    left: context.getRemainingTimeInMillis(),
  };
};

exports.handler.fail = () => {
  throw new RangeError(`rehearsed: ${'failure'}`);
};
