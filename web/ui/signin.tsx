import { useState } from 'preact/hooks'

/** Asks for a token, with a sentence that says why. */
export function SignIn({ who, problem, onToken }: { who: string; problem: string; onToken: (token: string) => void }) {
  const [token, setToken] = useState('')
  return (
    <main class="signin">
      <form onSubmit={(e) => { e.preventDefault(); if (token.trim()) onToken(token) }}>
        <h1>Sign in</h1>
        <p>Open this page from your shop’s back office, which signs you in, or paste a token of {who}.</p>
        {problem && <p class="problem" role="alert">{problem}</p>}
        <label for="token">Token</label>
        <textarea id="token" rows={4} spellcheck={false} value={token} onInput={(e) => setToken(e.currentTarget.value)} />
        <button class="primary" disabled={!token.trim()}>Sign in</button>
      </form>
    </main>
  )
}
