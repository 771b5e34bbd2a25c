// The tokens of a JSON text, for colours. Covers all of the text, also of one that is not JSON yet.

const TOKEN = /("(?:\\.|[^"\\\n])*"?)(\s*:)?|(-?\d[\d.eE+-]*)|\b(true|false|null)\b|([{}[\],:]+)|(\s+)|([^])/g

export function colourJSON(text) {
  const tokens = []
  for (const [whole, string, colon, number, word, punctuator, blank] of text.matchAll(TOKEN)) {
    if (string !== undefined && colon !== undefined) tokens.push({ role: 'key', text: string }, { role: 'punctuator', text: colon })
    else if (string !== undefined) tokens.push({ role: 'string', text: string })
    else if (number !== undefined) tokens.push({ role: 'number', text: number })
    else if (word !== undefined) tokens.push({ role: 'word', text: word })
    else if (punctuator !== undefined) tokens.push({ role: 'punctuator', text: punctuator })
    else tokens.push({ role: blank !== undefined ? 'blank' : 'other', text: whole })
  }
  return tokens
}
