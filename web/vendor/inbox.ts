import type { ChatClient, Conversation } from '@chaffer/client'

export type Filter = 'all' | 'unread' | 'waiting'

/** When the other side began to wait for an answer, as an instant; undefined when it does not. */
export function waitingSince(client: ChatClient, c: Conversation): string | undefined {
  let since: string | undefined
  for (let i = c.messages.length - 1; i >= 0; i--) {
    const m = c.messages[i]!
    if (client.isMine(m)) break
    if (!m.deletedAt) since = m.timestamp
  }
  return since
}

/** The chats that a search and a filter leave, latest activity first. */
export function visible(client: ChatClient, chats: Conversation[], filter: Filter, search: string): Conversation[] {
  const words = search.toLocaleLowerCase().split(/\s+/).filter(Boolean)
  return chats.filter((c) => {
    if (filter === 'unread' && !c.unreadCount) return false
    if (filter === 'waiting' && !waitingSince(client, c)) return false
    if (!words.length) return true
    const text = `${c.customerName} ${c.customerId} ${c.productName} ${c.productId} ${c.messages.map((m) => m.text).join(' ')}`.toLocaleLowerCase()
    return words.every((w) => text.includes(w))
  })
}
