import { Component, createRef, type ComponentChildren } from 'preact'
import type { ChatClient, Conversation, Image, Message, Pending } from '@chaffer/client'
import { clock, dayOf } from './format.js'
import { Icon } from './icons.js'
import { fill, type Texts } from './texts.js'

export interface ThreadProps {
  client: ChatClient
  chat: Conversation | undefined
  pending: Pending[]
  version: number
  t: Texts
  lang: string
  peerName: string
  /** Puts a message of the other side before the admins. */
  onReport?: (m: Message) => void
  children?: ComponentChildren
}

const near = 120 // pixels: this close to an end counts as being there

/** The messages of a chat, what is not sent yet, and history when one scrolls up. */
export class Thread extends Component<ThreadProps> {
  private _box = createRef<HTMLDivElement>()
  private _stick = true
  private _height = 0
  private _first: number | undefined
  private _loading = false

  override componentDidMount() { this._settle() }
  override componentDidUpdate(before: ThreadProps) {
    if (before.chat?.id !== this.props.chat?.id && before.chat) this._stick = true
    if (before.pending.length < this.props.pending.length) this._stick = true
    this._settle()
  }

  /** Stays at the end when one was there, and where one was reading when history came in above. */
  private _settle() {
    const box = this._box.current!
    const first = this.props.chat?.messages[0]?.seq
    if (this._stick) box.scrollTop = box.scrollHeight
    else if (this._first && first && first < this._first) box.scrollTop += box.scrollHeight - this._height
    this._first = first
    this._height = box.scrollHeight
    this._more()
  }

  private _more = () => {
    const box = this._box.current
    const { chat, client } = this.props
    if (!box || !chat) return
    this._stick = box.scrollHeight - box.scrollTop - box.clientHeight < near
    if (this._loading || !chat.hasMore || box.scrollTop > near * 3) return
    this._loading = true
    client.loadOlder(chat.id).catch(() => { /* again with the next scroll */ }).finally(() => { this._loading = false })
  }

  render({ client, chat, pending, t, lang, peerName, onReport, children }: ThreadProps) {
    let day = ''
    let from = ''
    return (
      <div class="thread" part="thread" role="log" aria-label={t.messages} tabIndex={0} ref={this._box} onScroll={this._more}>
        {children}
        {chat?.messages.map((m) => {
          const mine = client.isMine(m)
          const at = dayOf(m.timestamp, lang, t)
          const heading = at !== day && <div class="day"><span>{at}</span></div>
          const first = from !== m.senderType || heading
          day = at
          from = m.senderType
          return [heading, <Bubble key={m.id} m={m} mine={mine} first={!!first} t={t} lang={lang} who={mine ? t.you : peerName}
            state={mine ? client.receipt(chat, m) : undefined} onExpired={() => { client.reread(m).catch(() => { /* with the next look */ }) }}
            onReport={!mine && onReport && !m.deletedAt ? () => onReport(m) : undefined}
            onDelete={mine && !m.deletedAt ? () => { client.delete(chat.id, m.id).catch(() => { /* it stays */ }) } : undefined} />]
        })}
        {pending.map((p) => (
          <Bubble key={p.clientMessageId} m={{ text: p.text ?? '', messageImages: p.images ?? [], timestamp: p.createdAt }} mine t={t} lang={lang} first={false}
            who={t.you} state={p.state === 'failed' ? 'failed' : 'sending'} error={p.error}
            onRetry={() => client.retry(p.clientMessageId)} onDiscard={() => client.discard(p.clientMessageId)} />
        ))}
        {chat?.peer.typing && <div class="row"><div class="bubble dots" role="status" aria-label={fill(t.typing, peerName)}><i /><i /><i /></div></div>}
      </div>
    )
  }
}

interface BubbleProps {
  m: Pick<Message, 'text' | 'messageImages' | 'deletedAt'> & { timestamp: string | number }
  mine: boolean
  first: boolean
  t: Texts
  lang: string
  who: string
  state?: 'sending' | 'sent' | 'delivered' | 'read' | 'failed' | undefined
  error?: string | undefined
  onDelete?: (() => void) | undefined
  onExpired?: () => void
  onReport?: (() => void) | undefined
  onRetry?: () => void
  onDiscard?: () => void
}

function Bubble({ m, mine, first, t, lang, who, state, error, onDelete, onExpired, onReport, onRetry, onDiscard }: BubbleProps) {
  const failed = state === 'failed'
  return (
    <div class={`row${mine ? ' mine' : ''}${first ? ' first' : ''}`}>
      <div class={`bubble${m.deletedAt ? ' gone' : ''}${failed ? ' bad' : ''}`} part={mine ? 'message mine' : 'message'}>
        <span class="hidden">{who}: </span>
        {m.messageImages.map((i) => <Picture key={i.id} i={i} t={t} onExpired={onExpired} />)}
        <span class="text" dir="auto">{m.deletedAt ? t.deleted : m.text}</span>
        <span class="meta">
          {clock(m.timestamp, lang)}
          {state && <Icon name={state === 'read' ? 'delivered' : state} class={`tick ${state}`} label={failed ? t.failed : t[state]} />}
        </span>
      </div>
      {onDelete && <button type="button" class="act" title={t.delete} aria-label={t.delete} onClick={onDelete}><Icon name="bin" /></button>}
      {onReport && <button type="button" class="act" title={t.report} aria-label={t.report} onClick={onReport}><Icon name="flag" /></button>}
      {failed && (
        <div class="failure" role="alert">
          <span>{error ?? t.failed}</span>
          <button type="button" onClick={onRetry}>{t.retry}</button>
          <button type="button" onClick={onDiscard}>{t.discard}</button>
        </div>
      )}
    </div>
  )
}

// A picture that cannot be had is asked for once more: its address may have expired.
const Picture = ({ i, t, onExpired }: { i: Image; t: Texts; onExpired: (() => void) | undefined }) => (
  <a href={i.imageUrl} target="_blank" rel="noopener noreferrer">
    <img class="photo" src={i.thumbnailUrl || i.imageUrl} alt={t.photo} width={i.width} height={i.height} loading="lazy"
      onError={(e) => { const { dataset } = e.currentTarget; if (!dataset.again) { dataset.again = '1'; onExpired?.() } }} />
  </a>
)
