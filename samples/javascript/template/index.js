// Fills {{ placeholders }} in a text: dotted names, filters, {{#each}} and {{#if}}.
"use strict";

const FILTERS = {
  upper: (value) => String(value).toUpperCase(),
  lower: (value) => String(value).toLowerCase(),
  json: (value) => JSON.stringify(value),
  money: (value) => Number(value).toFixed(2),
};

function lookup(name, scopes) {
  const path = name.split(".");
  for (const scope of scopes) {
    if (path[0] === "this") return path.slice(1).reduce((value, key) => value?.[key], scope);
    if (scope !== null && typeof scope === "object" && Object.hasOwn(scope, path[0])) {
      return path.reduce((value, key) => value?.[key], scope);
    }
  }
  return undefined;
}

function tokens(text) {
  return text.split(/(\{\{[^}]*\}\})/).filter((part) => part !== "").map((part) => {
    const tag = /^\{\{\s*(#each|#if|\/each|\/if)?\s*(.*?)\s*\}\}$/s.exec(part);
    return tag ? { kind: tag[1] ?? "value", text: tag[2] } : { kind: "text", text: part };
  });
}

function parse(list, closing = null) {
  const nodes = [];
  while (list.length > 0) {
    const token = list.shift();
    if (token.kind === closing) return nodes;
    if (token.kind.startsWith("/")) throw new SyntaxError(`{{${token.kind}}} closes nothing`);
    if (token.kind.startsWith("#")) token.body = parse(list, `/${token.kind.slice(1)}`);
    nodes.push(token);
  }
  if (closing) throw new SyntaxError(`{{${closing}}} is missing`);
  return nodes;
}

function value(expression, scopes) {
  const [name, ...filters] = expression.split("|").map((part) => part.trim());
  const found = lookup(name, scopes);
  if (found === undefined || found === null) throw new ReferenceError(`there is no value for {{${name}}}`);
  return filters.reduce((result, filter) => {
    if (!Object.hasOwn(FILTERS, filter)) throw new ReferenceError(`there is no filter "${filter}"`);
    return FILTERS[filter](result);
  }, found);
}

function render(nodes, scopes) {
  return nodes
    .map((node) => {
      switch (node.kind) {
        case "text":
          return node.text;
        case "#if":
          return lookup(node.text, scopes) ? render(node.body, scopes) : "";
        case "#each":
          return (lookup(node.text, scopes) ?? []).map((item) => render(node.body, [item, ...scopes])).join("");
        default:
          return value(node.text, scopes);
      }
    })
    .join("");
}

exports.handler = async (event) => ({
  text: render(parse(tokens(event.template)), [event.data ?? {}]),
});
