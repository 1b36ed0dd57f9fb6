// Takes the ES module loader through its first import.
import { createHash } from 'node:crypto';

export const handler = async (event) => createHash('sha256').update(String(event)).digest('hex');
