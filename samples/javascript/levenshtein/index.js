// How many letters must change to make one word of another, and the nearest words to one.
// In the callback style that AWS Lambda began with.

function distance(a, b) {
  const left = Array.from(a); // by code points, so that an emoji is one letter
  const right = Array.from(b);
  let row = Array.from({ length: right.length + 1 }, (_, column) => column);
  for (let i = 1; i <= left.length; i++) {
    const next = [i];
    for (let j = 1; j <= right.length; j++) {
      const change = row[j - 1] + (left[i - 1] === right[j - 1] ? 0 : 1);
      next.push(Math.min(change, row[j] + 1, next[j - 1] + 1));
    }
    row = next;
  }
  return row[right.length];
}

exports.handler = function (event, context, callback) {
  const { word, other, words } = event;
  if (typeof word !== "string") return callback(new TypeError("word must be a string"));
  if (typeof other === "string") return callback(null, { distance: distance(word, other) });
  if (!Array.isArray(words)) return callback(new TypeError("give other (a string) or words (a list)"));

  const ranked = words.map((candidate) => ({ word: candidate, distance: distance(word, candidate) }));
  ranked.sort((a, b) => a.distance - b.distance || (a.word < b.word ? -1 : 1));
  // Asynchronous on purpose: a callback may come after the handler has returned.
  setImmediate(() => callback(null, { nearest: ranked.slice(0, event.limit ?? 3) }));
};
