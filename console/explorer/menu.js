// A drop-down menu on a details element: opens and closes by itself, and with the keyboard.

export class Menu {
  // items returns [{ title, note, choose }]; it is called each time the menu opens.
  constructor(root, items) {
    this.root = root
    this.list = root.querySelector('ul')
    this.items = items
    root.addEventListener('toggle', () => root.open && this.fill())
    root.addEventListener('keydown', (event) => this.key(event))
    document.addEventListener('pointerdown', (event) => root.contains(event.target) || this.close())
    root.addEventListener('focusout', (event) => {
      if (event.relatedTarget && !root.contains(event.relatedTarget)) this.close()
    })
  }

  close() {
    this.root.open = false
  }

  fill() {
    const rows = this.items().map(({ title, note, choose }) => {
      const button = document.createElement('button')
      button.type = 'button'
      button.append(title)
      if (note) {
        const small = document.createElement('small')
        small.textContent = note
        button.append(small)
      }
      button.disabled = !choose
      button.addEventListener('click', () => {
        this.close()
        choose()
      })
      const row = document.createElement('li')
      row.append(button)
      return row
    })
    this.list.replaceChildren(...rows)
  }

  key(event) {
    if (!this.root.open) return
    const buttons = [...this.list.querySelectorAll('button:enabled')]
    const at = buttons.indexOf(document.activeElement)
    if (event.key === 'Escape') {
      event.stopPropagation()
      this.close()
      this.root.querySelector('summary').focus()
    } else if (event.key === 'ArrowDown' || event.key === 'ArrowUp') {
      event.preventDefault()
      const step = event.key === 'ArrowDown' ? 1 : -1
      buttons[(at + step + buttons.length) % buttons.length]?.focus()
    }
  }
}
