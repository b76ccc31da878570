import { useEffect, useRef, useState } from 'preact/hooks'
import { Doubt, Icon } from '../ui/icons.js'
import type { AdminChat, Api, Page } from './api.js'
import { textsOf } from '../ui/texts.js'
import { ChatDetail } from './detail.js'

interface Filter { q: string; vendorId: string; customerId: string; productId: string; from: string; to: string }
const everything: Filter = { q: '', vendorId: '', customerId: '', productId: '', from: '', to: '' }
const fields: [keyof Filter, string, 'text' | 'date'][] = [['vendorId', 'Vendor', 'text'], ['customerId', 'Customer', 'text'], ['productId', 'Product', 'text'], ['from', 'From', 'date'], ['to', 'Until', 'date']]

export interface Place { api: Api; go: (...parts: string[]) => void; known: Set<string> }

/** Finding a chat by who, what, when or what was said, and the chat itself. */
export function Chats({ api, go, current, known }: Place & { current: string }) {
  const [filter, setFilter] = useState(everything)
  const [asked, setAsked] = useState(everything)
  const [page, setPage] = useState<Page<AdminChat>>()
  const [problem, setProblem] = useState('')
  const turn = useRef(0)
  const load = async (cursor?: string) => {
    const mine = ++turn.current
    try {
      const got = await api.get<Page<AdminChat>>('/chats', {
        ...asked, from: asked.from && new Date(asked.from).toISOString(),
        to: asked.to && new Date(Date.parse(asked.to) + 86_400_000).toISOString(), cursor, limit: 50,
      })
      if (mine !== turn.current) return
      setProblem('')
      setPage((before) => ({ ...got, data: cursor ? [...(before?.data ?? []), ...got.data] : got.data }))
    } catch (err) { if (mine === turn.current) setProblem((err as Error).message) }
  }
  useEffect(() => { void load() }, [asked])
  return (
    <div class={`columns${current ? ' showing' : ''}`}>
      <section class="finder" aria-label="Find chats">
        <form class="filter" role="search" onSubmit={(e) => { e.preventDefault(); setAsked(filter) }}>
          <label class="search wide"><Icon name="search" /><input class="field" type="search" placeholder="Words in messages, products, stores, customers" aria-label="Words" value={filter.q} maxLength={100} onInput={(e) => setFilter({ ...filter, q: e.currentTarget.value })} /></label>
          {fields.map(([key, label, type]) => (
            <label>{label}<input class="field" type={type as 'text'} name={key} value={filter[key]} onInput={(e) => setFilter({ ...filter, [key]: e.currentTarget.value.trim() })} /></label>
          ))}
          <span class="do"><button class="primary">Find</button><button type="button" class="ghost" onClick={() => { setFilter(everything); setAsked(everything) }}>Clear</button></span>
        </form>
        {problem && <p class="problem pad" role="alert">{problem}</p>}
        <ul class="found" aria-label="Chats found" aria-busy={!page}>
          {page?.data.map((c) => <FoundChat key={c.id} c={c} current={current} />)}
        </ul>
        {page && !page.data.length && <div class="nothing" role="status"><Icon name="search" /><b>Nothing found</b>Fewer words or a wider time may help.</div>}
        {page?.hasMore && <button type="button" class="ghost more" onClick={() => void load(page.nextCursor)}>Show more</button>}
      </section>
      {current ? <ChatDetail key={current} api={api} go={go} id={current} known={known} /> : <main class="nothing"><Icon name="shield" /><b>Choose a chat</b>You see what both sides see, deleted messages included, and nobody notices.</main>}
    </div>
  )
}

export const { lookalike } = textsOf('en').t
export const title = (c: AdminChat) => c.title || c.productName || c.productId || c.kind
export const when = (iso: string) => new Date(iso).toLocaleString('en-GB', { day: '2-digit', month: 'short', hour: '2-digit', minute: '2-digit' })

/** One chat of a list: what it is about, between whom, and when something was last said. */
export function FoundChat({ c, current }: { c: AdminChat; current: string }) {
  return (
    <li>
      <a href={`#chats/${c.id}`} aria-current={c.id === current ? 'true' : undefined}>
        {c.productImageUrl ? <img class="face square" src={c.productImageUrl} alt="" loading="lazy" /> : <span class="face square" />}
        <span class="words">
          <span class="line"><b>{title(c)} <Doubt of={c.productNameSuspicious} label={lookalike} /></b><time>{when(c.lastMessageAt)}</time></span>
          <span class="line soft">{c.kind === 'product' ? <span>{c.customerName || c.customerId} <Doubt of={c.customerNameSuspicious} label={lookalike} /> → {c.storeName || c.vendorId} <Doubt of={c.storeNameSuspicious} label={lookalike} /></span> : <span>{c.kind}</span>}<span>{c.lastSeq}</span></span>
        </span>
      </a>
    </li>
  )
}
