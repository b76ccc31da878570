import { Component, createRef } from 'preact'
import type { Card, ChatClient, Conversation, Image } from '@chaffer/client'
import { Composer } from '../ui/composer.js'
import { ago, money } from '../ui/format.js'
import { Icon } from '../ui/icons.js'
import { fill, type Texts } from '../ui/texts.js'
import { Thread } from '../ui/thread.js'

export interface PanelProps {
  client: ChatClient | undefined
  attr: (name: string) => string
  host: HTMLElement
  t: Texts
  lang: string
  dir: 'ltr' | 'rtl'
}

/** The launcher and, when it is open, the conversation or the list of conversations. */
export class Panel extends Component<PanelProps, { listing: boolean; chosen: string; said: string }> {
  override state = { listing: false, chosen: '', said: '' }
  private _composer = createRef<HTMLTextAreaElement>()
  private _launcher = createRef<HTMLButtonElement>()
  private _opened = ''

  private get _open() { return this.props.host.hasAttribute('open') }

  private _toggle = (open: boolean) => {
    this.props.host.toggleAttribute('open', open)
    this.setState({ listing: false }, () => (open ? this._composer : this._launcher).current?.focus())
  }

  override componentDidUpdate() {
    const chat = this._chat()
    const { client } = this.props
    if (!chat || !client || !this._open || this.state.listing) return
    if (this._opened !== chat.id && client.status === 'online') {
      this._opened = chat.id
      client.open(chat.id).catch(() => { this._opened = '' })
    }
    if (chat.unreadCount && document.visibilityState === 'visible') client.markRead(chat.id).catch(() => { /* with the next message */ })
  }

  private _chat(): Conversation | undefined {
    const { client, attr } = this.props
    return this.state.chosen ? client?.chat(this.state.chosen) : client?.find(attr('product-id'), attr('recipient-id'))
  }

  private _card(): Card {
    const { attr } = this.props
    return Object.fromEntries(Object.entries({
      productName: attr('product-name'), productPrice: attr('product-price'), productImageUrl: attr('product-image'), storeName: attr('store-name'),
      storeLogoUrl: attr('store-logo'), customerName: attr('customer-name'), customerProfilePic: attr('customer-picture'),
    }).filter(([, v]) => v))
  }

  private _send = (text: string, images: Image[]) => {
    const { client, attr } = this.props
    const chat = this._chat()
    const to = chat ? { chatId: chat.id } : { productId: attr('product-id'), recipientId: attr('recipient-id'), ...this._card() }
    client?.send({ ...to, text, images }).catch(() => { /* it is shown as failed */ })
  }

  render({ client, t, lang, dir }: PanelProps) {
    const unread = client?.unreadTotal ?? 0
    const open = this._open
    return (
      <div dir={dir} lang={lang} onKeyDown={(e) => { if (e.key === 'Escape' && open) { e.stopPropagation(); this._toggle(false) } }}>
        {open && this._panel()}
        <button class="launcher" part="launcher" ref={this._launcher} aria-expanded={open} aria-label={open ? t.close : unread ? `${t.open}, ${fill(t.unread, unread)}` : t.open} onClick={() => this._toggle(!open)}>
          <Icon name={open ? 'close' : 'chat'} />
          {unread > 0 && !open && <span class="badge" part="badge">{unread > 99 ? '99+' : unread}</span>}
        </button>
      </div>
    )
  }

  private _panel() {
    const { client, attr, t, lang } = this.props
    const chat = this._chat()
    const name = chat?.storeName || attr('store-name') || t.title
    const logo = chat?.storeLogoUrl || attr('store-logo')
    const peer = chat && client?.presenceOf(client.peer(chat))
    const listing = this.state.listing
    const status = client?.status
    return (
      <section class="panel" part="panel" role="dialog" aria-label={t.title}>
        <div class="head" part="header">
          {!listing && logo && <img class="face" src={logo} alt="" />}
          <div>
            <h2>{listing ? t.chats : name}</h2>
            {!listing && <span class={`state${peer?.online ? ' on' : ''}`}>{chat?.peer.typing ? fill(t.typing, '') : peer?.online ? t.online : peer?.lastSeen ? fill(t.lastSeen, ago(peer.lastSeen, lang)) : ''}</span>}
          </div>
          {client && <button class="plain" aria-label={listing ? t.back : t.chats} title={listing ? t.back : t.chats} onClick={() => this.setState({ listing: !listing, said: '' })}><Icon name={listing ? 'chat' : 'list'} /></button>}
          <button class="plain" aria-label={t.close} title={t.close} onClick={() => this._toggle(false)}><Icon name="close" /></button>
        </div>
        <div role="status">
          {status === 'reconnecting' && <div class="banner">{t.reconnecting}</div>}
          {this.state.said && <div class="banner">{this.state.said}</div>}
          {chat?.storeNameSuspicious && <div class="banner">{t.lookalike}</div>}
          {status === 'refused' && <div class="banner">{fill(t.refused, '401')}</div>}
        </div>
        {listing ? this._list() : !client ? this._empty(t.signIn) : this._conversation(chat, client, name)}
      </section>
    )
  }

  private _conversation(chat: Conversation | undefined, client: ChatClient, name: string) {
    const { attr, t, lang } = this.props
    const product = chat?.productName || attr('product-name')
    const picture = chat?.productImageUrl || attr('product-image')
    const mine = client.pending((p) => (chat && p.chatId === chat.id) || (p.productId === (chat?.productId ?? attr('product-id')) && String(p.recipientId) === String(chat?.vendorId ?? attr('recipient-id'))))
    const key = chat?.productId ?? attr('product-id') // not the chat's id: a draft stays when the chat is found or opened
    return [
      product && (
        <div class="card" part="product">
          {picture && <img src={picture} alt="" />}
          <div><b>{product}</b><span>{money(chat?.productPrice || attr('product-price'), attr('product-currency'), lang)}</span></div>
          {chat?.productVerified && <Icon name="verified" label={t.verified} />}
        </div>
      ),
      <Thread client={client} chat={chat} pending={mine} version={chat?.version ?? 0} t={t} lang={lang} peerName={name}
        onReport={(m) => { client.report(m, 'other').then(() => this.setState({ said: t.reported }), (err: Error) => this.setState({ said: err.message })) }}>
        {!chat?.messages.length && !mine.length && this._empty(fill(t.empty, name))}
      </Thread>,
      <Composer area={this._composer} t={t} chat={key} onSend={this._send}
        onTyping={() => chat && client.typing(chat.id)} onStop={() => chat && client.stopTyping(chat.id)} upload={(file) => client.upload(file, file.name)} />,
    ]
  }

  private _list() {
    const { client, t } = this.props
    const chats = client?.chats() ?? []
    if (!chats.length) return this._empty(t.noChats)
    return (
      <ul>
        {chats.map((c) => (
          <li key={c.id}>
            <button onClick={() => { this._opened = ''; this.setState({ listing: false, chosen: c.id }) }}>
              <img class="face" src={c.productImageUrl || c.storeLogoUrl} alt="" />
              <div><b>{c.storeName}</b><small>{c.productName}</small><small dir="auto">{last(c, t)}</small></div>
              {c.unreadCount > 0 && <span class="badge">{c.unreadCount}</span>}
            </button>
          </li>
        ))}
      </ul>
    )
  }

  private _empty(text: string) { return <div class="empty"><Icon name="chat" />{text}</div> }
}

/** The newest message in a line. */
function last(c: Conversation, t: Texts): string {
  const m = c.messages.at(-1)
  return !m ? '' : m.deletedAt ? t.deleted : m.text || t.photo
}
