import { useEffect, useState } from 'preact/hooks'
import { Icon } from '../ui/icons.js'
import type { AdminMessage, Page } from './api.js'
import { when, type Place } from './chats.js'

interface Report {
  id: string; chatId: string; reason: string; note: string; createdAt: string; reporterType: string; reporterId: string | number
  message?: AdminMessage; resolved: boolean; resolvedAt?: string; resolution?: string
}

const states = { open: 'Open', resolved: 'Resolved', all: 'All' }

/** What customers and vendors have reported, and what came of it. */
export function Reports({ api, go }: Place) {
  const [status, setStatus] = useState('open')
  const [page, setPage] = useState<Page<Report>>()
  const [problem, setProblem] = useState('')
  const attempt = (work: Promise<unknown>) => { setProblem(''); work.catch((err: Error) => setProblem(err.message)) }
  const load = async (cursor?: string) => {
    const got = await api.get<Page<Report>>('/reports', { status, cursor, limit: 50 })
    setPage((before) => ({ ...got, data: cursor ? [...(before?.data ?? []), ...got.data] : got.data }))
  }
  useEffect(() => { attempt(load()) }, [status])
  const resolve = async (r: Report) => {
    const note = prompt('What was done about it?')
    if (note === null) return
    await api.post(`/reports/${r.id}/resolve`, { note })
    await load()
  }
  return (
    <main class="sheet wide">
      <h1>Reports</h1>
      <div class="actions" role="group" aria-label="Show">
        {Object.entries(states).map(([key, label]) => <button type="button" class="ghost" aria-pressed={status === key} onClick={() => setStatus(key)}>{label}</button>)}
      </div>
      {problem && <p class="problem" role="alert">{problem}</p>}
      {page && !page.data.length && <div class="nothing" role="status"><Icon name="shield" /><b>No reports</b>What customers and vendors report appears here.</div>}
      {page && page.data.length > 0 && (
        <div class="scroll" tabIndex={0} role="region" aria-label="Reports">
          <table>
            <thead><tr><th>When</th><th>Reported by</th><th>Why</th><th>Message</th><th>State</th></tr></thead>
            <tbody>{page.data.map((r) => (
              <tr key={r.id}>
                <td>{when(r.createdAt)}</td>
                <td><a href={`#person/${r.reporterType}/${encodeURIComponent(r.reporterId)}`}>{r.reporterType} {r.reporterId}</a></td>
                <td><b>{r.reason}</b> <span class="soft" dir="auto">{r.note}</span></td>
                <td dir="auto">{r.message?.text ?? ''} <button type="button" class="link-button" onClick={() => go('chats', r.chatId)}>in its chat</button></td>
                <td>{r.resolved ? <span class="soft">resolved {r.resolvedAt && when(r.resolvedAt)} {r.resolution}</span> : <button type="button" class="ghost" onClick={() => attempt(resolve(r))}>Resolve</button>}</td>
              </tr>
            ))}</tbody>
          </table>
        </div>
      )}
      {page?.hasMore && <button type="button" class="ghost more" onClick={() => attempt(load(page.nextCursor))}>Show more</button>}
    </main>
  )
}
