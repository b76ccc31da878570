import { useEffect, useLayoutEffect, useMemo, useReducer, useRef, useState } from 'preact/hooks'
import type { ChatClient, Conversation, Message } from '@chaffer/client'
import { Composer } from '../ui/composer.js'
import { ago, money } from '../ui/format.js'
import { Doubt, Icon } from '../ui/icons.js'
import { textsOf } from '../ui/texts.js'
import { Thread } from '../ui/thread.js'
import { visible, waitingSince, type Filter } from './inbox.js'
import { ChatList, Face } from './list.js'
import { useNotices } from './notices.js'
import { ReportDialog } from './report.js'

const lang = 'en'
const { t } = textsOf(lang)
const filters: [Filter, string][] = [['all', 'All'], ['unread', 'Unread'], ['waiting', 'Needs reply']]

/** Draws again after anything happened, at most once a frame. */
function useChanges(client: ChatClient): number {
  const [tick, again] = useReducer((n: number) => n + 1, 0)
  useEffect(() => {
    let asked = 0
    const draw = () => { asked ||= requestAnimationFrame(() => { asked = 0; again(undefined) }) }
    const offs = (['status', 'identity', 'synced', 'chat', 'presence', 'unread', 'outbox'] as const).map((name) => client.on(name, draw))
    const clock = setInterval(draw, 30_000) // what is said in minutes
    return () => { cancelAnimationFrame(asked); clearInterval(clock); for (const off of offs) off() }
  }, [client])
  return tick
}

/** The vendor's page: the list, the conversation, and what it is about. */
export function Inbox({ client }: { client: ChatClient }) {
  const tick = useChanges(client)
  const [filter, setFilter] = useState<Filter>('all')
  const [search, setSearch] = useState('')
  const [current, setCurrent] = useState(() => location.hash.slice(1))
  const composer = useRef<HTMLTextAreaElement>(null)
  const find = useRef<HTMLInputElement>(null)
  const all = useMemo(() => client.chats(), [tick])
  const chats = useMemo(() => visible(client, all, filter, search), [all, filter, search])
  const chat = client.chat(current)
  const open = (id: string) => { setCurrent(id); history.replaceState(null, '', `#${id}`) }
  useNotices(client, open)

  // Every chat is fetched while one looks at the first: search and filters are about all of them.
  useEffect(() => client.on('synced', () => {
    void client.askPresence(client.chats().slice(0, 100).map((c) => client.peer(c))).catch(() => { /* advice only */ })
    void (async () => { while (client.hasMoreChats) await client.loadChats(100) })().catch(() => { /* goes on at the end of the list */ })
  }), [client])
  useEffect(() => {
    if (current && client.status === 'online' && client.chats().length) client.open(current).catch(() => { if (!client.chat(current)) open('') })
  }, [current, client.status, all.length > 0])
  useEffect(() => {
    const read = () => { if (chat?.unreadCount && document.visibilityState === 'visible' && document.hasFocus()) client.markRead(chat.id).catch(() => { /* with the next message */ }) }
    read()
    addEventListener('focus', read)
    return () => removeEventListener('focus', read)
  }, [chat?.id, chat?.unreadCount])
  useLayoutEffect(() => { // with the rows it moves between, not a paint later
    const keys = (e: KeyboardEvent) => {
      const at = chats.findIndex((c) => c.id === current)
      if (e.altKey && (e.key === 'ArrowDown' || e.key === 'ArrowUp')) {
        e.preventDefault()
        const next = chats[at + (e.key === 'ArrowDown' ? 1 : -1)]
        if (next) open(next.id)
      } else if (e.key === '/' && !/^(INPUT|TEXTAREA)$/.test((e.target as Element).tagName)) {
        e.preventDefault()
        find.current?.focus()
      } else if (e.key === 'Enter' && (e.target as Element).getAttribute('role') === 'listbox') composer.current?.focus()
      else if (e.key === 'Escape' && current) open('')
    }
    addEventListener('keydown', keys)
    return () => removeEventListener('keydown', keys)
  })

  const loading = client.status !== 'online' && !all.length
  return (
    <div class={`inbox${chat ? ' chatting' : ''}`}>
      <nav class="side" aria-label="Inbox">
        <header>
          <h1>Inbox</h1>
          {client.unreadTotal > 0 && <span class="badge" title="unread">{client.unreadTotal}</span>}
          <span class={`link ${client.status}`}>{client.status === 'online' ? 'Live' : 'Connecting…'}</span>
        </header>
        <label class="search"><Icon name="search" /><input ref={find} class="field" type="search" placeholder="Search customers, products, words" aria-label="Search chats" value={search} onInput={(e) => setSearch(e.currentTarget.value)} /></label>
        <div class="filters" role="group" aria-label="Show">
          {filters.map(([key, label]) => <button type="button" aria-pressed={filter === key} onClick={() => setFilter(key)}>{label}</button>)}
          <span class="count">{chats.length.toLocaleString('en')}{client.hasMoreChats ? '+' : ''}</span>
        </div>
        {chats.length ? <ChatList client={client} chats={chats} current={current} onOpen={open} onEnd={() => { if (client.hasMoreChats) client.loadChats(100).catch(() => { /* with the next scroll */ }) }} />
          : <div class="nothing" role="status"><Icon name="chat" /><b>{loading ? 'Opening your inbox…' : all.length ? 'Nothing found' : 'No chats yet'}</b>{!loading && (all.length ? 'Try other words, or show all chats.' : 'When a customer asks about a product, it appears here.')}</div>}
      </nav>
      <main class="talk">
        {client.status === 'reconnecting' && <div class="banner" role="status">{t.reconnecting}</div>}
        {chat ? <Talk key={chat.id} client={client} chat={chat} composer={composer} onBack={() => open('')} />
          : <div class="nothing"><Icon name="chat" /><b>Choose a chat</b><kbd>Alt</kbd> <kbd>↓</kbd> goes to the next one, <kbd>/</kbd> searches.</div>}
      </main>
      {chat && <About client={client} chat={chat} all={all} onOpen={open} />}
    </div>
  )
}

function Talk({ client, chat, composer, onBack }: { client: ChatClient; chat: Conversation; composer: { current: HTMLTextAreaElement | null }; onBack: () => void }) {
  const peer = client.presenceOf(client.peer(chat))
  const name = chat.customerName || `Customer ${chat.customerId}`
  const [reported, setReported] = useState<Message>()
  const [said, setSaid] = useState('')
  const block = () => {
    if (!confirm(`Take no more messages from ${name}? They are not told.`)) return
    client.block(client.peer(chat)).then(() => setSaid(`${name} is blocked.`), (err: Error) => setSaid(err.message))
  }
  return (
    <>
      <header class="head">
        <button type="button" class="ghost back" onClick={onBack}>Back</button>
        <Face src={chat.customerProfilePic} name={name} />
        <div><h2 dir="auto">{name} <Doubt of={chat.customerNameSuspicious} label={t.lookalike} /></h2><span class={`soft state${peer?.online ? ' on' : ''}`}>{chat.peer.typing ? 'is typing…' : peer?.online ? 'Online' : peer?.lastSeen ? `Last seen ${ago(peer.lastSeen, lang)}` : 'Offline'}</span></div>
        <span class="about-chip">{chat.productImageUrl && <img src={chat.productImageUrl} alt="" />}<span><b>{chat.productName || chat.productId}</b>{chat.productPrice}</span></span>
        <button type="button" class="ghost" onClick={block}>Block</button>
      </header>
      {said && <div class="banner" role="status">{said}</div>}
      {reported && <ReportDialog client={client} message={reported} onDone={() => setReported(undefined)} />}
      <Thread client={client} chat={chat} pending={client.pending((p) => p.chatId === chat.id)} version={chat.version} t={t} lang={lang} peerName={name} onReport={setReported} />
      {chat.frozen ? <p class="banner" role="status">This chat is frozen: nobody can write in it.</p> : <Composer area={composer} t={t} chat={chat.id} onSend={(text, images) => { client.send({ chatId: chat.id, text, images }).catch(() => { /* it is shown as failed */ }) }}
        onTyping={() => client.typing(chat.id)} onStop={() => client.stopTyping(chat.id)} upload={(file) => client.upload(file, file.name)} />}
    </>
  )
}

function About({ client, chat, all, onOpen }: { client: ChatClient; chat: Conversation; all: Conversation[]; onOpen: (id: string) => void }) {
  const since = waitingSince(client, chat)
  const others = all.filter((c) => c.id !== chat.id && c.customerId === chat.customerId)
  return (
    <aside class="about" aria-label="About this chat">
      {chat.productImageUrl && <img class="hero" src={chat.productImageUrl} alt="" />}
      <h3>{chat.productName || 'A product'} <Doubt of={chat.productNameSuspicious} label={t.lookalike} /> {chat.productVerified && <Icon name="verified" label={t.verified} />}</h3>
      <p class="price">{money(chat.productPrice, '', lang)}</p>
      <dl>
        <dt>Article</dt><dd>{chat.productId}</dd>
        <dt>Customer</dt><dd>{chat.customerName || chat.customerId} <span class="soft">({chat.customerId})</span></dd>
        <dt>Since</dt><dd>{new Date(chat.createdAt).toLocaleDateString(lang, { day: 'numeric', month: 'long', year: 'numeric' })}</dd>
        <dt>Messages</dt><dd>{chat.lastSeq}</dd>
        {since && <><dt>Needs reply</dt><dd>since {ago(since, lang)}</dd></>}
      </dl>
      {others.length > 0 && <><h4>Other chats with {chat.customerName || 'this customer'}</h4><ul>{others.slice(0, 8).map((c) => <li key={c.id}><button type="button" onClick={() => onOpen(c.id)}>{c.productName || c.productId}{c.unreadCount > 0 && <span class="badge">{c.unreadCount}</span>}</button></li>)}</ul></>}
    </aside>
  )
}
