// Lays a GraphQL document out: one field a line, two spaces a level, arguments on one line while they fit. Comments
// stay where they are: above what follows, or at the end of their line.

import { tokenize } from './graphql.js'

const WIDTH = 80

// prettify returns the text laid out. It throws a SyntaxError on a text that is no document.
export function prettify(text) {
  return new Layout(text).document()
}

class Layout {
  constructor(text) {
    this.tokens = tokenize(text).filter((token) => token.kind !== 'blank')
    this.text = text
    this.at = 0
    this.lines = []
    this.level = 0
  }

  document() {
    while (this.peek() !== undefined) {
      if (this.lines.length > 0) this.lines.push('')
      this.definition()
    }
    this.comments()
    return this.lines.join('\n') + '\n'
  }

  // peek is the next token's text, comments passed over.
  peek(ahead = 0) {
    for (let i = this.at; i < this.tokens.length; i++) {
      if (this.tokens[i].kind !== 'comment' && ahead-- === 0) return this.tokens[i].text
    }
    return undefined
  }

  take(wanted) {
    this.comments()
    const token = this.tokens[this.at]
    if (!token || token.kind === 'other' || (wanted !== undefined && token.text !== wanted)) {
      const line = this.text.slice(0, token?.start).split('\n').length
      throw new SyntaxError(`Line ${line}: ${wanted ? `expected ${wanted}, ` : ''}found ${token ? token.text : 'the end of the text'}.`)
    }
    this.at++
    return token.text
  }

  name() {
    if (!/^[$@]?[_A-Za-z]/.test(this.peek() ?? '')) this.take('a name')
    return this.take()
  }

  // comments prints the comments that stand before the next token.
  comments() {
    for (; this.tokens[this.at]?.kind === 'comment'; this.at++) {
      const token = this.tokens[this.at]
      const before = this.text.slice(this.text.lastIndexOf('\n', token.start - 1) + 1, token.start)
      if (before.trim() !== '' && this.lines.length > 0) this.lines[this.lines.length - 1] += ' ' + token.text
      else this.print(token.text)
    }
  }

  print(text) {
    this.lines.push('  '.repeat(this.level) + text)
  }

  definition() {
    this.comments()
    let head = ''
    if (this.peek() !== '{') {
      head = this.name()
      while (!['{', '(', undefined].includes(this.peek()) && !this.peek().startsWith('@')) head += ' ' + this.name()
      if (this.peek() === '(') head += this.arguments(head.length)
      while (this.peek() === 'on') head += ` ${this.take()} ${this.name()}`
      head += this.directives()
    }
    this.selections(head)
  }

  // selections prints a head and the selection set after it.
  selections(head) {
    this.take('{')
    this.print(head === '' ? '{' : head + ' {')
    this.level++
    while (this.peek() !== '}') this.selection()
    this.comments()
    this.level--
    this.take('}')
    this.print('}')
  }

  selection() {
    this.comments()
    let head = ''
    if (this.peek() === '...') {
      head = this.take()
      if (this.peek() === 'on') head += ` ${this.take()} ${this.name()}`
      else if (/^[_A-Za-z]/.test(this.peek() ?? '')) head += this.name()
    } else {
      head = this.name()
      if (this.peek() === ':') head += this.take() + ' ' + this.name()
      if (this.peek() === '(') head += this.arguments(head.length)
    }
    head += this.directives()
    if (this.peek() === '{') this.selections(head)
    else this.print(head)
  }

  directives() {
    let out = ''
    while (this.peek()?.startsWith('@')) {
      out += ' ' + this.take()
      if (this.peek() === '(') out += this.arguments(0)
    }
    return out
  }

  // arguments returns a list of arguments or of variables, over several lines where one would be too long.
  arguments(width) {
    const items = []
    this.take('(')
    while (this.peek() !== ')') items.push(this.argument())
    this.take(')')
    const line = `(${items.join(', ')})`
    if (this.level * 2 + width + line.length + 2 <= WIDTH && !line.includes('\n')) return line
    const indent = '\n' + '  '.repeat(this.level + 1)
    return '(' + indent + items.join(indent) + '\n' + '  '.repeat(this.level) + ')'
  }

  argument() {
    let out = this.name() + this.take(':') + ' ' + this.value()
    while (this.peek() === '!') out += this.take()
    if (this.peek() === '=') out += ` ${this.take()} ${this.value()}`
    return out + this.directives()
  }

  // value returns a value or a type, which are laid out alike.
  value() {
    const open = this.peek()
    if (open !== '[' && open !== '{') {
      if (open === undefined || ')]}:'.includes(open)) this.take('a value')
      const value = this.take()
      return this.peek() === '!' ? value + this.take() : value
    }
    const close = open === '[' ? ']' : '}'
    const items = []
    this.take(open)
    while (this.peek() !== close) items.push(open === '{' ? this.argument() : this.value())
    this.take(close)
    const line = items.join(', ')
    const bang = this.peek() === '!' ? this.take() : ''
    return (open === '{' && line !== '' ? `{ ${line} }` : open + line + close) + bang
  }
}
