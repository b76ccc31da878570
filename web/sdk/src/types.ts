import type { ChatJSON, ImageJSON, MessageJSON } from './generated/events.js'

/** A user's or product's id: whole numbers travel as numbers, anything else as strings. */
export type Id = number | string
export type UserType = 'customer' | 'vendor'
export interface Person { userId: Id; userType: string }

/** A picture. Its addresses expire: `reread` the message for new ones. */
export interface Image extends ImageJSON { thumbnailUrl?: string }

/** A stored message. `seq` is its place in the chat: 1, 2, 3 … without a gap. */
export interface Message extends Omit<MessageJSON, 'messageImages'> { messageImages: Image[] }

/** What is shown of a product; kept by the server when the chat is opened. */
export interface Card {
  productName?: string
  productImageUrl?: string
  productPrice?: string | number
  storeName?: string
  storeLogoUrl?: string
  customerName?: string
  customerProfilePic?: string
}

/** What `send` takes: a chat, or the product and the other side, which opens the chat. */
export interface SendInput extends Card {
  chatId?: string
  productId?: Id
  recipientId?: Id
  text?: string
  /** Uploaded pictures, at most 10. */
  images?: Image[]
  /** 1–64 of `A–Z a–z 0–9 _ -`; chosen for you when left out. */
  clientMessageId?: string
}

/** A message that is not stored yet. It survives a reload and is sent until the server answers. */
export interface Pending extends SendInput {
  clientMessageId: string
  /** Milliseconds since 1970, by this device's clock. */
  createdAt: number
  state: 'queued' | 'sending' | 'failed'
  /** Why it failed, as a sentence. */
  error?: string
}

/** One chat, as this device has it. `messages` is an unbroken run that ends with the newest. */
export interface Conversation extends Omit<ChatJSON, 'messages' | 'nextCursor' | 'frozen'> {
  messages: Message[]
  /** How far the other side has come. */
  peer: { readSeq: number; deliveredSeq: number; typing: boolean }
  /** Nobody can write in it any more: an admin has frozen it. */
  frozen?: boolean
  /** Rises with every change, for views that remember what they have drawn. */
  version: number
}

export type Status = 'idle' | 'connecting' | 'online' | 'reconnecting' | 'refused' | 'closed'
export interface Presence { online: boolean; lastSeen?: string }

/** Why a message is reported. */
export type Reason = 'spam' | 'abuse' | 'fraud' | 'illegal' | 'other'

/** The events of a ChatClient. */
export interface ClientEvents {
  /** The connection; `error` says why it was refused. */
  status: { status: Status; error?: string }
  /** Who the server says we are; comes with every connection. */
  identity: Person
  /** The list of chats is complete for now: connected and caught up. */
  synced: { chats: number }
  /** A chat appeared or changed in any way. */
  chat: Conversation
  /** A message that this device did not have, from whoever. `live` is false for what was missed. */
  message: { chat: Conversation; message: Message; live: boolean }
  deleted: { chat: Conversation; message: Message }
  read: { chat: Conversation; reader: Person; readSeq: number }
  delivered: { chat: Conversation; deliveredSeq: number }
  typing: { chat: Conversation; typing: boolean }
  presence: Person & Presence
  /** The sum over the chats this device has. */
  unread: number
  /** A message of ours was queued, sent, stored or failed. */
  outbox: Pending[]
  /** Something failed that nobody was waiting for. */
  error: Error
}

/** Where the outbox is kept; `localStorage` is one. */
export interface Storage {
  readonly length: number
  key(index: number): string | null
  getItem(key: string): string | null
  setItem(key: string, value: string): void
  removeItem(key: string): void
}

export interface ClientOptions {
  /** Where the service is, such as `https://chat.example.com`. */
  url: string
  /** Gives a token; asked again whenever the one before is about to end or was refused. */
  getToken: () => string | Promise<string>
  /** Where unsent messages survive a reload; `localStorage` where there is one, else memory. `null`: memory. */
  storage?: Storage | null
  /** How long to wait for an answer before asking again, in milliseconds; 10,000 unless given. */
  answerTimeout?: number
  /** Socket.IO transports in the order to try them. */
  transports?: ('websocket' | 'polling')[]
}

export const userKey = (p: Person) => `${p.userType.toLowerCase()}:${p.userId}`
