import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { ChatClient, Conversation } from '@chaffer/client'
import { ago } from '../ui/format.js'
import { Doubt } from '../ui/icons.js'
import { textsOf } from '../ui/texts.js'
import { waitingSince } from './inbox.js'

const { t } = textsOf('en')
const rowHeight = 84 // pixels; all rows are alike, so a place in the list is a multiplication
const spare = 6 // rows above and below what is seen

interface Props { client: ChatClient; chats: Conversation[]; current: string; onOpen: (id: string) => void; onEnd: () => void }

/** The list of chats. Only the rows in sight exist, however many there are. */
export function ChatList({ client, chats, current, onOpen, onEnd }: Props) {
  const box = useRef<HTMLDivElement>(null)
  const [top, setTop] = useState(0)
  const [height, setHeight] = useState(600)
  useLayoutEffect(() => {
    const watch = new ResizeObserver(() => setHeight(box.current?.clientHeight ?? 600))
    watch.observe(box.current!)
    return () => watch.disconnect()
  }, [])
  const first = Math.max(0, Math.floor(top / rowHeight) - spare)
  const last = Math.min(chats.length, Math.ceil((top + height) / rowHeight) + spare)
  useEffect(() => { if (last >= chats.length - 20) onEnd() }, [last, chats.length])
  const at = chats.findIndex((c) => c.id === current)
  useEffect(() => { // the chosen one is kept in sight
    const el = box.current!
    if (at < 0) return
    if (at * rowHeight < el.scrollTop) el.scrollTop = at * rowHeight
    else if ((at + 1) * rowHeight > el.scrollTop + el.clientHeight) el.scrollTop = (at + 1) * rowHeight - el.clientHeight
  }, [current])
  const step = (e: KeyboardEvent) => {
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: chats.length - 1, PageDown: at + 8, PageUp: at - 8 }[e.key]
    if (to === undefined) return
    e.preventDefault()
    const chat = chats[Math.max(0, Math.min(chats.length - 1, to))]
    if (chat) onOpen(chat.id)
  }
  return (
    <div class="list" ref={box} onScroll={(e) => setTop(e.currentTarget.scrollTop)} role="listbox" tabIndex={0} aria-label="Chats"
      aria-activedescendant={at >= first && at < last ? `chat-${current}` : undefined} onKeyDown={step}>
      <div class="rows" role="presentation" style={{ height: `${chats.length * rowHeight}px` }}>
        {chats.slice(first, last).map((c, i) => (
          <Row key={c.id} client={client} chat={c} chosen={c.id === current} top={(first + i) * rowHeight} place={first + i + 1} of={chats.length} onOpen={onOpen} />
        ))}
      </div>
    </div>
  )
}

interface RowProps { client: ChatClient; chat: Conversation; chosen: boolean; top: number; place: number; of: number; onOpen: (id: string) => void }

function Row({ client, chat: c, chosen, top, place, of, onOpen }: RowProps) {
  const m = c.messages.at(-1)
  const since = waitingSince(client, c)
  const online = client.presenceOf(client.peer(c))?.online
  const name = c.customerName || `Customer ${c.customerId}`
  return (
    <div id={`chat-${c.id}`} class={`row-chat${chosen ? ' chosen' : ''}${c.unreadCount ? ' unread' : ''}`} role="option" aria-selected={chosen} aria-posinset={place} aria-setsize={of}
      style={{ transform: `translateY(${top}px)` }} onClick={() => onOpen(c.id)}>
      <span class={`who${online ? ' on' : ''}`}><Face src={c.customerProfilePic} name={name} /></span>
      <span class="words">
        <span class="line"><b dir="auto">{name} <Doubt of={c.customerNameSuspicious} label={t.lookalike} /></b><time>{ago(c.lastMessageAt, 'en')}</time></span>
        <span class="line what"><span>{c.productName || c.productId}</span></span>
        <span class="line"><span class="preview" dir="auto">{c.peer.typing ? 'is typing…' : !m ? '' : m.deletedAt ? 'Message deleted' : `${client.isMine(m) ? 'You: ' : ''}${m.text || 'Picture'}`}</span>
          {c.unreadCount > 0 ? <span class="badge">{c.unreadCount}<span class="hidden"> unread</span></span> : since && <span class="waits">{waits(since)}</span>}</span>
      </span>
    </div>
  )
}

/** A picture of somebody, or the first letter of the name. */
export function Face({ src, name }: { src: string; name: string }) {
  return src ? <img class="face" src={src} alt="" loading="lazy" /> : <span class="face letter" aria-hidden="true">{[...name][0]}</span>
}

function waits(since: string): string {
  const minutes = Math.max(0, Math.round((Date.now() - Date.parse(since)) / 60_000))
  return `waits ${minutes < 60 ? `${minutes} min` : minutes < 1_440 ? `${Math.round(minutes / 60)} h` : `${Math.round(minutes / 1_440)} d`}`
}
