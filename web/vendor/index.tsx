import { render } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { createChatClient, type ChatClient } from '@chaffer/client'
import { Session } from '../ui/session.js'
import '../ui/office-icons.js'
import { SignIn } from '../ui/signin.js'
import { Inbox } from './page.js'

const demo = location.pathname.startsWith('/demo/')
const vendor = new URLSearchParams(location.search).get('vendor') ?? '2'
const session = new Session('chaffer-vendor-token', demo ? `/demo/token/vendor/${encodeURIComponent(vendor)}` : undefined)

/** Signed in or not; the inbox once there is a connection. */
function App() {
  const [client, setClient] = useState<ChatClient>()
  const [problem, setProblem] = useState<string>()
  const start = async () => {
    if (!(await session.token())) return setProblem('')
    const made = createChatClient({
      url: location.origin,
      getToken: async () => {
        const token = await session.token()
        if (!token) throw new Error('The session has ended')
        return token
      },
    })
    made.on('status', ({ status, error }) => {
      if (status !== 'refused') return
      session.forget()
      setClient(undefined)
      setProblem(error ?? 'The token was refused.')
    })
    setProblem(undefined)
    setClient(made.connect())
  }
  useEffect(() => { void start().catch((err: Error) => setProblem(err.message)) }, [])
  if (problem !== undefined) return <SignIn who="a vendor" problem={problem} onToken={(t) => { session.use(t); void start() }} />
  return client ? <Inbox client={client} /> : null
}

render(<App />, document.getElementById('page')!)
