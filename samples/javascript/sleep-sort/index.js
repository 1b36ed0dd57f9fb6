// Sorts numbers by sleeping: each one wakes up after so many milliseconds. Not a good way to
// sort, but a good way to see timers, promises and a time limit at work.
const { setTimeout: sleep } = require("node:timers/promises");

exports.handler = async ({ numbers, scale = 1 }) => {
  if (numbers.some((number) => !(number >= 0))) {
    throw new RangeError("only numbers from zero up can be slept for");
  }
  const sorted = [];
  await Promise.all(
    numbers.map(async (number) => {
      await sleep(number * scale);
      sorted.push(number);
    }),
  );
  return { sorted };
};
