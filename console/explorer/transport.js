// How the page talks to the endpoint: one answer for queries and mutations, a stream of events for subscriptions.

const ENDPOINT = new URL(document.documentElement.dataset.endpoint, document.baseURI)

function post(request, accept, token, signal) {
  const headers = { 'Content-Type': 'application/json', Accept: accept }
  if (token) headers.Authorization = `Bearer ${token}`
  return fetch(ENDPOINT, { method: 'POST', headers, body: JSON.stringify(request), signal, credentials: 'omit', cache: 'no-store' })
}

// parsed reads a text as JSON; what is no JSON, such as a proxy's error page, stays a text.
function parsed(text) {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

// ask runs a query or a mutation. It returns the answer's value (null where it is no JSON), its text, its HTTP
// status, its size in bytes, how long it took in milliseconds, and the revision that it reflects, if it says.
export async function ask(request, token, signal) {
  const start = performance.now()
  const response = await post(request, 'application/graphql-response+json, application/json;q=0.9', token, signal)
  const bytes = await response.arrayBuffer()
  const text = new TextDecoder().decode(bytes)
  return {
    value: parsed(text),
    text,
    status: response.status,
    statusText: response.statusText,
    size: bytes.byteLength,
    took: performance.now() - start,
  }
}

// subscribe yields the results of a subscription as they come. An answer that is no stream is yielded as
// { refused: answer }, with the fields that ask returns.
export async function* subscribe(request, token, signal) {
  const start = performance.now()
  const response = await post(request, 'text/event-stream', token, signal)
  if (!response.ok || !response.headers.get('Content-Type')?.startsWith('text/event-stream')) {
    const text = await response.text()
    yield { refused: { value: parsed(text), text, status: response.status, statusText: response.statusText, size: text.length, took: performance.now() - start } }
    return
  }
  for await (const event of events(response.body)) {
    if (event.type === 'complete') return
    if (event.type === 'next') yield { value: parsed(event.data), size: event.data.length }
  }
}

// events splits a stream into server-sent events (HTML Standard, section "Server-sent events").
async function* events(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader()
  let pending = ''
  try {
    for (;;) {
      const { value, done } = await reader.read()
      if (done) return
      pending += value
      const blocks = pending.split(/\r?\n\r?\n/)
      pending = blocks.pop()
      for (const block of blocks) yield event(block)
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}

function event(block) {
  const found = { type: 'message', data: '' }
  for (const line of block.split(/\r?\n/)) {
    const [, field, value] = /^([^:]*):? ?(.*)$/.exec(line)
    if (field === 'event') found.type = value
    if (field === 'data') found.data += (found.data && '\n') + value
  }
  return found
}

const INTROSPECTION = `query Schema {
  __schema {
    queryType { name }
    mutationType { name }
    subscriptionType { name }
    types {
      kind name description
      fields(includeDeprecated: true) {
        name description isDeprecated deprecationReason
        args { name description defaultValue type { ...Ref } }
        type { ...Ref }
      }
      inputFields { name description defaultValue type { ...Ref } }
      interfaces { name }
      possibleTypes { name }
      enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
    }
  }
}
fragment Ref on __Type { kind name ofType { kind name ofType { kind name ofType { kind name } } } }`

// introspect reads the schema.
export function introspect(token) {
  return ask({ query: INTROSPECTION, operationName: 'Schema' }, token)
}
