import { useEffect, useState } from 'preact/hooks'
import type { Api, Stats } from './api.js'

const every = 10_000 // ms between two looks; each is a row in the audit log
const kept = 60 // looks a chart shows
const shown: [keyof Stats, string][] = [
  ['messages', 'Messages ever sent'], ['chats', 'Chats'], ['activeChats', 'Active in 24 hours'], ['users', 'People'],
  ['unreadMessages', 'Unread messages'], ['undelivered', 'Waiting to be delivered'], ['deletedMessages', 'Deleted messages'], ['products', 'Products'],
]

/** The service in figures, looked at again while the page is in sight. */
export function Figures({ api }: { api: Api }) {
  const [looks, setLooks] = useState<{ at: number; stats: Stats }[]>([])
  const [problem, setProblem] = useState('')
  useEffect(() => {
    const look = () => {
      if (document.visibilityState !== 'visible') return
      api.get<{ data: Stats }>('/stats').then(
        ({ data }) => { setProblem(''); setLooks((all) => [...all.slice(1 - kept), { at: Date.now(), stats: data }]) }, (err: Error) => setProblem(err.message))
    }
    look()
    const timer = setInterval(look, every)
    return () => clearInterval(timer)
  }, [])
  const now = looks.at(-1)?.stats
  const rates = looks.slice(1).map((l, i) => ((l.stats.messages - looks[i]!.stats.messages) / (l.at - looks[i]!.at)) * 60_000)
  return (
    <main class="sheet wide">
      <h1>Figures <span class="soft small">every {every / 1_000} seconds, since this page was opened</span></h1>
      {problem && <p class="problem" role="alert">{problem}</p>}
      <div class="tiles">
        <section class="tile broad"><h2>Messages a minute</h2><b>{rates.length ? Math.round(rates.at(-1)!).toLocaleString('en') : '–'}</b><Chart values={rates} label="Messages a minute" zero /></section>
        {now && shown.map(([key, label]) => {
          const values = looks.map((l) => l.stats[key] as number)
          return <section class="tile" key={key}><h2>{label}</h2><b>{values.at(-1)!.toLocaleString('en')}</b><Chart values={values} label={label} /></section>
        })}
      </div>
    </main>
  )
}

/** A line over the looks; flat while nothing changes. */
function Chart({ values, label, zero = false }: { values: number[]; label: string; zero?: boolean }) {
  const low = zero ? 0 : Math.min(...values)
  const high = Math.max(...values, low + 1)
  const x = (i: number) => (values.length < 2 ? 100 : (i / (values.length - 1)) * 100)
  const y = (v: number) => 28 - ((v - low) / (high - low)) * 26
  const points = values.length === 1 ? [`0,${y(values[0]!)}`, `100,${y(values[0]!)}`] : values.map((v, i) => `${x(i).toFixed(2)},${y(v).toFixed(2)}`)
  return (
    <svg class="chart" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label={`${label}: ${values.length ? `from ${Math.round(values[0]!)} to ${Math.round(values.at(-1)!)}` : 'no figures yet'}`}>
      {points.length > 0 && <><polygon points={`0,30 ${points.join(' ')} 100,30`} /><polyline points={points.join(' ')} /></>}
    </svg>
  )
}
