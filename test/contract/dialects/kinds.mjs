// Direct, group and self chats, whichever contract opens them: in the native REST and for admins too.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset } from '../lib/device.mjs'
import { sessions } from './expresschat/account.mjs'

export function kinds(at) {
  const { fresh, greeted } = sessions(at)
  const admin = (path) => at.server.rest('GET', `/api/v1/admin${path}`, { token: at.server.token({ userId: 1, userType: 'admin' }) })
  const two = async () => {
    const a = at.people.one('Ann', { userType: 'customer' })
    const b = at.people.one('Bob', { userType: 'vendor' })
    return { a, b, ofA: `customer:${a.id}`, ofB: `vendor:${b.id}` }
  }

  it('a pair has one direct chat, whoever asks, in whichever contract, at the same moment', async () => {
    const [a, b] = [at.people.one(), at.people.one()]
    const asked = []
    for (let n = 0; n < 3; n++) {
      for (const [who, other] of [[a, b], [b, a]]) {
        asked.push(who.rest('POST', '/api/conversation', { participants: [other.id] }).then((r) => [r.status, r.body._id]))
        asked.push(who.rest('POST', '/api/v1/conversations', { participant: { userId: other.id } }).then((r) => [r.status, r.body.conversation._id]))
        asked.push(who.rest('POST', '/chats', { user2_id: other.number }).then((r) => [undefined, r.body.id])) // always 201
      }
    }
    const answers = await Promise.all(asked)
    const ids = new Set(answers.map(([, id]) => id))
    assert.equal(ids.size, 2, 'one chat, and its one number')
    assert.ok(answers.filter(([status]) => status === 201).length <= 1, 'one of them opened it')
    assert.equal((await a.rest('GET', '/api/conversation')).body.length, 1)
  })

  it('a user has one self chat, however many ask at once', async () => {
    const who = await fresh('Self')
    const [s, t] = [await greeted(who), await greeted(who)]
    await Promise.all(Array.from({ length: 8 }, (_, n) => (n % 2 ? s : t).channel.emit('send-self-message', { Content: String(n) })))
    s.channel.tell('fetch-self-chat', {})
    assert.equal((await s.channel.next('self-chat')).Messages.length, 8)
    const { body } = await admin(`/users/member/${who.id}`)
    assert.equal(body.data.chatCount, 1)
  })

  it('the native REST lists, opens, writes, reads a direct chat and a group', async () => {
    const { a, b, ofB } = await two()
    for (const [kind, body] of [['direct', { participants: [ofB] }], ['group', { participants: [ofB], isGroup: true, groupName: 'Friends' }]]) {
      const { body: { _id: id } } = await a.rest('POST', '/api/conversation', body)
      const sent = await a.rest('POST', '/api/v1/chats/messages', { chatId: id, text: `in a ${kind}` })
      assert.equal(sent.status, 201, JSON.stringify(sent.body))
      const list = await b.rest('GET', '/api/v1/chats')
      const mine = list.body.data.find((c) => c.id === id)
      subset(mine, { unreadCount: 1, lastSeq: 1 })
      const one = await b.rest('GET', `/api/v1/chats/${id}`)
      assert.deepEqual([one.status, one.body.data.messages.map((m) => m.text)], [200, [`in a ${kind}`]])
      const page = await b.rest('GET', `/api/v1/chats/${id}/messages`)
      assert.deepEqual(page.body.data.map((m) => m.text), [`in a ${kind}`])
      assert.equal((await b.rest('POST', `/api/v1/chats/${id}/read`, {})).status, 200)
      subset((await a.rest('GET', `/api/message/${id}`)).body[0], { readByAll: [ofB] })
      const removed = await a.rest('DELETE', `/api/v1/chats/${id}/messages/${one.body.data.messages[0].id}`)
      assert.equal(removed.status, 200)
      const stranger = at.people.one('Eve', { userType: 'customer' })
      assert.equal((await stranger.rest('GET', `/api/v1/chats/${id}`)).status, 404)
    }
  })

  it('admins see direct, group and self chats, their people and how far each has read', async () => {
    const { a, b, ofA, ofB } = await two()
    const { body: { _id: direct } } = await a.rest('POST', '/api/conversation', { participants: [ofB] })
    const { body: { _id: group } } = await a.rest('POST', '/api/conversation', { participants: [ofB], isGroup: true, groupName: 'Friends' })
    for (const conversationId of [direct, group]) {
      const { body: { _id } } = await a.rest('POST', '/api/message', { conversationId, content: 'hello' })
      await b.rest('PUT', `/api/message/read/${_id}`)
      await a.rest('POST', '/api/message', { conversationId, content: 'unread' })
    }
    const list = (await admin(`/chats?customerId=${a.id}`)).body.data
    assert.deepEqual(list.map((c) => [c.id, c.kind, c.title]).toSorted(), [[direct, 'direct', undefined], [group, 'group', 'Friends']].toSorted())
    for (const id of [direct, group]) {
      const { data } = (await admin(`/chats/${id}`)).body
      assert.deepEqual(data.members.map((m) => [`${m.userType}:${m.userId}`, m.readSeq]).toSorted(), [[ofA, 2], [ofB, 1]].toSorted())
      assert.deepEqual(data.messages.map((m) => m.text), ['hello', 'unread'])
    }
    const who = await fresh('Self')
    const s = await greeted(who)
    await s.channel.emit('send-self-message', { Content: `milk for ${who.id}` })
    const found = (await admin(`/chats?q=${encodeURIComponent(`milk for ${who.id}`)}`)).body.data
    assert.deepEqual(found.map((c) => [c.kind, c.members.length]), [['self', 1]])
  })

  it('admins see what was in a conversation that was deleted', async () => {
    const [a, b] = [at.people.one(), at.people.one()]
    const { body: { _id } } = await a.rest('POST', '/api/conversation', { participants: [b.id], isGroup: true, groupName: 'Gone' })
    await a.rest('POST', '/api/message', { conversationId: _id, content: 'kept' })
    assert.equal((await a.rest('DELETE', `/api/conversation/${_id}`)).status, 200)
    const seen = await admin(`/chats/${_id}`)
    assert.deepEqual([seen.status, seen.body.data?.messages.map((m) => m.text)], [200, ['kept']])
  })

  it('customer 2 and vendor 2 and member 2 are three people', async () => {
    const one = at.people.one('Sam')
    const as = (userType) => at.server.token({ userId: one.number, userType, name: userType })
    const other = at.people.one()
    const { body } = await other.rest('POST', '/api/conversation', { participants: [`customer:${one.id}`] })
    for (const [token, status] of [[as('customer'), 200], [as('vendor'), 404], [one.token, 404]]) {
      assert.equal((await at.server.rest('GET', `/api/conversation/${body._id}`, { token })).status, status)
    }
  })
}
