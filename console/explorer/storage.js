// What the page remembers. The token lives in the tab's session only; the history outlives it, and so holds neither
// tokens nor anything that a mutation was given.

import { operations, withoutStrings } from './graphql.js'

const TOKEN = 'roster.token'
const DRAFT = 'roster.draft'
const HISTORY = 'roster.history'
const KEPT = 40

function read(store, key) {
  try {
    return JSON.parse(store.getItem(key))
  } catch {
    return null // the browser keeps nothing, or another program wrote there
  }
}

function write(store, key, value) {
  try {
    if (value === null || value === '') store.removeItem(key)
    else store.setItem(key, JSON.stringify(value))
  } catch {
    // The page works without.
  }
}

export const token = {
  get: () => String(read(sessionStorage, TOKEN) ?? ''),
  set: (value) => write(sessionStorage, TOKEN, value),
}

export const draft = {
  get: () => read(sessionStorage, DRAFT),
  set: (query, variables) => write(sessionStorage, DRAFT, { query, variables }),
}

export const history = {
  get: () => {
    const entries = read(localStorage, HISTORY)
    return Array.isArray(entries) ? entries.filter((entry) => typeof entry?.query === 'string') : []
  },
  add(query, variables) {
    const changes = operations(query).some((operation) => operation.type === 'mutation')
    const entry = changes ? { query: withoutStrings(query), variables: '' } : { query, variables }
    entry.at = Date.now()
    const others = history.get().filter((old) => old.query !== entry.query || old.variables !== entry.variables)
    write(localStorage, HISTORY, [entry, ...others].slice(0, KEPT))
  },
  clear: () => write(localStorage, HISTORY, null),
}
