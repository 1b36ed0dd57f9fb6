// A CommonJS handler with a package beside it, as `npm install` lays it out.
const slug = require('word-slug');
const { version } = require('word-slug/package.json');
const path = require('path');
const fs = require('fs');

const stopWords = JSON.parse(fs.readFileSync(path.join(process.env.LAMBDA_TASK_ROOT, 'data', 'stop-words.json')));

exports.handler = async (event) => ({
  slug: slug(event.title.split(' ').filter((word) => !stopWords.includes(word.toLowerCase())).join(' ')),
  version,
});
