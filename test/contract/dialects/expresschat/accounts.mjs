// The document of expresschat: its accounts, and how a socket shows whose it is.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, transports } from '../../lib/device.mjs'
import { address, linkOf, sessions, text } from './account.mjs'

export function accounts(at) {
  const { open, greeted, account, fresh, post } = sessions(at)
  const password = 'a good password'
  const get = (path) => at.server.rest('GET', path)

  it('signup, Verify, login, logout', async () => {
    const email = address('life')
    const signUp = await post('/signup', { name: 'Life', email, password })
    assert.equal(signUp.status, 201)
    subset(signUp.body, { success: true, message: text })
    const path = await linkOf(at.server, email)
    const early = await post('/login', { email, password })
    assert.deepEqual([early.status, early.body.success], [403, false], 'before the address is verified')
    assert.equal((await get(path)).status, 200)
    assert.equal((await get(path)).status, 400, 'a link works once')
    assert.equal((await get('/Verify?token=no')).status, 400)
    const login = await post('/login', { email, password })
    assert.equal(login.status, 200)
    subset(login.body, { success: true, accessToken: text, refreshToken: text, userId: text, userName: 'Life' })
    const who = { access: login.body.accessToken, refresh: login.body.refreshToken }
    const socket = await greeted(who)
    const { body: elsewhere } = await post('/login', { email, password }) // another device
    const other = await greeted({ access: elsewhere.accessToken, refresh: elsewhere.refreshToken })
    const out = await post('/logout', { refreshToken: who.refresh })
    assert.deepEqual([out.status, out.body.success], [200, true])
    await socket.channel.next('disconnect')
    subset(await other.channel.emit('send-self-message', { Content: 'still here' }), { success: true })
    const again = await open(who)
    assert.deepEqual(Object.keys(await again.channel.next('auth-failure')), ['reason'])
    assert.equal((await post('/refresh', { refreshToken: who.refresh })).status, 401)
  })

  it('log-in and log-out by cookies: HttpOnly, SameSite, and taken away', async () => {
    const who = await fresh('Cook')
    const login = await post('/login', { email: who.email, password: who.password })
    const cookies = login.headers.getSetCookie()
    assert.deepEqual(cookies.map((c) => c.split('=')[0]), ['access_token', 'refresh_token'])
    assert.ok(cookies.every((c) => c.includes('HttpOnly') && c.includes('SameSite=Lax')))
    const cookie = cookies.map((c) => c.split(';')[0]).join('; ')
    const out = await post('/logout', undefined, { cookie })
    assert.equal(out.status, 200)
    assert.ok(out.headers.getSetCookie().every((c) => /=;/.test(c)), 'both are empty')
    assert.equal((await post('/refresh', undefined, { cookie })).status, 401)
  })

  it('resend mails a new link, and only where one is wanted', async () => {
    const email = address('again')
    await post('/signup', { name: 'Again', email, password })
    const first = await linkOf(at.server, email)
    const resent = await post('/resend', { email })
    assert.deepEqual([resent.status, resent.body.success], [200, true])
    for (const deadline = Date.now() + 30_000; await linkOf(at.server, email) === first;) {
      assert.ok(Date.now() < deadline, 'no second mail')
      await new Promise((resolve) => setTimeout(resolve, 10))
    }
    assert.equal((await get(await linkOf(at.server, email))).status, 200)
    const verified = await post('/resend', { email })
    const unknown = await post('/resend', { email: address('nobody') })
    for (const answer of [verified, unknown]) assert.deepEqual([answer.status, answer.body], [resent.status, resent.body], 'the same answer for everybody')
  })

  it('no answer tells whether an address has an account', async () => {
    const who = await fresh('Taken')
    const free = await post('/signup', { name: 'Free', email: address('free'), password })
    const taken = await post('/signup', { name: 'Free', email: who.email, password })
    assert.deepEqual([taken.status, taken.body], [free.status, free.body])
    const refused = []
    for (const email of [who.email, address('nobody')]) refused.push(await post('/login', { email, password: 'wrong password' }))
    for (const { status, body } of refused) assert.deepEqual([status, body], [401, { success: false, message: 'The e-mail address or the password is wrong' }])
    assert.equal((await post('/login', { email: who.email, password: who.password })).status, 200, 'the first one\'s password stays')
  })

  it('an e-mail address is compared as people mean it', async () => {
    const who = await fresh('Mean')
    const [name, domain] = who.email.split('@')
    const wide = [...name].map((c) => /[a-z]/.test(c) ? String.fromCharCode(c.charCodeAt(0) + 0xfee0) : c).join('') // full-width letters
    for (const email of [who.email.toUpperCase(), ` ${who.email} `, `${name}@${domain.toLowerCase()}`, `${wide}@${domain}`]) {
      const { status, body } = await post('/login', { email, password: who.password })
      assert.deepEqual([status, body.userId], [200, who.id], email)
    }
  })

  it('mistakes are told, as {success:false, message}', async () => {
    for (const [path, body, status] of [
      ['/signup', { name: 'X', email: 'no address', password }, 400],
      ['/signup', { name: 'X', email: address('weak'), password: 'short' }, 400],
      ['/signup', { name: ' ', email: address('unnamed'), password }, 400],
      ['/login', { email: 'no address', password }, 400],
      ['/refresh', { refreshToken: 'none' }, 401],
    ]) {
      const answer = await post(path, body)
      assert.equal(answer.status, status, JSON.stringify(answer.body))
      assert.deepEqual(answer.body, { success: false, message: answer.body.message })
      assert.ok(text(answer.body.message))
    }
  })

  it('tries are limited', async () => {
    const email = address('often')
    const answers = []
    for (let n = 0; n < 12; n++) answers.push(await post('/resend', { email }))
    assert.equal(answers[0].status, 200)
    const { status, body } = answers.at(-1)
    assert.deepEqual([status, body.success], [429, false])
  })

  it('a refresh token works once; its reuse ends the log-in and its sockets', async () => {
    const who = await fresh('Rota')
    const next = await post('/refresh', { refreshToken: who.refresh })
    assert.equal(next.status, 200)
    subset(next.body, { success: true, accessToken: text, refreshToken: (t) => t !== who.refresh })
    const socket = await greeted({ access: next.body.accessToken, refresh: next.body.refreshToken })
    const used = await open(who)
    assert.deepEqual(Object.keys(await used.channel.next('auth-failure')), ['reason'], 'a used one is no half of a pair')
    assert.equal((await post('/refresh', { refreshToken: who.refresh })).status, 401)
    await socket.channel.next('disconnect')
    assert.equal((await post('/refresh', { refreshToken: next.body.refreshToken })).status, 401, 'the family has ended')
    assert.equal((await post('/login', { email: who.email, password: who.password })).status, 200, 'a new log-in begins another')
  })

  for (const transport of Object.keys(transports)) {
    it(`the three events after connecting come in order, over ${transport}`, async () => {
      const who = await account('Order')
      const client = await greeted(who, { transport })
      assert.deepEqual(client.userId, { userId: who.id, userName: 'Order' })
      assert.deepEqual([client.personal, client.groups], [{ PersonalChatList: [] }, { GroupChatList: [] }])
      assert.deepEqual(client.channel.all.map((e) => e.name), ['connect', 'user-id', 'personal-chat-list', 'group-chat-list'])
    })
  }

  it('the pair may come in auth, in the query or in cookies', async () => {
    const a = await account('Ann')
    for (const options of [
      { auth: { access_token: a.access, refresh_token: a.refresh } },
      { auth: { accessToken: a.access, refreshToken: a.refresh } },
      { auth: {}, query: { accessToken: a.access, refreshToken: a.refresh } },
      { auth: {}, headers: { cookie: a.cookies } },
    ]) {
      const client = await greeted(a, options)
      assert.equal(client.userId.userId, a.id)
    }
  })

  it('half a pair, somebody else\'s half, or none is auth-failure and the end', async () => {
    const [a, b] = [await account('Ann'), await account('Bob')]
    for (const transport of ['websocket', 'polling']) {
      for (const auth of [{}, { access_token: a.access }, { refresh_token: a.refresh }, { access_token: a.access, refresh_token: b.refresh }, { access_token: 'x', refresh_token: a.refresh }]) {
        const client = await open(a, { auth, transport })
        const body = await client.channel.next('auth-failure')
        assert.deepEqual(body, { reason: body.reason })
        assert.ok(text(body.reason))
        assert.equal(await client.channel.next('disconnect'), 'io server disconnect')
        assert.ok(!client.channel.all.some((e) => e.name === 'user-id'))
      }
    }
  })

  it('a session with a plain token is not pushed to', async () => {
    const plain = await at.people.one().open()
    subset(await plain.channel.emit('join', 'sentinel'), { success: false })
    for (const push of ['user-id', 'personal-chat-list', 'group-chat-list']) assert.equal(plain.channel.count(push), 0)
  })
}
