// The schema browser: the roots and types, one page a type, search, and a button to insert each field.

import { namedType, typeText } from './schema.js'

// element makes a DOM element; children are elements or texts.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) {
    if (key === 'onclick') made.addEventListener('click', value)
    else if (value !== undefined) made.setAttribute(key, value)
  }
  made.append(...children.filter((child) => child !== '' && child !== null && child !== undefined))
  return made
}

const KINDS = {
  OBJECT: 'type',
  INTERFACE: 'interface',
  UNION: 'union',
  ENUM: 'enum',
  INPUT_OBJECT: 'input',
  SCALAR: 'scalar',
}

// Types that only wrap others; the list of types folds them away.
const WRAPPERS = /(Connection|Edge|Payload|Input)$/

export class Browser {
  // insert is called with a field and the name of its type.
  constructor({ search, path, page, insert }) {
    this.search = search
    this.path = path
    this.page = page
    this.insert = insert
    this.trail = []
    search.addEventListener('input', () => this.draw())
    search.addEventListener('keydown', (event) => {
      if (event.key === 'Escape' && search.value !== '') {
        event.stopPropagation()
        search.value = ''
        this.draw()
      }
    })
  }

  load(schema) {
    this.schema = schema
    this.trail = this.trail.filter((name) => schema.type(name))
    this.search.disabled = false
    this.draw()
  }

  // say shows a sentence in place of the schema.
  say(...content) {
    this.schema = null
    this.search.disabled = true
    this.path.replaceChildren()
    this.page.replaceChildren(element('p', { class: 'note' }, ...content))
  }

  open(name) {
    this.search.value = ''
    const known = this.trail.indexOf(name)
    this.trail = known < 0 ? [...this.trail, name] : this.trail.slice(0, known + 1)
    this.draw()
    this.page.scrollTop = 0
    this.page.focus({ preventScroll: true })
  }

  draw() {
    if (!this.schema) return
    const searching = this.search.value.trim() !== ''
    this.drawPath(searching)
    if (searching) this.drawFound()
    else if (this.trail.length === 0) this.drawRoots()
    else this.drawType(this.schema.type(this.trail.at(-1)))
  }

  drawPath(searching) {
    const back = (length) => () => {
      this.trail = this.trail.slice(0, length)
      this.search.value = ''
      this.draw()
    }
    const steps = searching || this.trail.length > 0 ? [element('button', { type: 'button', onclick: back(0) }, 'Schema')] : []
    const shown = searching ? [] : this.trail
    shown.forEach((name, index) => {
      const last = index === shown.length - 1
      steps.push(last ? element('span', { 'aria-current': 'page' }, name) : element('button', { type: 'button', onclick: back(index + 1) }, name))
    })
    this.path.replaceChildren(...steps)
  }

  drawRoots() {
    const roots = this.schema.roots.map((name) => this.typeRow(this.schema.type(name), true))
    const groups = [element('h3', {}, 'Operations'), element('ul', { class: 'types' }, ...roots)]
    for (const [kind, title] of Object.entries({ OBJECT: 'Types', INTERFACE: 'Interfaces', UNION: 'Unions', INPUT_OBJECT: 'Inputs', ENUM: 'Enums', SCALAR: 'Scalars' })) {
      const types = this.schema.visible().filter((type) => type.kind === kind && !this.schema.roots.includes(type.name))
      const plain = types.filter((type) => !WRAPPERS.test(type.name))
      if (plain.length > 0) groups.push(element('h3', {}, title), this.typeList(plain))
    }
    const wrappers = this.schema.visible().filter((type) => WRAPPERS.test(type.name))
    if (wrappers.length > 0) {
      groups.push(element('details', { class: 'folded' }, element('summary', {}, 'Connections, edges, inputs and payloads'), this.typeList(wrappers)))
    }
    this.page.replaceChildren(...groups)
  }

  typeList(types) {
    return element('ul', { class: 'types' }, ...types.map((type) => this.typeRow(type)))
  }

  drawFound() {
    const hits = this.schema.search(this.search.value)
    if (hits.length === 0) {
      this.page.replaceChildren(element('p', { class: 'note' }, `Nothing is called “${this.search.value.trim()}”.`))
      return
    }
    const rows = hits.map(({ type, field }) => (field ? this.fieldRow(type, field, true) : this.typeRow(type, true)))
    this.page.replaceChildren(element('ul', { class: 'fields found' }, ...rows))
  }

  drawType(type) {
    const content = [
      element('h3', { class: 'title' }, element('small', {}, KINDS[type.kind] ?? ''), ' ' + type.name),
      this.description(type.description),
    ]
    const others = (title, types) => {
      if (types?.length) content.push(element('p', { class: 'others' }, title + ' ', ...types.flatMap((other, i) => [i ? ', ' : '', this.link(other.name)])))
    }
    others('Implements', type.interfaces)
    if (type.kind !== 'OBJECT') others('Possible types:', type.possibleTypes)
    const fields = type.fields ?? type.inputFields
    if (fields) content.push(element('ul', { class: 'fields' }, ...fields.map((field) => this.fieldRow(type, field))))
    if (type.enumValues) {
      const values = type.enumValues.map((value) =>
        element('li', {}, element('code', { class: 'is-type' }, value.name), this.deprecated(value), this.description(value.description)),
      )
      content.push(element('ul', { class: 'fields' }, ...values))
    }
    this.page.replaceChildren(...content.filter(Boolean))
  }

  link(name) {
    return element('button', { type: 'button', class: 'type', onclick: () => this.open(name) }, name)
  }

  // reference is a type as SDL writes it, its name a link.
  reference(ref) {
    const name = namedType(ref)
    const [before, after] = typeText(ref).split(name)
    return element('span', { class: 'reference' }, before, this.link(name), after)
  }

  typeRow(type, described = false) {
    return element('li', {}, this.link(type.name), described ? this.description(type.description) : '')
  }

  fieldRow(type, field, withType = false) {
    const insertable = type.fields?.includes(field)
    const name = insertable
      ? element('button', { type: 'button', class: 'insert', title: 'Insert into the query', onclick: () => this.insert(type, field) }, field.name)
      : element('code', {}, field.name)
    const head = element('div', { class: 'head' }, withType ? this.link(type.name) : '', withType ? '.' : '', name)
    if (field.type) head.append(': ', this.reference(field.type))
    if (field.defaultValue) head.append(element('span', { class: 'default' }, ` = ${field.defaultValue}`))
    return element('li', {}, head, this.deprecated(field), this.description(field.description), withType ? '' : this.argumentsOf(field))
  }

  argumentsOf(field) {
    if (!field.args?.length) return ''
    const rows = field.args.map((arg) =>
      element('li', {},
        element('div', { class: 'head' }, element('code', { class: 'is-argument' }, arg.name), ': ', this.reference(arg.type),
          arg.defaultValue ? element('span', { class: 'default' }, ` = ${arg.defaultValue}`) : ''),
        this.description(arg.description)),
    )
    const summary = element('summary', {}, field.args.length === 1 ? '1 argument' : `${field.args.length} arguments`)
    return element('details', { class: 'arguments' }, summary, element('ul', {}, ...rows))
  }

  deprecated(item) {
    return item.isDeprecated ? element('p', { class: 'deprecated' }, `Deprecated: ${item.deprecationReason ?? 'do not use it in new code.'}`) : ''
  }

  description(text) {
    if (!text) return ''
    const parts = text.split(/`([^`]+)`/).map((part, index) => (index % 2 ? element('code', {}, part) : part))
    return element('p', { class: 'description' }, ...parts)
  }
}
