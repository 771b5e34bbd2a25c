// Shows answers as coloured JSON. Data only ever becomes text nodes.

import { colourJSON } from './json.js'

// Answers longer than this are shown without colours, so that the page stays quick.
const COLOURED = 400_000
// A subscription shows this many events, the last ones.
const EVENTS = 200

export class Answer {
  // goTo is called with the line of the query that an error points at.
  constructor({ output, status, live, copy, goTo }) {
    Object.assign(this, { output, status, live, copy, goTo })
    this.text = ''
    copy.addEventListener('click', () => this.toClipboard())
  }

  get text() {
    return this.content
  }

  set text(text) {
    this.content = text
    this.copy.disabled = text === ''
  }

  async toClipboard() {
    await navigator.clipboard.writeText(this.text)
    this.live.textContent = 'Copied.'
    this.copy.textContent = 'Copied'
    setTimeout(() => (this.copy.textContent = 'Copy'), 1200)
  }

  clear() {
    this.text = ''
    this.output.replaceChildren()
    this.facts([])
  }

  // facts fills the status line with [text, class] pairs.
  facts(pairs) {
    this.status.replaceChildren(...pairs.map(([text, kind]) => span(kind, text)))
  }

  // say shows a sentence of the page's own in place of an answer.
  say(sentence, kind = 'note') {
    const paragraph = document.createElement('p')
    paragraph.className = kind
    paragraph.textContent = sentence
    this.output.replaceChildren(paragraph)
    this.live.textContent = sentence
  }

  // show shows the answer to a query or a mutation.
  show({ value, text, status, statusText, size, took }) {
    this.text = value === null ? text : JSON.stringify(value, null, 2)
    const found = Array.isArray(value?.errors) ? value.errors : []
    const errors = found.length
    this.output.replaceChildren(...this.problems(found), ...pieces(this.text, value !== null))
    this.output.scrollTop = 0
    const facts = [
      [`${status} ${statusText}`.trim(), status < 400 ? 'good' : 'bad'],
      [duration(took), ''],
      [bytes(size), ''],
    ]
    if (errors) facts.push([errors === 1 ? '1 error' : `${errors} errors`, 'bad'])
    this.facts(facts)
    this.live.textContent = `Answered with status ${status} in ${duration(took)}` + (errors ? `, ${errors} errors.` : '.')
  }

  // problems lists an answer's errors in words, with the way to their lines.
  problems(errors) {
    if (errors.length === 0) return []
    const list = document.createElement('ul')
    list.className = 'problems'
    for (const error of errors) {
      const item = document.createElement('li')
      const notes = document.createElement('small')
      for (const { line } of (error.locations ?? []).slice(0, 1)) {
        const button = document.createElement('button')
        button.type = 'button'
        button.textContent = `Line ${line}`
        button.addEventListener('click', () => this.goTo(line))
        notes.append(button)
      }
      for (const note of [error.path?.join(' › '), error.extensions?.code]) if (note) notes.append(span('', note))
      item.append(span('', String(error.message ?? 'An error without a message.')), notes)
      list.append(item)
    }
    return [list]
  }

  // begin makes room for the events of a subscription.
  begin() {
    this.clear()
    this.count = 0
    this.size = 0
    this.since = Date.now()
    this.list = document.createElement('ol')
    this.list.className = 'events'
    this.output.replaceChildren(this.list)
    this.streaming('Listening')
  }

  streaming(state) {
    const events = this.count === 1 ? '1 event' : `${this.count} events`
    this.facts([[state, state === 'Listening' ? 'good live' : ''], [events, ''], [bytes(this.size), '']])
    this.live.textContent = `${state}: ${events}`
  }

  add({ value, size }) {
    const follows = this.output.scrollTop + this.output.clientHeight >= this.output.scrollHeight - 40
    this.count++
    this.size += size
    const text = JSON.stringify(value, null, 2)
    this.text += text + '\n'
    const item = document.createElement('li')
    const time = document.createElement('time')
    time.textContent = new Date().toLocaleTimeString(undefined, { hour12: false })
    const body = document.createElement('pre')
    body.append(...pieces(text, true))
    item.append(time, body)
    this.list.append(item)
    if (this.list.children.length > EVENTS) this.list.firstChild.remove()
    if (this.text.length > 4 * COLOURED) this.text = this.text.slice(-COLOURED)
    if (follows) this.output.scrollTop = this.output.scrollHeight
    this.streaming('Listening')
  }
}

// pieces cuts a text into lines of coloured spans.
function pieces(text, isJSON) {
  if (!isJSON || text.length > COLOURED) return [document.createTextNode(text)]
  return text.split('\n').map((content) => {
    const line = document.createElement('span')
    line.className = 'line'
    line.style.setProperty('--indent', /^ */.exec(content)[0].length)
    for (const token of colourJSON(content)) line.append(piece(token))
    return line
  })
}

function piece({ role, text }) {
  return role === 'blank' || role === 'punctuator' ? text : span('is-' + role, text)
}

function span(kind, text) {
  const made = document.createElement('span')
  if (kind) made.className = kind
  made.textContent = text
  return made
}

export function duration(milliseconds) {
  return milliseconds < 1000 ? `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms` : `${(milliseconds / 1000).toFixed(2)} s`
}

export function bytes(count) {
  if (count < 1000) return `${count} B`
  if (count < 1_000_000) return `${(count / 1000).toFixed(1)} kB`
  return `${(count / 1_000_000).toFixed(1)} MB`
}
