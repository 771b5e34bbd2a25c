// The line between two panes: drag it, or move it with the arrow keys.

const KEY = 'roster.split'

export function divide(divider, panes, before) {
  const set = (percent) => {
    const share = Math.min(80, Math.max(20, percent))
    panes.style.setProperty('--split', `${share}fr`)
    panes.style.setProperty('--rest', `${100 - share}fr`)
    divider.setAttribute('aria-valuenow', String(Math.round(share)))
    try {
      localStorage.setItem(KEY, String(share))
    } catch {
      // The page works without.
    }
  }
  const now = () => Number(divider.getAttribute('aria-valuenow'))
  divider.addEventListener('pointerdown', (event) => {
    divider.setPointerCapture(event.pointerId)
    event.preventDefault()
  })
  divider.addEventListener('pointermove', (event) => {
    if (!divider.hasPointerCapture(event.pointerId)) return
    const left = before.getBoundingClientRect().left
    set((100 * (event.clientX - left)) / (panes.getBoundingClientRect().right - left))
  })
  divider.addEventListener('keydown', (event) => {
    const to = { ArrowLeft: now() - 2, ArrowRight: now() + 2, Home: 20, End: 80, Enter: 50 }[event.key]
    if (to === undefined) return
    event.preventDefault()
    set(to)
  })
  divider.addEventListener('dblclick', () => set(50))
  const kept = Number(localStorage.getItem(KEY))
  if (kept) set(kept)
}
