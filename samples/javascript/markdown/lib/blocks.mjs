// Splits a text into blocks, one pass over its lines.
export function blocks(text) {
  const result = [];
  let paragraph = [];
  const close = () => {
    if (paragraph.length > 0) result.push({ kind: "paragraph", text: paragraph.join(" ") });
    paragraph = [];
  };

  const lines = text.split(/\r?\n/);
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at];
    const heading = /^(#{1,6})\s+(.*?)\s*#*$/.exec(line);
    const item = /^\s*(?:([-*+])|\d+\.)\s+(.*)$/.exec(line);
    if (line.startsWith("```")) {
      close();
      const code = [];
      while (++at < lines.length && !lines[at].startsWith("```")) code.push(lines[at]);
      if (at === lines.length) throw new SyntaxError("a code block is not closed");
      result.push({ kind: "code", text: code.join("\n") });
    } else if (heading) {
      close();
      result.push({ kind: "heading", level: heading[1].length, text: heading[2] });
    } else if (item) {
      close();
      const tag = item[1] ? "ul" : "ol";
      const last = result.at(-1);
      if (last?.kind === "list" && last.tag === tag && last.end === at) {
        last.items.push(item[2]);
        last.end = at + 1;
      } else {
        result.push({ kind: "list", tag, items: [item[2]], end: at + 1 });
      }
    } else if (line.trim() === "") {
      close();
    } else {
      paragraph.push(line.trim());
    }
  }
  close();
  return result;
}
