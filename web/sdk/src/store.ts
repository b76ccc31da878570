import type { ChatJSON, MessageJSON, PlaceJSON, ReadReceiptJSON, ResumedJSON } from './generated/events.js'
import { userKey, type Conversation, type Image, type Message, type Person } from './types.js'

/** Chats that are named to the server together. */
export const placesAtOnce = 200

/**
 * Store holds the chats of one person in this device's memory. Messages of a chat are an unbroken
 * run by `seq`; one that arrives ahead of a gap waits beside it until the gap has been filled.
 */
export class Store {
  readonly chats = new Map<string, Conversation>()
  me: Person | undefined
  private _given = new Map<string, number>()
  private _ahead = new Map<string, Map<number, Message>>()

  constructor(private readonly _url: string) {}

  clear(): void {
    this.chats.clear()
    this._ahead.clear()
    this._given.clear()
  }

  /** The chats, latest activity first. */
  list(): Conversation[] {
    return [...this.chats.values()].sort((a, b) =>
      a.lastMessageAt < b.lastMessageAt ? 1 : a.lastMessageAt > b.lastMessageAt ? -1 : a.id < b.id ? 1 : -1)
  }

  /** How far we have chats: those that are named, else the latest ones. */
  places(ids: string[] = this.list().slice(0, placesAtOnce).map((c) => c.id)): Record<string, PlaceJSON> {
    const places: Record<string, PlaceJSON> = {}
    for (const id of ids) {
      const chat = this.chats.get(id)
      if (chat) places[id] = { seq: chat.messages.at(-1)?.seq ?? 0, rev: chat.rev }
    }
    return places
  }

  unread(): number {
    let total = 0
    for (const chat of this.chats.values()) total += chat.unreadCount
    return total
  }

  mine(m: Pick<MessageJSON, 'senderId' | 'senderType'>): boolean {
    return !!this.me && userKey({ userId: m.senderId, userType: m.senderType }) === userKey(this.me)
  }

  /** The person at the other end. */
  peer(chat: Conversation): Person {
    return this.me?.userType === 'vendor'
      ? { userId: chat.customerId, userType: 'customer' } : { userId: chat.vendorId, userType: 'vendor' }
  }

  /**
   * Takes a chat as the server shows it. What we have of it stays: `behind` says that messages
   * or deletions are missing between the two, which resume brings.
   */
  snapshot(json: ChatJSON): { chat: Conversation; known: boolean; changed: boolean; behind: boolean } {
    const { messages, nextCursor: _, ...card } = json
    let chat = this.chats.get(json.id)
    const known = !!chat
    const changed = !chat || chat.lastSeq !== json.lastSeq || chat.rev !== json.rev
    if (chat) {
      const { hasMore, lastSeq, rev } = chat
      Object.assign(chat, card, { lastSeq: Math.max(lastSeq, card.lastSeq), rev, hasMore })
    } else {
      chat = { ...card, messages: [], peer: { readSeq: 0, deliveredSeq: 0, typing: false }, version: 0 }
      this.chats.set(json.id, chat)
    }
    for (const m of messages ?? []) this._place(chat, this._clean(m))
    chat.version++
    return { chat, known, changed, behind: this.gap(chat) || chat.rev < json.rev }
  }

  /** Whether messages are missing at the end of what we have. */
  gap(chat: Conversation): boolean { return (chat.messages.at(-1)?.seq ?? 0) < chat.lastSeq }

  /** The messages that were not given out before, in order. */
  fresh(chat: Conversation): Message[] {
    const from = this._given.get(chat.id) ?? 0
    this.given(chat, chat.messages.at(-1)?.seq ?? 0)
    return chat.messages.filter((m) => m.seq > from)
  }

  /** Notes that messages up to a place need not be given out. */
  given(chat: Conversation, seq: number): void {
    this._given.set(chat.id, Math.max(seq, this._given.get(chat.id) ?? 0))
  }

  /** Takes one message in; undefined when its chat is not known. */
  take(json: MessageJSON): { chat: Conversation; message: Message } | undefined {
    const chat = this.chats.get(json.chatId)
    if (!chat) return undefined
    const message = this._clean(json)
    if (message.seq > chat.lastSeq) {
      chat.lastSeq = message.seq
      chat.lastMessageAt = message.timestamp
      if (this.mine(message)) chat.unreadCount = 0 // replying counts as reading
      else chat.unreadCount++
      chat.peer.typing = chat.peer.typing && this.mine(message)
    }
    this._place(chat, message)
    chat.version++
    return { chat, message }
  }

  /** Puts a page of history in front. */
  prepend(chat: Conversation, page: MessageJSON[], hasMore: boolean): void {
    const first = chat.messages[0]?.seq ?? Infinity
    chat.messages.unshift(...page.map((m) => this._clean(m)).filter((m) => m.seq < first))
    chat.hasMore = hasMore
    chat.version++
  }

  /** Takes what came after our place. */
  resumed(json: ResumedJSON): void {
    const chat = this.chats.get(json.chatId)
    if (!chat) return
    for (const m of json.messages ?? []) this.take(m)
    for (const d of json.deleted ?? []) this.tombstone(json.chatId, d.seq)
    chat.rev = json.rev
    for (const p of json.positions ?? []) {
      if (this.me && userKey(p) === userKey(this.me)) this._readByMe(chat, p.readSeq)
      else this._peerMoved(chat, p.readSeq, p.deliveredSeq)
    }
    chat.version++
  }

  tombstone(chatId: string, seq: number): Message | undefined {
    const chat = this.chats.get(chatId)
    const at = chat?.messages.findIndex((m) => m.seq === seq) ?? -1
    if (!chat || at < 0) return undefined
    const now = new Date().toISOString()
    const message = { ...chat.messages[at]!, text: '', messageImages: [], deletedAt: chat.messages[at]!.deletedAt ?? now }
    chat.messages[at] = message
    chat.version++
    return message
  }

  receipt(r: ReadReceiptJSON): Conversation | undefined {
    const chat = this.chats.get(r.chatId)
    if (!chat) return undefined
    if (this.me && userKey({ userId: r.readerId, userType: r.readerType }) === userKey(this.me)) this._readByMe(chat, r.readSeq)
    else this._peerMoved(chat, r.readSeq, r.readSeq)
    chat.version++
    return chat
  }

  delivered(chatId: string, seq: number): Conversation | undefined {
    const chat = this.chats.get(chatId)
    if (chat) {
      this._peerMoved(chat, 0, seq)
      chat.version++
    }
    return chat
  }

  set(chatId: string, change: (chat: Conversation) => void): Conversation | undefined {
    const chat = this.chats.get(chatId)
    if (chat) {
      change(chat)
      chat.version++
    }
    return chat
  }

  /** receiveMessage carries the message twice; one copy is enough. */
  private _clean(json: MessageJSON): Message {
    const { error: _e, message: _m, type: _t, data: _d, duplicate: _u, ...m } = json as MessageJSON & Record<string, unknown>
    return { ...(m as MessageJSON), messageImages: (json.messageImages ?? []).map((i) => whole(this._url, i)) }
  }

  private _peerMoved(chat: Conversation, readSeq: number, deliveredSeq: number): void {
    chat.peer = {
      ...chat.peer, readSeq: Math.max(chat.peer.readSeq, readSeq),
      deliveredSeq: Math.max(chat.peer.deliveredSeq, deliveredSeq, readSeq),
    }
  }

  private _readByMe(chat: Conversation, readSeq: number): void {
    const behind = chat.messages.filter((m) => m.seq > readSeq && !this.mine(m)).length
    chat.unreadCount = readSeq >= chat.lastSeq ? 0 : Math.min(chat.unreadCount, behind)
  }

  /** Puts a message at its place, or beside a gap. */
  private _place(chat: Conversation, message: Message): void {
    if (message.read && this.mine(message)) this._peerMoved(chat, message.seq, message.seq)
    const { messages } = chat
    const last = messages.at(-1)?.seq ?? 0
    if (messages.length && message.seq <= last) {
      const at = message.seq - messages[0]!.seq
      if (at >= 0 && !messages[at]!.deletedAt) messages[at] = message
      return
    }
    if (messages.length ? message.seq > last + 1 : message.seq > 1 && !chat.hasMore) {
      const ahead = this._ahead.get(chat.id) ?? new Map<number, Message>()
      this._ahead.set(chat.id, ahead.set(message.seq, message))
      return
    }
    messages.push(message)
    const ahead = this._ahead.get(chat.id)
    for (let next = message.seq + 1; ahead?.size; next++) {
      const waiting = ahead.get(next)
      if (!waiting) break
      messages.push(waiting)
      ahead.delete(next)
    }
  }
}

/** Addresses of pictures may come without the host of the service. */
export function whole(url: string, image: Image): Image {
  const at = (address?: string) => (address ? new URL(address, url).href : address)
  return { ...image, imageUrl: at(image.imageUrl)!, ...(image.thumbnailUrl && { thumbnailUrl: at(image.thumbnailUrl)! }) }
}
