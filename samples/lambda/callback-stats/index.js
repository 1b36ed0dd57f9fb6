// The old style: a callback, and work that the answer does not wait for.
exports.handler = (event, context, callback) => {
  context.callbackWaitsForEmptyEventLoop = false;
  setInterval(() => {}, 1000);
  const numbers = event.numbers;
  if (!Array.isArray(numbers) || numbers.length === 0) {
    callback(new Error('numbers are missing'));
    return;
  }
  setImmediate(() => {
    const sorted = [...numbers].sort((a, b) => a - b);
    const middle = sorted.length >> 1;
    console.log('%d numbers', numbers.length);
    callback(null, {
      mean: numbers.reduce((a, b) => a + b) / numbers.length,
      median: sorted.length % 2 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2,
    });
  });
};
