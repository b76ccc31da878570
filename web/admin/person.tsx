import { useEffect, useState } from 'preact/hooks'
import { Doubt, Icon } from '../ui/icons.js'
import type { AdminChat, Page, User } from './api.js'
import { FoundChat, lookalike, when, type Place } from './chats.js'

/** What can be done to a person, as far as the service has a route for it. */
const deeds: { route: string; label: string; ask: string; path: (base: string) => string; method: 'POST' }[] = [
  { route: 'POST /users/{type}/{id}/revoke', method: 'POST', label: 'End sessions', ask: 'End all sessions of this person? Tokens signed until now stop working.', path: (b) => `${b}/revoke` },
  { route: 'POST /users/{type}/{id}/erase', method: 'POST', label: 'Erase', ask: 'Erase what this person wrote and who they are, for good? This cannot be undone.', path: (b) => `${b}/erase` },
]

/** A person: what their chats say, and what can be done. */
export function Person({ api, type, id, known }: Place & { type: string; id: string }) {
  const base = `/users/${encodeURIComponent(type)}/${encodeURIComponent(id)}`
  const [user, setUser] = useState<User>()
  const [chats, setChats] = useState<AdminChat[]>([])
  const [said, setSaid] = useState('')
  const [problem, setProblem] = useState('')
  const load = async () => {
    setUser((await api.get<{ data: User }>(base)).data)
    if (type !== 'member') setChats((await api.get<Page<AdminChat>>('/chats', { [`${type}Id`]: id, limit: 20 })).data)
  }
  const attempt = (work: Promise<unknown>) => { setProblem(''); work.catch((err: Error) => setProblem(err.message)) }
  useEffect(() => { attempt(load()) }, [])
  const perform = async (deed: typeof deeds[number]) => {
    if (!confirm(deed.ask)) return
    setSaid((await api.call<{ message: string }>(deed.method, deed.path(base), undefined)).message)
    if (deed.label === 'Erase') await follow()
    await load()
  }
  // An erasure runs in the background: how far it is, until it is done.
  const follow = async () => {
    if (!known.has('GET /users/{type}/{id}/erase')) return
    for (;;) {
      const job = await api.get<{ data: { state: string; done: number; total: number } }>(`${base}/erase`).catch(() => undefined)
      if (!job) return
      setSaid(job.data.state === 'done' ? `Erased: ${job.data.total} messages of their chats were gone through.` : `Erasing: ${job.data.done} of ${job.data.total} messages of their chats gone through…`)
      if (job.data.state === 'done') return
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
  }
  return (
    <main class="sheet">
      <a class="ghost" href="#chats">Back to the chats</a>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {said && <p class="banner" role="status">{said}</p>}
      {user && (
        <>
          <h1>{user.name || `${type} ${id}`} <Doubt of={user.nameSuspicious} label={lookalike} /> <span class={`pill ${user.online ? 'on' : ''}`}>{user.online ? 'online' : 'offline'}</span></h1>
          <dl>
            <dt>Who</dt><dd>{user.userType} {user.userId}</dd>
            <dt>Chats</dt><dd>{user.chatCount}</dd>
            <dt>Unread messages</dt><dd>{user.unreadCount}</dd>
            <dt>Chats not delivered</dt><dd>{user.undeliveredChats}</dd>
            <dt>First chat</dt><dd>{when(user.firstChatAt)}</dd>
            <dt>Last activity</dt><dd>{when(user.lastActivityAt)}</dd>
          </dl>
          <p class="actions">
            {known.has('GET /users/{type}/{id}/export') && <button type="button" class="ghost" onClick={() => attempt(api.download(`${base}/export`))}><Icon name="download" />Export</button>}
            {deeds.filter((d) => known.has(d.route)).map((d) => <button type="button" class="ghost" onClick={() => attempt(perform(d))}>{d.label}</button>)}
          </p>
          {chats.length > 0 && <><h2>Latest chats</h2><ul class="found">{chats.map((c) => <FoundChat key={c.id} c={c} current="" />)}</ul></>}
        </>
      )}
    </main>
  )
}
