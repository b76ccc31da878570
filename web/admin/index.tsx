import { render } from 'preact'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Session } from '../ui/session.js'
import '../ui/office-icons.js'
import { SignIn } from '../ui/signin.js'
import { Api, routes } from './api.js'
import { AuditLog } from './audit.js'
import { Chats } from './chats.js'
import { Figures } from './figures.js'
import { Person } from './person.js'
import { Reports } from './reports.js'

/** Where one is, as the address after # says: a page and what it is about. */
function usePlace(): [string[], (...parts: string[]) => void] {
  const read = () => location.hash.slice(1).split('/').map(decodeURIComponent)
  const [place, setPlace] = useState(read)
  useEffect(() => {
    const on = () => setPlace(read())
    addEventListener('hashchange', on)
    return () => removeEventListener('hashchange', on)
  }, [])
  return [place, (...parts) => { location.hash = parts.map(encodeURIComponent).join('/') }]
}

const session = new Session('chaffer-admin-token', '/demo/token/admin/1')
const tabs = { chats: 'Chats', reports: 'Reports', figures: 'Figures', audit: 'Audit log' }

function App() {
  const [signedIn, setSignedIn] = useState<boolean>()
  const [problem, setProblem] = useState('')
  const [known, setKnown] = useState<Set<string>>()
  const [place, go] = usePlace()
  const api = useMemo(() => new Api(session, (why) => { setProblem(why); setSignedIn(false) }), [])
  useEffect(() => {
    void session.token().then((token) => setSignedIn(!!token), (err: Error) => { setProblem(err.message); setSignedIn(false) })
    void routes().then(setKnown, () => setKnown(new Set()))
  }, [])
  if (signedIn === false) return <SignIn who="an admin" problem={problem} onToken={(t) => { session.use(t); setProblem(''); setSignedIn(true) }} />
  if (!signedIn || !known) return null
  const page = place[0] || 'chats'
  return (
    <div class="admin">
      <header class="top">
        <b class="brand">Chaffer</b>
        <nav aria-label="Pages">
          {Object.entries(tabs).filter(([key]) => key !== 'reports' || known.has('GET /reports')).map(([key, label]) => (
            <a href={`#${key}`} aria-current={page === key || (page === 'person' && key === 'chats') ? 'page' : undefined}>{label}</a>
          ))}
        </nav>
        <span class="soft">What you look at is written to the audit log.</span>
      </header>
      {page === 'figures' ? <Figures api={api} /> : page === 'audit' ? <AuditLog api={api} go={go} /> : page === 'reports' ? <Reports api={api} go={go} known={known} />
        : page === 'person' ? <Person key={place.join()} api={api} go={go} type={place[1] ?? ''} id={place[2] ?? ''} known={known} />
          : <Chats api={api} go={go} current={place[1] ?? ''} known={known} />}
    </div>
  )
}

render(<App />, document.getElementById('page')!)
