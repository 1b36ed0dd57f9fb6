// Converts between units. The table comes with the bundle and is read once, before the
// handler exists, by a top-level await.
import { readFile } from "node:fs/promises";

const tables = JSON.parse(await readFile(new URL("./units.json", import.meta.url), "utf8"));

function find(unit) {
  for (const [quantity, units] of Object.entries(tables)) {
    if (Object.hasOwn(units, unit)) return { quantity, ...units[unit] };
  }
  throw new RangeError(`unknown unit "${unit}"`);
}

export const handler = async ({ value, from, to }) => {
  if (!Number.isFinite(value)) throw new TypeError("value must be a number");
  const source = find(from);
  const target = find(to);
  if (source.quantity !== target.quantity) {
    throw new RangeError(`${from} is a ${source.quantity} and ${to} is a ${target.quantity}`);
  }
  const base = value * source.factor + (source.offset ?? 0);
  const result = (base - (target.offset ?? 0)) / target.factor;
  return { value: Number(result.toPrecision(10)), unit: to, quantity: target.quantity };
};
