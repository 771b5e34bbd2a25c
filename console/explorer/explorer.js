// The explorer: wires the editors, the schema browser and the answer together.

import { Answer } from './answer.js'
import { Browser } from './browser.js'
import { divide } from './divider.js'
import { Editor } from './editor.js'
import { EXAMPLES, samples } from './examples.js'
import { classify, operations, tokenize } from './graphql.js'
import { colourJSON } from './json.js'
import { Menu } from './menu.js'
import { prettify } from './prettify.js'
import { Schema } from './schema.js'
import { draft, history, token } from './storage.js'
import { ask, introspect, subscribe } from './transport.js'

const at = (id) => document.getElementById(id)
const query = new Editor(at('query'), { colour: (text) => classify(tokenize(text)), change: edited })
const variables = new Editor(at('variables'), { colour: colourJSON, change: edited })
const answer = new Answer({ output: at('output'), status: at('facts'), live: at('live'), copy: at('copy'), goTo: (line) => query.goTo(line) })
const browser = new Browser({ search: at('schema-search'), path: at('schema-path'), page: at('schema-page'), insert })
let schema = null
let running = null

function edited() {
  draft.set(query.value, variables.value)
  at('variables-state').textContent = given().problem ?? ''
}

// given reads the variables pane.
function given() {
  const text = variables?.value.trim() ?? ''
  if (text === '') return { values: undefined }
  try {
    const values = JSON.parse(text)
    if (values === null || (typeof values === 'object' && !Array.isArray(values))) return { values }
    return { problem: 'must be a JSON object' }
  } catch {
    return { problem: 'is not valid JSON' }
  }
}

// chosen is the operation that the caret is in, or the one before it, or the first.
function chosen() {
  const all = operations(query.value)
  return all.find((op) => query.caret >= op.start && query.caret <= op.end) ?? all.findLast((op) => op.end <= query.caret) ?? all[0]
}

async function run() {
  stop()
  const operation = chosen()
  const { values, problem } = given()
  query.mark([])
  answer.clear()
  if (!operation) return answer.say('There is no operation to run: write a query, or pick an example.')
  if (problem) {
    at('variables-fold').open = true
    return answer.say(`The text in the variables pane ${problem}.`, 'problem')
  }
  const request = { query: query.value }
  if (operation.name && operations(query.value).length > 1) request.operationName = operation.name
  if (values) request.variables = values
  history.add(query.value, variables.value.trim())
  running = new AbortController()
  const { signal } = running
  busy(true)
  try {
    if (operation.type === 'subscription') await listen(request, signal)
    else show(await ask(request, token.get(), signal))
  } catch (error) {
    if (!signal.aborted) answer.say(`The server did not answer: ${error.message}.`, 'problem')
    else if (operation.type !== 'subscription') answer.say('Stopped.')
  } finally {
    if (running?.signal === signal) {
      running = null
      busy(false)
    }
  }
}

async function listen(request, signal) {
  let listening = false
  try {
    for await (const event of subscribe(request, token.get(), signal)) {
      if (event.refused) return show(event.refused)
      if (!listening) answer.begin()
      listening = true
      answer.add(event)
      markErrors(event.value)
    }
  } finally {
    if (listening) answer.streaming(signal.aborted ? 'Stopped' : 'Complete')
    else if (signal.aborted) answer.say('Stopped before anything came.')
  }
}

function show(result) {
  answer.show(result)
  markErrors(result.value)
  if (result.status === 401) tokenState('The server does not know this token.')
  else tokenState('')
}

function markErrors(value) {
  const errors = Array.isArray(value?.errors) ? value.errors : []
  query.mark(errors.flatMap((error) => error.locations ?? []).map((location) => location.line))
}

function stop() {
  running?.abort()
  running = null
  busy(false)
}

function busy(is) {
  at('run').hidden = is
  at('stop').hidden = !is
  at('answer').toggleAttribute('aria-busy', is)
  if (is) answer.facts([['Running', 'live']])
}

function tidy() {
  try {
    query.swap(prettify(query.value))
    const { values } = given()
    if (values) variables.swap(JSON.stringify(values, null, 2))
  } catch (error) {
    answer.say(`The query cannot be laid out yet. ${error.message}`, 'problem')
  }
}

// insert writes a field of the schema into the query: a field of a root type into an operation of its own unless the
// caret is inside of one, any other field where the caret is.
function insert(type, field) {
  const kind = schema.operation[type.name]
  const inside = operations(query.value).find((op) => query.caret > op.start && query.caret < op.end)
  if (kind && (!inside || inside.type !== kind)) {
    const text = `${kind} ${nameFor(field)} {\n${schema.fieldText(field, '  ')}\n}\n`
    const gap = query.value.trim() === '' ? '' : '\n'
    query.replace(gap + text, query.value.trimEnd().length + (gap ? 1 : 0), query.value.length)
    return
  }
  const line = query.value.slice(query.value.lastIndexOf('\n', query.caret - 1) + 1, query.caret)
  const indent = /^\s*/.exec(line)[0] + (/[{(]\s*$/.test(line) ? '  ' : '')
  const text = schema.fieldText(field, indent)
  query.replace(line.trim() === '' ? text.slice(line.length) : '\n' + text)
}

// nameFor is a name for an operation that the document does not use yet.
function nameFor(field) {
  const base = field.name[0].toUpperCase() + field.name.slice(1)
  const taken = new Set(operations(query.value).map((op) => op.name))
  let name = base
  for (let n = 2; taken.has(name); n++) name = base + n
  return name
}

async function loadSchema() {
  browser.say('Reading the schema…')
  try {
    const result = await introspect(token.get())
    const found = result.value?.data?.__schema
    if (found) {
      schema = new Schema(found)
      browser.load(schema)
      tokenState('')
      return
    }
    schema = null
    if (result.status === 401) {
      browser.say(token.get() ? 'The server does not know this access token.' : 'Give an access token above to read the schema.')
      if (token.get()) tokenState('The server does not know this token.')
      return
    }
    browser.say(result.value?.errors?.[0]?.message ?? `The schema could not be read: the server answered with status ${result.status}.`)
  } catch (error) {
    schema = null
    browser.say(`The schema could not be read: ${error.message}.`)
  }
}

function tokenState(sentence) {
  at('token-state').textContent = sentence
  at('token').toggleAttribute('aria-invalid', sentence !== '')
}

// load puts a query into the editors.
function load(text, values) {
  stop()
  query.swap(text)
  variables.swap(values)
  query.focus()
}

function wireToken() {
  const input = at('token')
  const reveal = at('reveal')
  input.value = token.get()
  input.addEventListener('change', () => {
    token.set(input.value.trim().replace(/^bearer\s+/i, ''))
    input.value = token.get()
    loadSchema()
  })
  input.addEventListener('keydown', (event) => event.key === 'Enter' && input.blur())
  reveal.addEventListener('click', () => {
    const shown = input.type === 'password'
    input.type = shown ? 'text' : 'password'
    reveal.setAttribute('aria-pressed', String(shown))
    reveal.setAttribute('aria-label', shown ? 'Hide the token' : 'Show the token')
    reveal.textContent = shown ? 'Hide' : 'Show'
  })
}

function wireMenus() {
  const text = (values) => (Object.keys(values).length > 0 ? JSON.stringify(values, null, 2) : '')
  new Menu(at('examples'), () =>
    EXAMPLES.map((example) => ({
      title: example.title,
      choose: async () => {
        load(example.query, text(example.variables({ user: '', group: '' })))
        const empty = variables.value
        const filled = text(example.variables(await samples(token.get())))
        if (query.value === example.query && variables.value === empty) variables.value = filled
      },
    })),
  )
  new Menu(at('history'), () => {
    const entries = history.get()
    if (entries.length === 0) return [{ title: 'Nothing was run yet.' }]
    const rows = entries.map((entry) => ({
      title: titleOf(entry.query),
      note: new Date(entry.at).toLocaleString(undefined, { dateStyle: 'short', timeStyle: 'short' }),
      choose: () => load(entry.query, entry.variables ?? ''),
    }))
    return [...rows, { title: 'Clear the history', choose: () => history.clear() }]
  })
}

function titleOf(text) {
  const [operation] = operations(text)
  if (operation?.name) return `${operation.type} ${operation.name}`
  const words = text.replace(/#.*/g, '').replace(/\s+/g, ' ').trim()
  return words.length > 60 ? words.slice(0, 60) + '…' : words
}

function wireSchema() {
  const toggle = at('schema-toggle')
  const wide = matchMedia('(min-width: 1100px)')
  const open = (is) => {
    document.body.classList.toggle('without-schema', !is)
    toggle.setAttribute('aria-expanded', String(is))
  }
  toggle.addEventListener('click', () => {
    const is = toggle.getAttribute('aria-expanded') !== 'true'
    open(is)
    if (is) at('schema-search').focus()
  })
  wide.addEventListener('change', () => open(wide.matches))
  open(wide.matches)
  at('schema-reload').addEventListener('click', loadSchema)
  const close = () => {
    open(false)
    toggle.focus()
  }
  at('schema-close').addEventListener('click', close)
  at('schema').addEventListener('keydown', (event) => event.key === 'Escape' && !wide.matches && close())
}

function wireKeys() {
  document.addEventListener('keydown', (event) => {
    const command = event.ctrlKey || event.metaKey
    if (command && event.key === 'Enter') {
      event.preventDefault()
      run()
    } else if (command && event.shiftKey && event.key.toLowerCase() === 'f') {
      event.preventDefault()
      tidy()
    } else if (command && event.key.toLowerCase() === 'k') {
      event.preventDefault()
      if (at('schema-toggle').getAttribute('aria-expanded') !== 'true') at('schema-toggle').click()
      at('schema-search').focus()
    } else if (event.key === 'Escape' && running && event.target.localName !== 'textarea') {
      stop()
    }
  })
}

at('run').addEventListener('click', run)
at('stop').addEventListener('click', stop)
at('prettify').addEventListener('click', tidy)
wireToken()
wireMenus()
wireSchema()
wireKeys()
divide(at('divider'), at('panes'), at('request'))

const kept = draft.get()
if (kept?.query) {
  query.value = kept.query
  variables.value = kept.variables ?? ''
} else {
  query.value = EXAMPLES[0].query
  variables.value = JSON.stringify(EXAMPLES[0].variables({}), null, 2)
}
if (token.get()) {
  answer.say('Run the query with Ctrl+Enter. There are examples in the menu above the editor, and every type and field in the schema.')
  query.focus()
} else {
  answer.say('Give an access token above: it decides what you may read and change. It stays in this tab and is gone when you close it.')
  at('token').focus()
}
loadSchema()
