import { Connection } from './connection.js'
import { Emitter } from './emitter.js'
import { ChatError } from './error.js'
import type { ChatEvents, ChatJSON, MessageJSON, PageChatJSON, PresencePersonJSON } from './generated/events.js'
import { Outbox, defaultStorage } from './outbox.js'
import { Rest } from './rest.js'
import { Sender } from './sender.js'
import { Store, placesAtOnce } from './store.js'
import { TokenKeeper } from './token.js'
import { userKey, type ClientEvents, type ClientOptions, type Conversation, type Id, type Image, type Message, type Pending, type Person, type Presence, type Reason, type SendInput, type Status } from './types.js'

const deliveredEvery = 150 // ms; deliveries are confirmed together
const typingEvery = 2_500 // ms; the server forgets after six seconds

/** The client of one person on one device. Make it with createChatClient. */
export class ChatClient extends Emitter<ClientEvents> {
  private readonly _store: Store
  private readonly _token: TokenKeeper
  private readonly _connection: Connection
  private readonly _outbox: Outbox
  private readonly _sender: Sender
  private readonly _rest: Rest
  private readonly _presence = new Map<string, Presence>()
  private readonly _tracked = new Set<string>()
  private readonly _healing = new Map<string, Promise<void>>()
  private readonly _arrived = new Map<string, number>()
  private readonly _typed = new Map<string, number>()
  private _arrivedTimer: ReturnType<typeof setTimeout> | undefined
  private _cursor: string | undefined
  private _unread = 0
  /** More chats can be had with loadChats. */
  hasMoreChats = false

  constructor(options: ClientOptions) {
    super()
    this._store = new Store(options.url)
    this._token = new TokenKeeper(options.getToken)
    this._rest = new Rest(options.url, this._token)
    this._outbox = new Outbox(options.storage === undefined ? defaultStorage() : options.storage, options.url)
    this._connection = new Connection(options, this._token, {
      status: (status, error) => this._statusChanged(status, error),
      places: () => this._isMe(this._token.claimed()) ? this._store.places() : {},
      connected: (who) => this._connected(who),
      chat: (name, body) => this._heard(name, body),
      presence: () => { /* the same comings and goings arrive in /chat */ },
    })
    this._sender = new Sender(this._outbox, this._connection, {
      changed: () => this.emit('outbox', this.pending()),
      stored: (message) => this._took(message, true),
      failed: (error) => this.emit('error', error),
    })
  }

  get status(): Status { return this._connection.status }
  /** Who the server says we are; undefined before the first connection. */
  get me(): Person | undefined { return this._store.me }
  get unreadTotal(): number { return this._unread }

  connect(): this {
    void this._token.get().then(() => {
      const who = this._token.claimed()
      if (who && !this.me && this._outbox.belongTo(userKey(who))) this.emit('outbox', this.pending())
    }, () => { /* the connection reports it */ })
    this._connection.open()
    return this
  }

  /** Ends the connection. What was not sent stays in the outbox. */
  close(): void {
    clearTimeout(this._arrivedTimer)
    this._connection.close()
  }

  /** The chats this device has, latest activity first. */
  chats(): Conversation[] { return this._store.list() }
  chat(id: string): Conversation | undefined { return this._store.chats.get(id) }
  peer(chat: Conversation): Person { return this._store.peer(chat) }
  isMine(m: Pick<MessageJSON, 'senderId' | 'senderType'>): boolean { return this._store.mine(m) }

  /** The chat about a product with somebody, if this device has it. */
  find(productId: Id, recipientId: Id): Conversation | undefined {
    return this.chats().find((c) => c.productId === String(productId) && String(this.peer(c).userId) === String(recipientId))
  }

  /** What is not stored yet, oldest first. */
  pending(matches: (p: Pending) => boolean = () => true): Pending[] { return this._outbox.list().filter(matches) }

  /**
   * Sends a message. It is queued at once, survives a reload, and is repeated under the same key until
   * the server answers: resolves with the stored message, rejects with a ChatError when the server refuses.
   */
  send(input: SendInput): Promise<Message> { return this._sender.send(input) }
  /** Tries a failed message again. */
  retry(clientMessageId: string): void { this._sender.retry(clientMessageId) }
  /** Gives up a message that is not stored yet. */
  discard(clientMessageId: string): void { this._sender.discard(clientMessageId) }

  /** Sent, delivered or read, for a message of our own. */
  receipt(chat: Conversation, m: Message): 'sent' | 'delivered' | 'read' {
    return m.seq <= chat.peer.readSeq || m.read ? 'read' : m.seq <= chat.peer.deliveredSeq ? 'delivered' : 'sent'
  }

  /** Opens a chat: its latest messages, both sides' positions, and its healing after interruptions. Reads nothing. */
  async open(chatId: string): Promise<Conversation> {
    this._tracked.add(chatId)
    if (!this.chat(chatId)) await this._fetch(chatId)
    await this._heal(chatId)
    const chat = this.chat(chatId)!
    void this.askPresence([this.peer(chat)]).catch(() => { /* advice only */ })
    return chat
  }

  /** Older messages; false when there are no more. */
  async loadOlder(chatId: string, limit = 50): Promise<boolean> {
    const chat = this.chat(chatId)
    const beforeSeq = chat?.messages[0]?.seq
    if (!chat?.hasMore || !beforeSeq) return false
    const page = await this._connection.request('chat', 'getMessages', { chatId, beforeSeq, limit })
    this._store.prepend(chat, page.data ?? [], page.hasMore)
    this.emit('chat', chat)
    return page.hasMore
  }

  /** The next page of chats; false when there are no more. */
  async loadChats(limit = 50): Promise<boolean> {
    if (!this._cursor) return false
    const page = await this._rest.get<PageChatJSON>('/chats', { cursor: this._cursor, limit })
    await this._listed(page.data ?? [], false)
    return this._noteMore(page)
  }

  /** The chat about a product, asked of the server; undefined when there is none. */
  async findByProduct(productId: Id, vendorId: Id, customerId: Id): Promise<Conversation | undefined> {
    const path = ['/chats/by-product', productId, vendorId, customerId].map((p, i) => (i ? encodeURIComponent(p) : p)).join('/')
    try {
      const { data } = await this._rest.get<{ data: ChatJSON }>(path)
      await this._listed([data], false)
      return this.chat(data.id)
    } catch (err) {
      if (err instanceof ChatError && err.statusCode === 404) return undefined
      throw err
    }
  }

  /** Reads a message again: addresses of pictures expire. */
  async reread(m: Pick<Message, 'chatId' | 'seq'>): Promise<void> {
    const page = await this._connection.request('chat', 'getMessages', { chatId: m.chatId, afterSeq: m.seq - 1, limit: 1 })
    for (const json of page.data ?? []) this._store.take(json)
    this._changed([m.chatId])
  }

  /** Marks what the other side wrote as read, up to a place or all of it. */
  async markRead(chatId: string, upToSeq?: number): Promise<void> {
    const chat = this.chat(chatId)
    if (!chat || (!chat.unreadCount && upToSeq === undefined)) return
    const { data } = await this._connection.request('chat', 'markAsRead', { chatId, ...(upToSeq !== undefined && { upToSeq }) })
    this._store.set(chatId, (c) => { c.unreadCount = data.unreadCount })
    this._changed([chatId])
  }

  /** Takes back a message of one's own; it stays as a tombstone. */
  async delete(chatId: string, messageId: string): Promise<void> {
    await this._connection.request('chat', 'deleteMessage', { chatId, messageId })
  }

  /** Call on every keystroke: it is told at most every few seconds. */
  typing(chatId: string): void {
    if (Date.now() - (this._typed.get(chatId) ?? 0) < typingEvery || !this._connection.online) return
    this._typed.set(chatId, Date.now())
    this._connection.request('chat', 'typing', { chatId }).catch(() => { /* advice only */ })
  }

  stopTyping(chatId: string): void {
    if (!this._typed.delete(chatId) || !this._connection.online) return
    this._connection.request('chat', 'stoppedTyping', { chatId }).catch(() => { /* advice only */ })
  }

  /** What is known of somebody's presence; ask with askPresence. */
  presenceOf(p: Person): Presence | undefined { return this._presence.get(userKey(p)) }

  async askPresence(people: Person[]): Promise<void> {
    for (let i = 0; i < people.length; i += 100) {
      const answer = await this._connection.request('presence', 'getPresence', { users: people.slice(i, i + 100) as PresencePersonJSON[] })
      for (const s of answer.data ?? []) this._seen(s, { online: s.online, lastSeen: s.lastSeen })
    }
  }

  /** Uploads a picture; its result goes into the images of send. */
  upload(file: Blob, name?: string): Promise<Image> { return this._rest.upload(file, name) }

  /** Takes no more messages from somebody one shares a chat with; they are not told. */
  async block(p: Person): Promise<void> {
    await this._rest.call('POST', blockPath(p))
  }

  async unblock(p: Person): Promise<void> {
    await this._rest.call('DELETE', blockPath(p))
  }

  /** Whom one has blocked, latest first. */
  async blocked(): Promise<Person[]> {
    return (await this._rest.get<{ data: Person[] }>('/blocks')).data
  }

  /** Puts a message of somebody else before the admins. */
  async report(m: Pick<Message, 'chatId' | 'id'>, reason: Reason, note?: string): Promise<void> {
    await this._rest.call('POST', '/reports', { chatId: m.chatId, messageId: m.id, reason, ...(note && { note }) })
  }

  private _statusChanged(status: Status, error?: string): void {
    if (status !== 'online') {
      this._presence.clear()
      this._typed.clear()
      for (const chat of this._store.chats.values()) chat.peer.typing = false
    }
    this.emit('status', { status, ...(error && { error }) })
  }

  private _isMe(who: Person | undefined): boolean { return !!who && !!this.me && userKey(who) === userKey(this.me) }
  private _connected(who: Person): void {
    if (this.me && !this._isMe(who)) { // somebody else's token: nothing of the person before is shown
      this._store.clear()
      this._tracked.clear()
      this._cursor = undefined
    }
    this._store.me = who
    if (this._outbox.belongTo(userKey(who))) this.emit('outbox', this.pending())
    this.emit('identity', who)
    this._sender.pump()
  }

  private _heard<K extends keyof ChatEvents>(name: K, body: ChatEvents[K]): void {
    const data = (body as { data?: unknown })?.data as never
    const frozen = /^chat(F|Unf)rozen$/.exec(name)
    if (frozen) this._changed([this._store.set((data as { chatId: string }).chatId, (c) => { c.frozen = frozen[1] === 'F' })?.id ?? ''])
    switch (name) {
      case 'userChats': this._later(this._sync(body as PageChatJSON)); break
      case 'offlineMessages': for (const m of (data as MessageJSON[]) ?? []) this._later(this._took(m, false)); break
      case 'receiveMessage': this._later(this._took(data, true)); break
      case 'newChat': this._opened(data); break
      case 'updateReadReceipts': {
        const r: ChatEvents['updateReadReceipts']['data'] = data
        const chat = this._store.receipt(r)
        if (chat) this.emit('read', { chat, reader: { userId: r.readerId, userType: r.readerType }, readSeq: r.readSeq })
        this._changed([r.chatId])
        break
      }
      case 'messageStatus': {
        const { chatId, deliveredSeq } = data as ChatEvents['messageStatus']['data']
        const chat = this._store.delivered(chatId, deliveredSeq)
        if (chat) this.emit('delivered', { chat, deliveredSeq })
        this._changed([chatId])
        break
      }
      case 'messageDeleted': {
        const d = data as ChatEvents['messageDeleted']['data']
        const message = this._store.tombstone(d.chatId, d.seq)
        const chat = this._store.set(d.chatId, (c) => { c.rev++ })
        if (message && chat) this.emit('deleted', { chat, message })
        this._changed([d.chatId])
        break
      }
      case 'userTyping': {
        const t = data as ChatEvents['userTyping']['data']
        const chat = this._store.set(t.chatId, (c) => { c.peer = { ...c.peer, typing: t.isTyping } })
        if (chat) this.emit('typing', { chat, typing: t.isTyping })
        this._changed([t.chatId])
        break
      }
      case 'userIsOnline': this._seen(data, { online: true }); break
      case 'userIsOffline': this._seen(data, { online: false, lastSeen: (data as { lastSeen: string }).lastSeen }); break
    }
  }

  /** What fails because the connection went is done again by the next one. */
  private _later(work: Promise<void>): void {
    work.catch((err) => { if (!(err instanceof ChatError && err.statusCode === 0)) this.emit('error', err) })
  }

  private _seen(p: Person, presence: Presence): void {
    this._presence.set(userKey(p), presence)
    this.emit('presence', { userId: p.userId, userType: p.userType, ...presence })
  }

  private _opened(json: ChatJSON): void {
    const { chat } = this._store.snapshot(json)
    this._giveOut(chat, true)
    this._changed([chat.id])
  }

  /** A message has come, from wherever: it is put in place, and a gap before it is filled. */
  private async _took(json: MessageJSON, live: boolean): Promise<void> {
    let taken = this._store.take(json)
    if (!taken) {
      this._store.given(await this._fetch(json.chatId), json.seq - 1)
      taken = this._store.take(json)!
    }
    const { chat, message } = taken
    this._sender.confirm(message, this.isMine(message))
    this._giveOut(chat, live)
    this._changed([chat.id])
    if (this._store.gap(chat)) await this._heal(chat.id)
  }

  private _giveOut(chat: Conversation, live: boolean): void {
    for (const message of this._store.fresh(chat)) {
      this._sender.confirm(message, this.isMine(message))
      if (!this.isMine(message)) this._confirmDelivery(chat)
      this.emit('message', { chat, message, live })
    }
  }

  /** The unbroken run we hold has arrived; several are told together. */
  private _confirmDelivery(chat: Conversation): void {
    this._arrived.set(chat.id, chat.messages.at(-1)?.seq ?? 0)
    this._arrivedTimer ??= setTimeout(() => {
      this._arrivedTimer = undefined
      for (const [chatId, upToSeq] of this._arrived) this._connection.request('chat', 'messagesDelivered', { chatId, upToSeq }).catch(() => { /* it comes again */ })
      this._arrived.clear()
    }, deliveredEvery)
  }

  /** The list of chats on a connection: what is behind is fetched, page by page as far as anything changed. */
  private async _sync(first: PageChatJSON): Promise<void> {
    const again = this._store.chats.size > 0
    for (let page = first; ;) {
      const caughtUp = await this._listed(page.data ?? [], again)
      if (!again) this._noteMore(page)
      if (!again || caughtUp || !page.nextCursor) break
      page = await this._rest.get<PageChatJSON>('/chats', { cursor: page.nextCursor, limit: 100 })
    }
    await this._resume([...this._tracked].filter((id) => this._store.chats.has(id)))
    this.emit('synced', { chats: this._store.chats.size })
  }

  /** Takes chats in as a list shows them and fills their gaps; true when one of them was up to date. */
  private async _listed(list: ChatJSON[], missed: boolean): Promise<boolean> {
    let upToDate = false
    const behind: string[] = []
    for (const json of list) {
      const s = this._store.snapshot(json)
      // Of a chat that is new to this device, only what nobody has read is news.
      if (!s.known) this._store.given(s.chat, missed ? json.lastSeq - json.unreadCount : json.lastSeq)
      if (s.known && s.behind && !this._tracked.has(json.id)) behind.push(json.id)
      upToDate ||= !s.changed
      this._giveOut(s.chat, false)
    }
    this._changed(list.map((c) => c.id))
    await this._resume(behind)
    return upToDate
  }

  private _noteMore(page: PageChatJSON): boolean {
    this._cursor = page.nextCursor ?? ''
    return (this.hasMoreChats = page.hasMore)
  }

  private _heal(chatId: string): Promise<void> {
    const healing = this._healing.get(chatId) ?? this._resume([chatId]).finally(() => this._healing.delete(chatId))
    this._healing.set(chatId, healing)
    return healing
  }

  /** Everything after the places we have, until nothing is missing. */
  private async _resume(ids: string[]): Promise<void> {
    while (ids.length) {
      const batch = ids.splice(0, placesAtOnce)
      const { data } = await this._connection.request('chat', 'resume', { positions: this._store.places(batch) })
      for (const part of data ?? []) {
        this._store.resumed(part)
        const chat = this.chat(part.chatId)
        if (chat) this._giveOut(chat, false)
        if (part.hasMore) ids.push(part.chatId)
      }
      this._changed(batch)
    }
  }

  private async _fetch(chatId: string): Promise<Conversation> {
    const { data } = await this._rest.get<{ data: ChatJSON }>(`/chats/${encodeURIComponent(chatId)}`)
    const { chat, known } = this._store.snapshot(data)
    if (!known) this._store.given(chat, data.lastSeq - data.unreadCount)
    this._changed([chatId])
    return chat
  }

  private _changed(ids: string[]): void {
    for (const id of ids) {
      const chat = this.chat(id)
      if (chat) this.emit('chat', chat)
    }
    const before = this._unread
    if ((this._unread = this._store.unread()) !== before) this.emit('unread', this._unread)
  }
}

const blockPath = (p: Person) => `/blocks/${p.userType}/${encodeURIComponent(p.userId)}`

/** A client, not connected yet: call connect(). */
export const createChatClient = (options: ClientOptions): ChatClient => new ChatClient(options)
