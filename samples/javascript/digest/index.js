// Digests of a text or of base64 data, and a check of one against what is expected.
const { createHash, timingSafeEqual } = require("node:crypto");

const ALGORITHMS = ["md5", "sha1", "sha256", "sha512"];

exports.handler = async (event) => {
  const { algorithm = "sha256", expected } = event;
  if (!ALGORITHMS.includes(algorithm)) {
    throw new RangeError(`algorithm must be one of ${ALGORITHMS.join(", ")}`);
  }
  const data = event.base64 === undefined ? Buffer.from(event.text, "utf8") : Buffer.from(event.base64, "base64");
  const digest = createHash(algorithm).update(data).digest();
  console.log(`${algorithm} of ${data.length} bytes`);
  if (expected === undefined) return { algorithm, hex: digest.toString("hex") };

  const other = Buffer.from(expected, "hex");
  return { algorithm, matches: other.length === digest.length && timingSafeEqual(other, digest) };
};
