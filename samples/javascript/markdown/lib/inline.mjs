const ENTITIES = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

// Everything is escaped first, so that no HTML of the author's gets through.
export function inline(text) {
  const codes = [];
  return inline
    .escape(text)
    // Code is taken out before the other marks, which mean nothing inside it.
    .replace(/`([^`]+)`/g, (_, code) => `\0${codes.push(code) - 1}\0`)
    .replace(/\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g, '<a href="$2">$1</a>')
    .replace(/\*\*(.+?)\*\*/g, "<strong>$1</strong>")
    .replace(/\*(.+?)\*/g, "<em>$1</em>")
    .replace(/\0(\d+)\0/g, (_, index) => `<code>${codes[index]}</code>`);
}

inline.escape = (text) => text.replace(/[&<>"]/g, (character) => ENTITIES[character]);
