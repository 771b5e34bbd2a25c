// A text editor on a plain textarea, so that screen readers, spelling, undo and phones work as everywhere. A coloured
// copy of the text lies behind it, and the two scroll as one.

const INDENT = '  '
const PAIRS = { '{': '}', '(': ')', '[': ']' }
// Above this length, colours would make typing slow.
const COLOURED = 60_000

export class Editor {
  // colour takes the text to tokens with a role; change is called after each edit.
  constructor(root, { colour, change }) {
    this.area = root.querySelector('textarea')
    this.copy = root.querySelector('pre')
    this.gutter = root.querySelector('.gutter')
    this.colour = colour
    this.change = change
    this.wrong = new Set()
    this.area.addEventListener('input', () => this.edited())
    this.area.addEventListener('keydown', (event) => this.key(event))
    this.area.addEventListener('blur', () => (this.leaving = false))
    this.draw()
  }

  get value() {
    return this.area.value
  }

  set value(text) {
    this.area.value = text
    this.edited()
  }

  get caret() {
    return this.area.selectionStart
  }

  focus() {
    this.area.focus()
  }

  edited() {
    this.wrong.clear()
    this.draw()
    this.change()
  }

  // mark shows which lines an answer's errors point at.
  mark(lines) {
    this.wrong = new Set(lines)
    this.drawGutter()
  }

  // goTo puts the caret at the beginning of a line's text.
  goTo(line) {
    const lines = this.value.split('\n')
    const before = lines.slice(0, line - 1).join('\n').length + (line > 1 ? 1 : 0)
    const caret = before + /^\s*/.exec(lines[line - 1] ?? '')[0].length
    this.area.focus()
    this.area.setSelectionRange(caret, caret)
  }

  // replace puts a text in place of the selection, as if it were typed: undo takes it back.
  replace(text, start = this.area.selectionStart, end = this.area.selectionEnd) {
    this.area.focus()
    this.area.setSelectionRange(start, end)
    const typed = text === '' ? document.execCommand('delete') : document.execCommand('insertText', false, text)
    if (!typed) {
      this.area.setRangeText(text, start, end, 'end')
      this.edited()
    }
  }

  // swap replaces the whole text and keeps the caret near where it was.
  swap(text) {
    if (text === this.value) return
    const caret = Math.min(this.caret, text.length)
    this.replace(text, 0, this.value.length)
    this.area.setSelectionRange(caret, caret)
  }

  key(event) {
    if (event.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.key === 'Escape') {
      this.leaving = true // the next Tab moves on, as it does elsewhere
      return
    }
    const leaving = this.leaving
    this.leaving = false
    if (event.key === 'Tab' && !leaving) {
      event.preventDefault()
      this.indent(event.shiftKey)
    } else if (event.key === 'Enter' && !event.shiftKey) {
      event.preventDefault()
      this.newLine()
    } else if (PAIRS[event.key] && this.mayPair()) {
      event.preventDefault()
      this.surround(event.key, PAIRS[event.key])
    } else if (Object.values(PAIRS).includes(event.key) && this.after() === event.key && this.empty()) {
      event.preventDefault()
      this.area.setSelectionRange(this.caret + 1, this.caret + 1)
    } else if (event.key === 'Backspace' && this.empty() && PAIRS[this.value[this.caret - 1]] === this.after() && this.after()) {
      event.preventDefault()
      this.replace('', this.caret - 1, this.caret + 1)
    }
  }

  empty() {
    return this.area.selectionStart === this.area.selectionEnd
  }

  after() {
    return this.value[this.area.selectionEnd]
  }

  mayPair() {
    return !this.empty() || /^[\s)\]}]?$/.test(this.after() ?? '')
  }

  surround(open, close) {
    const { selectionStart: start, selectionEnd: end } = this.area
    this.replace(open + this.value.slice(start, end) + close)
    this.area.setSelectionRange(start + 1, end + 1)
  }

  lineStart(at) {
    return this.value.lastIndexOf('\n', at - 1) + 1
  }

  newLine() {
    const start = this.area.selectionStart
    const before = this.value.slice(this.lineStart(start), start)
    const indent = /^[ \t]*/.exec(before)[0]
    const opens = PAIRS[before.trimEnd().at(-1)]
    const inner = opens ? indent + INDENT : indent
    const closes = opens && this.after() === opens
    this.replace('\n' + inner + (closes ? '\n' + indent : ''))
    const caret = start + 1 + inner.length
    this.area.setSelectionRange(caret, caret)
  }

  indent(back) {
    const { selectionStart: start, selectionEnd: end } = this.area
    if (!back && start === end) {
      this.replace(INDENT)
      return
    }
    const from = this.lineStart(start)
    const lines = this.value.slice(from, end).split('\n')
    const moved = lines.map((line) => (back ? line.replace(/^( {1,2}|\t)/, '') : INDENT + line))
    this.replace(moved.join('\n'), from, end)
    const first = moved[0].length - lines[0].length
    const all = moved.join('\n').length - lines.join('\n').length
    this.area.setSelectionRange(Math.max(from, start + first), end + all)
  }

  draw() {
    const text = this.value
    const children = []
    if (text.length > COLOURED) {
      children.push(text)
    } else {
      for (const token of this.colour(text)) {
        if (token.role === 'blank') {
          children.push(token.text)
          continue
        }
        const span = document.createElement('span')
        span.className = 'is-' + token.role
        span.textContent = token.text
        children.push(span)
      }
    }
    this.copy.replaceChildren(...children, '\n')
    this.drawGutter()
  }

  drawGutter() {
    const lines = this.value.split('\n').length
    const numbers = []
    for (let line = 1; line <= lines; line++) {
      const number = document.createElement('span')
      number.textContent = line
      if (this.wrong.has(line)) number.className = 'wrong'
      numbers.push(number)
    }
    this.gutter.replaceChildren(...numbers)
  }
}
