// What the editor needs to know of the GraphQL language: its tokens and the operations of a document. Nothing here
// fails on a text that is only half written.

const TOKEN = new RegExp(
  [
    '(?<comment>#[^\\n]*)',
    '(?<block>"""(?:\\\\"""|[^])*?(?:"""|$))',
    '(?<string>"(?:\\\\.|[^"\\\\\\n])*"?)',
    '(?<variable>\\$[_A-Za-z]\\w*)',
    '(?<directive>@[_A-Za-z]\\w*)',
    '(?<number>-?\\d[\\w.+-]*)',
    '(?<name>[_A-Za-z]\\w*)',
    '(?<punctuator>\\.\\.\\.|[{}()[\\]:=!|&$@])',
    '(?<blank>[\\s,\\uFEFF]+)',
    '(?<other>[^])',
  ].join('|'),
  'gy',
)

const OPERATIONS = new Set(['query', 'mutation', 'subscription'])
const WORDS = new Set([...OPERATIONS, 'fragment', 'on', 'true', 'false', 'null'])

// tokenize splits a text into tokens that cover all of it, blanks and comments included.
export function tokenize(text) {
  const tokens = []
  for (const match of text.matchAll(TOKEN)) {
    const kind = Object.keys(match.groups).find((name) => match.groups[name] !== undefined)
    tokens.push({ kind, text: match[0], start: match.index, end: match.index + match[0].length })
  }
  return tokens
}

// classify names the role of each token, for colours.
export function classify(tokens) {
  let parens = 0
  let before = ''
  return tokens.map((token, index) => {
    let role = token.kind
    if (token.kind === 'punctuator') {
      if (token.text === '(') parens++
      if (token.text === ')') parens--
    }
    if (token.kind === 'name') {
      const after = tokens[index + 1]
      const next = after?.kind === 'blank' ? tokens[index + 2] : after
      if (before === 'on') role = 'type'
      else if (WORDS.has(token.text) && !(next && next.text === ':')) role = 'word'
      else if (next && next.text === ':') role = parens > 0 ? 'argument' : 'alias'
      else if (parens > 0) role = 'type'
      else role = 'field'
    }
    if (token.kind !== 'blank' && token.kind !== 'comment') before = token.text
    return { ...token, role }
  })
}

// operations lists the operations of a document: type, name and the part of the text that each one covers.
export function operations(text) {
  const found = []
  let depth = 0
  let current = null
  for (const token of tokenize(text)) {
    if (token.kind === 'blank' || token.kind === 'comment') continue
    if (depth === 0 && current === null) {
      if (token.text === '{') current = { type: 'query', name: '', start: token.start }
      else if (OPERATIONS.has(token.text)) current = { type: token.text, name: '', start: token.start }
      else if (token.text === 'fragment') current = { type: 'fragment', name: '', start: token.start }
    } else if (depth === 0 && token.kind === 'name' && current.name === '' && !current.named) {
      current.name = token.text
    }
    if (current) current.named ||= token.kind !== 'name'
    if ('{(['.includes(token.text)) depth++
    if (')]}'.includes(token.text) && depth > 0) depth--
    if (current) current.end = token.end
    if (current && depth === 0 && token.text === '}') {
      if (current.type !== 'fragment') found.push(current)
      current = null
    }
  }
  if (current && current.type !== 'fragment') found.push(current)
  return found.map(({ type, name, start, end }) => ({ type, name, start, end }))
}

// withoutStrings empties every string of a document, so that it can be kept without what may be a secret.
export function withoutStrings(text) {
  return tokenize(text)
    .map((token) => (token.kind === 'string' || token.kind === 'block' ? '""' : token.text))
    .join('')
}
