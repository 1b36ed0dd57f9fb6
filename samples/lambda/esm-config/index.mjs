// An ECMAScript module that reads its configuration before the first call, with top-level await.
import { readFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';

const config = JSON.parse(await readFile(new URL('./config.json', import.meta.url)));
const loadedAt = Date.now();

export const handler = async (event, context) => {
  const rate = config.rates[event.currency];
  if (rate === undefined) throw new RangeError(`no rate for ${event.currency}`);
  return {
    amount: Math.round(event.amount * rate * 100) / 100,
    config: createHash('sha256').update(JSON.stringify(config)).digest('hex').slice(0, 8),
    warm: Date.now() >= loadedAt && context.getRemainingTimeInMillis() > 0,
  };
};
