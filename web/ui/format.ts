import type { Texts } from './texts.js'

const day = 86_400_000

export const clock = (iso: string | number, lang: string) =>
  new Date(iso).toLocaleTimeString(lang, { hour: '2-digit', minute: '2-digit' })

/** Today, yesterday, or the date. */
export function dayOf(iso: string | number, lang: string, t: Pick<Texts, 'today' | 'yesterday'>): string {
  const at = new Date(iso)
  const days = Math.round((new Date().setHours(0, 0, 0, 0) - new Date(iso).setHours(0, 0, 0, 0)) / day)
  if (days === 0) return t.today
  if (days === 1) return t.yesterday
  return at.toLocaleDateString(lang, { weekday: 'short', day: 'numeric', month: 'short', ...(days > 300 && { year: 'numeric' }) })
}

/** How long ago, in the words of the language. */
export function ago(iso: string, lang: string): string {
  const s = (Date.parse(iso) - Date.now()) / 1_000
  const f = new Intl.RelativeTimeFormat(lang, { numeric: 'auto', style: 'narrow' })
  for (const [unit, size] of [['day', 86_400], ['hour', 3_600], ['minute', 60]] as const) {
    if (Math.abs(s) >= size) return f.format(Math.round(s / size), unit)
  }
  return f.format(0, 'minute')
}

/** A price as the language writes it; as it came when there is no currency. */
export function money(price: string | undefined, currency: string | null | undefined, lang: string): string {
  if (!price) return ''
  try { return currency ? new Intl.NumberFormat(lang, { style: 'currency', currency }).format(+price) : price } catch { return price }
}
