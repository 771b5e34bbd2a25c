// The schema as introspection tells it: look-ups, search, and the text that inserting a field writes.

const LEAVES = new Set(['SCALAR', 'ENUM'])
const FOUND = 60

// typeText writes a type reference the way SDL does.
export function typeText(ref) {
  if (ref.kind === 'NON_NULL') return typeText(ref.ofType) + '!'
  if (ref.kind === 'LIST') return `[${typeText(ref.ofType)}]`
  return ref.name
}

// namedType is the name of the type inside lists and non-nulls.
export function namedType(ref) {
  return ref.ofType ? namedType(ref.ofType) : ref.name
}

export class Schema {
  constructor(introspection) {
    const { types, queryType, mutationType, subscriptionType } = introspection
    this.types = new Map(types.map((type) => [type.name, type]))
    this.roots = [queryType, mutationType, subscriptionType].filter(Boolean).map((root) => root.name)
    this.operation = { [queryType?.name]: 'query', [mutationType?.name]: 'mutation', [subscriptionType?.name]: 'subscription' }
  }

  type(name) {
    return this.types.get(name)
  }

  // visible lists the types that are the schema's own, sorted.
  visible() {
    return [...this.types.values()].filter((type) => !type.name.startsWith('__')).sort((a, b) => a.name.localeCompare(b.name))
  }

  // search finds types and fields whose name holds the words, best matches first.
  search(text) {
    const words = text.toLowerCase().split(/[\s.]+/).filter(Boolean)
    if (words.length === 0) return []
    const hits = []
    for (const type of this.visible()) {
      const whole = type.name.toLowerCase()
      if (words.every((word) => whole.includes(word))) hits.push({ type, rank: rank(whole, words) })
      for (const field of [...(type.fields ?? []), ...(type.inputFields ?? []), ...(type.enumValues ?? [])]) {
        const name = field.name.toLowerCase()
        const path = `${whole} ${name}`
        if (name.includes(words.at(-1)) && words.every((word) => path.includes(word))) {
          hits.push({ type, field, rank: rank(name, words) + (this.roots.includes(type.name) ? 0 : 2) })
        }
      }
    }
    return hits.sort((a, b) => a.rank - b.rank).slice(0, FOUND)
  }

  isLeaf(ref) {
    return LEAVES.has(this.type(namedType(ref))?.kind)
  }

  // fieldText is a field with the arguments that it cannot do without and, for an object, a first selection.
  fieldText(field, indent = '') {
    const required = field.args.filter((arg) => arg.type.kind === 'NON_NULL' && arg.defaultValue === null)
    const args = required.map((arg) => `${arg.name}: ${this.placeholder(arg.type)}`).join(', ')
    return indent + field.name + (args && `(${args})`) + this.selectionText(field.type, indent, 0)
  }

  selectionText(ref, indent, depth) {
    if (this.isLeaf(ref)) return ''
    const type = this.type(namedType(ref))
    const inner = indent + '  '
    const lines = this.firstFields(type, depth).map((field) => inner + field.name + this.selectionText(field.type, inner, depth + 1))
    return ` {\n${lines.join('\n')}\n${indent}}`
  }

  // firstFields picks what a reader of a type wants first: the rows of a page, else its names and keys.
  firstFields(type, depth) {
    const fields = type.fields ?? []
    const rows = fields.find((field) => field.name === 'nodes')
    if (rows && depth < 3) return [rows]
    const leaves = fields.filter((field) => this.isLeaf(field.type) && field.args.length === 0)
    const telling = ['id', 'fqn', 'name', 'displayName', 'kind', 'status', 'code', 'message']
    const chosen = leaves.filter((field) => telling.includes(field.name)).slice(0, 4)
    if (chosen.length > 0) return chosen
    if (depth < 2 && leaves.length === 0) {
      const deeper = fields.filter((field) => field.args.every((arg) => arg.type.kind !== 'NON_NULL' || arg.defaultValue !== null)).slice(0, 2)
      if (deeper.length > 0) return deeper
    }
    return leaves.length > 0 ? leaves.slice(0, 3) : [{ name: '__typename', type: { kind: 'SCALAR', name: 'String' }, args: [] }]
  }

  placeholder(ref) {
    if (ref.kind === 'NON_NULL') return this.placeholder(ref.ofType)
    if (ref.kind === 'LIST') return `[${this.placeholder(ref.ofType)}]`
    const type = this.type(ref.name)
    if (type?.kind === 'ENUM') return type.enumValues[0].name
    if (type?.kind === 'INPUT_OBJECT') {
      const fields = type.inputFields.filter((field) => field.type.kind === 'NON_NULL' && field.defaultValue === null)
      return fields.length === 0 ? '{}' : `{ ${fields.map((field) => `${field.name}: ${this.placeholder(field.type)}`).join(', ')} }`
    }
    return { Int: '1', Float: '1.0', Boolean: 'true' }[ref.name] ?? '""'
  }
}

function rank(name, words) {
  const word = words.at(-1)
  if (name === word) return 0
  return name.startsWith(word) ? 1 : 3
}
