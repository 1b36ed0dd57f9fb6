// A little Markdown to HTML: headings, paragraphs, lists, code blocks and inline marks.
import { blocks } from "./lib/blocks.mjs";
import { inline } from "./lib/inline.mjs";

export async function handler(event) {
  if (typeof event?.markdown !== "string") {
    throw new TypeError("markdown must be a string");
  }
  const html = blocks(event.markdown).map(render).join("\n");
  return { html };
}

function render(block) {
  switch (block.kind) {
    case "heading":
      return `<h${block.level}>${inline(block.text)}</h${block.level}>`;
    case "list": {
      const items = block.items.map((item) => `<li>${inline(item)}</li>`).join("");
      return `<${block.tag}>${items}</${block.tag}>`;
    }
    case "code":
      return `<pre><code>${inline.escape(block.text)}</code></pre>`;
    default:
      return `<p>${inline(block.text)}</p>`;
  }
}
