// The document of expresschat, line by line.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, time, transports } from '../lib/device.mjs'
import { Client } from './client.mjs'

let last = 0

// linkOf waits for the mail that the server prints in development and takes the link out of it.
async function linkOf(server, email) {
  for (const deadline = Date.now() + 10_000; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const mail = server.log.split('Mail to ').findLast((m) => m.startsWith(`${email}: Verify`))
    const found = mail?.match(/(\/Verify\?token=[0-9a-f]+)/)
    if (found) return found[1]
  }
  throw new Error(`no mail to ${email}`)
}

// signedUp is somebody who has signed up, followed the link and logged in.
export async function signedUp(server, name) {
  const email = `${name.toLowerCase()}${++last}@Example.com`
  const password = 'correct horse battery'
  assert.equal((await server.rest('POST', '/signup', { body: { name, email, password } })).status, 201)
  assert.equal((await server.rest('GET', await linkOf(server, email))).status, 200)
  const { status, body, headers } = await server.rest('POST', '/login', { body: { email: email.toLowerCase(), password } })
  assert.equal(status, 200, JSON.stringify(body))
  const cookies = headers.getSetCookie().map((c) => c.split(';')[0]).join('; ')
  return { name, email, password, id: body.userId, access: body.accessToken, refresh: body.refreshToken, cookies }
}

export function expresschat(at) {
  const post = (path, body, headers) => at.server.rest('POST', path, { body, headers })
  const text = (s) => typeof s === 'string' && s.length > 0

  const link = (email) => linkOf(at.server, email)
  const account = (name) => signedUp(at.server, name)

  const opened = []
  const open = async (who, options = {}) => {
    const client = new Client(at.server, undefined, { auth: { access_token: who.access, refresh_token: who.refresh }, ...options })
    opened.push(client)
    await client.open()
    return client
  }
  const greeted = async (who, options) => {
    const client = await open(who, options)
    client.userId = await client.channel.next('user-id')
    client.personal = await client.channel.next('personal-chat-list')
    client.groups = await client.channel.next('group-chat-list')
    return client
  }

  it('signup, Verify, login, logout, resend', async () => {
    const email = `life${++last}@example.com`
    const signUp = await post('/signup', { name: 'Life', email, password: 'a good password' })
    subset(signUp.body, { success: true, message: text })
    const early = await post('/login', { email, password: 'a good password' })
    assert.equal(early.status, 403, 'before the address is verified')
    const path = await link(email)
    const resent = await post('/resend', { email })
    assert.deepEqual(resent.body, (await post('/resend', { email: 'nobody@example.com' })).body, 'the same answer for everybody')
    assert.equal((await at.server.rest('GET', path)).status, 200)
    assert.equal((await at.server.rest('GET', path)).status, 400, 'a link works once')
    assert.equal((await at.server.rest('GET', '/Verify?token=no')).status, 400)
    const twice = await post('/signup', { name: 'Life', email: email.toUpperCase(), password: 'another password' })
    assert.deepEqual([twice.status, twice.body], [signUp.status, signUp.body], 'an address that is taken is not told')
    for (const [address, password] of [[email, 'wrong password'], ['nobody@example.com', 'a good password']]) {
      const refused = await post('/login', { email: address, password })
      assert.deepEqual([refused.status, refused.body.message], [401, 'The e-mail address or the password is wrong'])
    }
    const login = await post('/login', { email: ` ${email.toUpperCase()} `, password: 'a good password' })
    subset(login.body, { success: true, accessToken: text, refreshToken: text, userId: text, userName: 'Life' })
    assert.ok(login.headers.getSetCookie().every((c) => c.includes('HttpOnly') && c.includes('SameSite=Lax')))
    const who = { access: login.body.accessToken, refresh: login.body.refreshToken }
    const socket = await greeted(who)
    subset((await post('/logout', { refreshToken: who.refresh })).body, { success: true })
    await socket.channel.next('disconnect')
    const again = await open(who)
    subset(await again.channel.next('auth-failure'), { reason: text })
  })

  it('a refresh token works once; its reuse ends the log-in', async () => {
    const who = await account('Rota')
    const next = await post('/refresh', { refreshToken: who.refresh })
    subset(next.body, { success: true, accessToken: text, refreshToken: (t) => t !== who.refresh })
    assert.equal((await post('/refresh', { refreshToken: who.refresh })).status, 401)
    assert.equal((await post('/refresh', { refreshToken: next.body.refreshToken })).status, 401, 'the family has ended')
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

  it('the pair may come in the query or in cookies; half a pair or somebody else\'s is auth-failure', async () => {
    const [a, b] = [await account('Ann'), await account('Bob')]
    await greeted(a, { auth: {}, query: { accessToken: a.access, refreshToken: a.refresh } })
    const byCookie = new Client(at.server, undefined, { auth: {} })
    byCookie.manager.opts.extraHeaders = { cookie: `access_token=${a.access}; refresh_token=${a.refresh}` }
    opened.push(byCookie)
    await byCookie.open()
    await byCookie.channel.next('user-id')
    for (const auth of [{}, { access_token: a.access }, { access_token: a.access, refresh_token: b.refresh }, { access_token: 'x', refresh_token: a.refresh }]) {
      const client = await open(a, { auth })
      subset(await client.channel.next('auth-failure'), { reason: text })
      assert.equal(await client.channel.next('disconnect'), 'io server disconnect')
      assert.ok(!client.channel.names().includes('user-id'))
    }
  })

  it('self chat: fetched and written, nobody is told', async () => {
    const who = await account('Self')
    const client = await greeted(who)
    client.channel.tell('fetch-self-chat', {})
    assert.deepEqual(await client.channel.next('self-chat'), { Messages: [], Name: 'Self' })
    assert.deepEqual(await client.channel.emit('send-self-message', { Content: 'milk' }), { success: true })
    client.channel.tell('fetch-self-chat', {})
    const { Messages } = await client.channel.next('self-chat')
    subset(Messages[0], { Content: 'milk', Sender: 'Self', SenderId: who.id, Time: time })
    assert.deepEqual(client.channel.names(), [])
  })

  it('private chat: opened, written, read, fetched', async () => {
    const [a, b] = [await account('Ann'), await account('Bob')]
    const [sa, sb] = [await greeted(a), await greeted(b)]
    sa.channel.tell('create-personal-chat', { Receiver: b.email })
    const { ChatId, Partner } = await sa.channel.next('create-personal-chat-creator')
    assert.equal(Partner, 'Bob')
    assert.deepEqual(await sb.channel.next('create-personal-chat-partner'), { ChatId, Partner: 'Ann' })
    sa.channel.tell('send-personal-message', { ChatId, Content: 'hello' })
    assert.deepEqual(await sb.channel.next('receive-personal-message'), { ChatId, Content: 'hello', Sender: 'Ann', SenderId: a.id })
    const later = await greeted(b)
    assert.equal(later.personal.PersonalChatList.length, 1)
    subset(later.personal.PersonalChatList[0], { _id: ChatId, Partner: 'Ann', Unread: 1, LastChat: { Content: 'hello', Sender: 'Ann' } })
    sb.channel.tell('read-personal-message', { ChatId })
    assert.deepEqual(await sa.channel.next('read-personal-msg-ack'), { ChatId })
    sa.channel.tell('fetch-personal-chat', { ChatId, Partner })
    const chat = await sa.channel.next('personal-chat')
    subset(chat, { UserId: a.id, User: 'Ann', Partner: 'Bob' })
    assert.deepEqual(chat.Messages.map((m) => [m.Content, m.Read]), [['hello', true]])
    assert.equal(sa.channel.count('receive-personal-message'), 0, 'the sender is not told')
  })

  it('groups: create, add, message, read, kick, hand over, leave', async () => {
    const [a, b, c] = [await account('Ann'), await account('Bob'), await account('Cleo')]
    const [sa, sb, sc] = [await greeted(a), await greeted(b), await greeted(c)]
    sa.channel.tell('create-group-chat', { Name: 'Friends', Description: 'old ones', Participants: [b.id] })
    const { GroupId, Name } = await sa.channel.next('create-group-chat-creator')
    assert.equal(Name, 'Friends')
    assert.deepEqual(await sb.channel.next('create-group-chat-receiver'), { GroupId, Name })
    sb.channel.tell('add-member', { GroupId, Member: c.id })
    subset(await sb.channel.next('add-member-fail'), { reason: text })
    sa.channel.tell('add-member', { GroupId, Member: c.email })
    subset(await sa.channel.next('add-member-success'), { GroupId, Member: c.id })
    subset(await sc.channel.next('new-grp-added'), { GroupId, Name })
    sb.channel.tell('send-group-message', { GroupId, Content: 'welcome' })
    for (const s of [sa, sc]) assert.deepEqual(await s.channel.next('receive-group-message'), { ChatId: GroupId, Content: 'welcome', Sender: 'Bob', SenderId: b.id })
    sc.channel.tell('read-group-message', { GroupId })
    assert.deepEqual(await sb.channel.next('read-grp-msg-ack'), { ChatId: GroupId, Reader: c.id })
    sa.channel.tell('fetch-group-chat', { GroupId })
    const group = await sa.channel.next('group-chat')
    subset(group, { Admin: a.id, Name: 'Friends', Description: 'old ones' })
    assert.deepEqual([group.Participants.map((p) => p.userId), group.Messages.map((m) => m.Content)], [[a.id, b.id, c.id], ['welcome']])
    sa.channel.tell('change-admin', { GroupId, Member: b.id })
    await sa.channel.next('change-admin-success-creator')
    await sb.channel.next('change-admin-success-receiver')
    sb.channel.tell('kickout', { GroupId, Member: c.id })
    subset(await sb.channel.next('kickout-successful'), { GroupId, Member: c.id })
    subset(await sc.channel.next('kicked-out'), { GroupId })
    subset(await sa.channel.next('someone-kicked-out'), { GroupId, Member: c.id })
    sc.channel.tell('leave-grp', { GroupId })
    await sc.channel.next('group-left-fail')
    sb.channel.tell('leave-grp', { GroupId })
    subset(await sb.channel.next('group-left-success'), { GroupId })
    subset(await sa.channel.next('user-left-grp'), { GroupId, Member: b.id })
    await sa.channel.next('change-admin-success-receiver')
    const { groups } = await greeted(a)
    subset(groups.GroupChatList[0], { _id: GroupId, Name: 'Friends', LastChat: { Content: 'welcome' } })
  })

  it('a session with a plain token is not pushed to; strangers see nothing', async () => {
    const [a, b, stranger] = [await account('Ann'), await account('Bob'), await account('Eve')]
    const sa = await greeted(a)
    const { ChatId } = (sa.channel.tell('create-personal-chat', { Receiver: b.id }), await sa.channel.next('create-personal-chat-creator'))
    const spy = await greeted(stranger)
    for (const [event, payload] of [
      ['fetch-personal-chat', { ChatId }], ['send-personal-message', { ChatId, Content: 'x' }], ['read-personal-message', { ChatId }],
      ['fetch-group-chat', { GroupId: ChatId }], ['kickout', { GroupId: ChatId, Member: a.id }],
    ]) {
      subset(await spy.channel.emit(event, payload), { success: false, error: text }, event)
      subset(await spy.channel.next('error'), { message: text }, event)
    }
    const plain = await at.people.one().open()
    subset(await plain.channel.emit('join', 'sentinel'), { success: false })
    assert.ok(!plain.channel.names().includes('user-id'))
    for (const client of opened.splice(0)) client.close()
  })
}
