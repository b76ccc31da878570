import { useEffect, useState } from 'preact/hooks'
import { Doubt, Icon } from '../ui/icons.js'
import type { AdminChat, AdminMessage, Page } from './api.js'
import { lookalike, title, when, type Place } from './chats.js'

type Whole = Omit<AdminChat, 'messages'> & { messages: AdminMessage[] }

/** One chat as an admin sees it: every word, who has read what, and the files. */
export function ChatDetail({ api, go, id, known }: Place & { id: string }) {
  const [whole, setWhole] = useState<Whole>()
  const [problem, setProblem] = useState('')
  const attempt = (work: Promise<unknown>) => { setProblem(''); work.catch((err: Error) => setProblem(err.message)) }
  const [frozen, setFrozen] = useState(false)
  const load = async () => {
    const { data } = await api.get<{ data: Whole & { frozen?: boolean; frozenAt?: string } }>(`/chats/${id}`)
    setWhole(data)
    setFrozen(Boolean(data.frozen ?? data.frozenAt))
  }
  useEffect(() => { attempt(load()) }, [id])
  if (!whole) return <main class="nothing">{problem ? <><Icon name="failed" /><b role="alert">{problem}</b></> : 'Opening…'}</main>
  const { messages } = whole
  const chat = whole as unknown as AdminChat
  const members = chat.members ?? []
  const first = messages[0]?.seq ?? 1
  const older = async () => {
    const page = await api.get<Page<AdminMessage>>(`/chats/${id}/messages`, { beforeSeq: first, limit: 100 })
    setWhole({ ...whole, messages: [...page.data, ...messages] })
  }
  const remove = async (m: AdminMessage) => {
    if (!confirm('Delete this message for both sides? Admins still see its text.')) return
    await api.delete(`/chats/${id}/messages/${m.id}`)
    await load()
  }
  const freeze = async (on: boolean) => {
    await api.post(`/chats/${id}/${on ? 'freeze' : 'unfreeze'}`)
    setFrozen(on)
    await load()
  }
  return (
    <main class="detail">
      <header class="head">
        <a class="ghost back" href="#chats">Back</a>
        <div><h1>{title(chat)} <Doubt of={chat.productNameSuspicious} label={lookalike} /></h1><span class="soft">{chat.lastSeq} messages since {when(chat.createdAt)}{chat.rev > 0 && `, ${chat.rev} changed`}</span></div>
        <span class="actions" role="group" aria-label="Transcript">
          {['json', 'csv', 'text'].map((format) => (
            <button type="button" class="ghost" onClick={() => attempt(api.download(`/chats/${id}/transcript`, { format }))}><Icon name="download" />{format === 'text' ? 'Text' : format.toUpperCase()}</button>
          ))}
          {known.has('POST /chats/{chatId}/freeze') && <button type="button" class="ghost" onClick={() => attempt(freeze(!frozen))}>{frozen ? 'Unfreeze' : 'Freeze'}</button>}
        </span>
      </header>
      {problem && <p class="problem pad" role="alert">{problem}</p>}
      {frozen && <p class="banner">This chat is frozen: nobody can write in it.</p>}
      <div class="people">
        {members.map((m) => (
          <button type="button" class="who" onClick={() => go('person', m.userType, String(m.userId))}>
            <b>{m.userType === 'vendor' ? chat.storeName || 'Vendor' : m.userType === 'customer' ? chat.customerName || 'Customer'  : m.userType} <Doubt of={m.userType === 'vendor' ? chat.storeNameSuspicious : m.userType === 'customer' && chat.customerNameSuspicious} label={lookalike} /> <span class="soft">{m.userType} {m.userId}</span></b>
            <span class="soft">has received up to {m.deliveredSeq}, read up to {m.readSeq}{m.readAt && ` (${when(m.readAt)})`}</span>
          </button>
        ))}
      </div>
      <div class="log" role="log" aria-label="Messages" tabIndex={0}>
        {first > 1 && <button type="button" class="ghost more" onClick={() => attempt(older())}>Earlier messages</button>}
        <table>
          <thead><tr><th>#</th><th>When</th><th>Who</th><th>Message</th><th>Seen</th><th><span class="hidden">Actions</span></th></tr></thead>
          <tbody>
            {messages.map((m) => (
              <tr key={m.id} class={m.deletedAt ? 'gone' : ''}>
                <td>{m.seq}</td><td><time dateTime={m.timestamp}>{when(m.timestamp)}</time></td>
                <td><span class={`tag ${m.senderType.toLowerCase()}`}>{m.senderType === 'VENDOR' ? chat.storeName || 'Vendor' : m.senderType === 'CUSTOMER' ? chat.customerName || 'Customer' : `${m.senderType.toLowerCase()} ${m.senderId}`}</span></td>
                <td dir="auto">
                  {m.text}
                  {m.messageImages?.map((i) => <a href={i.imageUrl} target="_blank" rel="noopener noreferrer"><img class="thumb" src={i.imageUrl} alt="Picture" loading="lazy" /></a>)}
                  {m.deletedAt && <small>Deleted {when(m.deletedAt)} by {m.deletedByType} {m.deletedById}</small>}
                </td>
                <td class="soft">{seen(m, members)}</td>
                <td>{!m.deletedAt && <button type="button" class="icon-button" aria-label={`Delete message ${m.seq}`} title="Delete for both sides" onClick={() => attempt(remove(m))}><Icon name="bin" /></button>}</td>
              </tr>
            ))}
          </tbody>
        </table>
      </div>
    </main>
  )
}

/** How far a message has come with the people who did not write it. */
function seen(m: AdminMessage, members: { userType: string; userId: string | number; readSeq: number; deliveredSeq: number }[]): string {
  const others = members.filter((p) => p.userType.toUpperCase() !== m.senderType || String(p.userId) !== String(m.senderId))
  if (others.every((p) => p.readSeq >= m.seq)) return 'read'
  return others.every((p) => p.deliveredSeq >= m.seq) ? 'received' : 'stored'
}
