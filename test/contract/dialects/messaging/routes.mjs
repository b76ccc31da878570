// The document of the real-time messaging system, line by line: its routes and models.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, time } from '../../lib/device.mjs'
import { conversationKeys, meeting, messageKeys, text } from './people.mjs'

export function routes(at) {
  const { pair, group, say, attach } = meeting(at)

  it('POST /api/conversation answers the conversation model; the caller is added', async () => {
    const [a, b] = [at.people.one(), at.people.one()]
    const { status, body } = await a.rest('POST', '/api/conversation', { participants: [b.id] })
    assert.equal(status, 201)
    assert.deepEqual(Object.keys(body).toSorted(), conversationKeys)
    subset(body, { _id: text, id: body._id, isGroup: false, lastMessage: null, isDeleted: false, deletedAt: null, createdAt: time, updatedAt: time })
    assert.deepEqual(body.participants.toSorted(), [a.id, b.id].toSorted())
  })

  it('a pair has one conversation, 200, whoever asks and however often they are named', async () => {
    const { a, b, conversationId } = await pair()
    for (const [who, participants] of [[a, [b.id]], [b, [a.id, b.id]], [b, [a.id, a.id]]]) {
      const again = await who.rest('POST', '/api/conversation', { participants, isGroup: false })
      assert.deepEqual([again.status, again.body._id], [200, conversationId])
    }
  })

  it('not a group and not two people is 400', async () => {
    const [a, b, c] = [at.people.one(), at.people.one(), at.people.one()]
    for (const participants of [[a.id, b.id, c.id], [b.id, c.id], [a.id], [], undefined]) {
      const { status, body } = await a.rest('POST', '/api/conversation', { participants })
      assert.equal(status, 400, JSON.stringify(participants))
      assert.ok(text(body.message))
    }
  })

  it('GET /api/conversation and /api/conversation/:id are the caller\'s own, with the last message', async () => {
    const { a, b, conversationId } = await pair()
    const message = await say(a, conversationId, 'hello')
    for (const who of [a, b]) {
      const list = await who.rest('GET', '/api/conversation')
      assert.deepEqual([list.status, list.body.map((c) => [c._id, c.lastMessage])], [200, [[conversationId, message._id]]])
      const one = await who.rest('GET', `/api/conversation/${conversationId}`)
      assert.deepEqual([one.status, Object.keys(one.body).toSorted(), one.body.lastMessage], [200, conversationKeys, message._id])
    }
    const stranger = at.people.one()
    assert.deepEqual((await stranger.rest('GET', '/api/conversation')).body, [])
    assert.equal((await stranger.rest('GET', `/api/conversation/${conversationId}`)).status, 404)
    assert.equal((await at.server.rest('GET', '/api/conversation')).status, 401)
  })

  it('a group: POST with isGroup and groupName, the caller is its admin', async () => {
    const { a, b, c, status, group: made } = await group()
    assert.equal(status, 201)
    subset(made, { isGroup: true, groupName: 'Friends' })
    assert.deepEqual(made.participants.toSorted(), [a.id, b.id, c.id].toSorted())
    const unnamed = await a.rest('POST', '/api/conversation', { participants: [b.id], isGroup: true })
    assert.deepEqual([unnamed.status, unnamed.body.isGroup], [201, true])
  })

  it('participant/add and participant/remove are the admin\'s', async () => {
    const { a: admin, b: bob, c: cleo, conversationId } = await group()
    const dan = at.people.one('Dan')
    const change = (who, what, user) => who.rest('POST', `/api/conversation/participant/${what}`, { conversationId, userId: user.id })
    for (const what of ['add', 'remove']) assert.equal((await change(bob, what, what === 'add' ? dan : cleo)).status, 403)
    const added = await change(admin, 'add', dan)
    assert.deepEqual([added.status, added.body.participants.toSorted()], [200, [admin.id, bob.id, cleo.id, dan.id].toSorted()])
    assert.equal((await change(admin, 'add', dan)).status, 409)
    const sd = await dan.open()
    await say(bob, conversationId, 'welcome')
    subset(await sd.channel.next('new_message'), { message: { content: 'welcome', sender: bob.id }, conversation: { _id: conversationId, isGroup: true, groupName: 'Friends' } })
    const removed = await change(admin, 'remove', bob)
    assert.deepEqual([removed.status, removed.body.participants.toSorted()], [200, [admin.id, cleo.id, dan.id].toSorted()])
    assert.equal((await bob.rest('POST', '/api/message', { conversationId, content: 'x' })).status, 404)
    const left = await change(cleo, 'remove', cleo) // anybody may go
    assert.deepEqual([left.status, left.body.participants.toSorted()], [200, [admin.id, dan.id].toSorted()])
    const direct = await pair()
    const refused = await direct.a.rest('POST', '/api/conversation/participant/add', { conversationId: direct.conversationId, userId: dan.id })
    assert.equal(refused.status, 400)
  })

  it('DELETE /api/conversation/:id is soft and, in a group, the admin\'s', async () => {
    const { a, b, c, conversationId } = await group()
    await say(a, conversationId, 'kept')
    assert.equal((await b.rest('DELETE', `/api/conversation/${conversationId}`)).status, 403)
    const gone = await a.rest('DELETE', `/api/conversation/${conversationId}`)
    assert.equal(gone.status, 200)
    subset(gone.body, { _id: conversationId, isDeleted: true, deletedAt: time })
    for (const who of [a, b, c]) assert.equal((await who.rest('GET', `/api/conversation/${conversationId}`)).status, 404)
    assert.deepEqual((await c.rest('GET', '/api/conversation')).body, [])
    const two = await pair()
    await say(two.a, two.conversationId, 'kept')
    assert.equal((await two.b.rest('DELETE', `/api/conversation/${two.conversationId}`)).status, 200)
    assert.equal((await two.a.rest('GET', `/api/message/${two.conversationId}`)).status, 404)
    const again = await two.a.rest('POST', '/api/conversation', { participants: [two.b.id] }) // a pair has one: it is back, with what was in it
    assert.deepEqual([again.status, again.body._id, again.body.isDeleted], [200, two.conversationId, false])
    assert.deepEqual((await two.a.rest('GET', `/api/message/${two.conversationId}`)).body.map((m) => m.content), ['kept'])
  })

  it('POST /api/message answers the message model', async () => {
    const { a, conversationId } = await pair()
    const { status, body } = await a.rest('POST', '/api/message', { conversationId, content: 'Message content', attachments: [] })
    assert.equal(status, 201)
    assert.deepEqual(Object.keys(body).toSorted(), messageKeys)
    subset(body, {
      _id: text, id: body._id, conversation: conversationId, sender: a.id, content: 'Message content', attachments: [], readBy: null, readByAll: [],
      isDeleted: false, deletedAt: null, createdAt: time, updatedAt: time,
    })
  })

  it('attachments are uploaded pictures of one\'s own, by REST and by socket', async () => {
    const { a, b, conversationId } = await pair()
    const [sa, sb] = [await a.open(), await b.open()]
    const [one, two] = [await attach(a), await attach(a)]
    assert.equal(one.status, 201)
    subset(one.body, { _id: text, id: one.body._id, url: text, mimeType: 'image/png', createdAt: time })
    const ids = [one.body._id, two.body._id]
    sa.channel.tell('send_message', { conversationId, content: 'Message content', attachments: ids })
    subset((await sa.channel.next('message_sent')).message, { attachments: ids })
    subset((await sb.channel.next('new_message')).message, { content: 'Message content', attachments: ids })
    const three = await attach(b)
    subset(await say(b, conversationId, 'mine', { attachments: [three.body._id] }), { attachments: [three.body._id] })
    assert.deepEqual((await a.rest('GET', `/api/message/${conversationId}`)).body.map((m) => m.attachments), [ids, [three.body._id]])
    const stolen = await attach(a)
    for (const attachments of [[stolen.body._id], ['attachmentId1']]) {
      const refused = await b.rest('POST', '/api/message', { conversationId, content: 'x', attachments })
      assert.ok(refused.status >= 400 && refused.status < 500, JSON.stringify(refused.body))
    }
    const nobody = await fetch(`${at.server.url}/api/attachment`, { method: 'POST', body: new FormData() })
    assert.equal(nobody.status, 401)
  })

  it('GET /api/message/:conversationId pages by limit and skip, and by before', async () => {
    const { a, b, conversationId } = await pair()
    for (let n = 1; n <= 7; n++) await say(a, conversationId, String(n))
    const get = (query) => b.rest('GET', `/api/message/${conversationId}${query}`)
    const contents = async (query) => (await get(query)).body.map((m) => m.content)
    assert.deepEqual(await contents('?limit=50&skip=0'), ['1', '2', '3', '4', '5', '6', '7'])
    assert.deepEqual(await contents(''), ['1', '2', '3', '4', '5', '6', '7'])
    assert.deepEqual(await contents('?limit=3'), ['5', '6', '7'])
    assert.deepEqual(await contents('?limit=3&skip=3'), ['2', '3', '4'])
    assert.deepEqual(await contents('?skip=20000'), [], 'skip is cut to 10,000')
    const [first] = (await get('?limit=3')).body
    assert.deepEqual(await contents(`?limit=2&before=${first._id}`), ['3', '4'])
    for (const wrong of ['?limit=-1', '?skip=x']) assert.equal((await get(wrong)).status, 400)
    assert.equal((await at.people.one().rest('GET', `/api/message/${conversationId}`)).status, 404)
  })

  it('PUT /api/message/read/:messageId: readBy is the last reader, readByAll everyone; positions move forward only', async () => {
    const { a, b, c, conversationId } = await group()
    const sa = await a.open()
    const [one, two] = [await say(a, conversationId, 'one'), await say(a, conversationId, 'two')]
    const read = (who, message) => who.rest('PUT', `/api/message/read/${message._id}`)
    const first = await read(b, two)
    assert.equal(first.status, 200)
    subset(first.body, { _id: two._id, readBy: b.id, readByAll: [b.id] })
    assert.deepEqual(await sa.channel.next('message_read'), { messageId: two._id, readBy: b.id, conversationId })
    const second = (await read(c, two)).body
    subset(second, { readBy: c.id })
    assert.deepEqual(second.readByAll.toSorted(), [b.id, c.id].toSorted())
    await sa.channel.next('message_read')
    assert.equal((await read(b, one)).status, 200) // an older one: nothing moves back
    const [, newest] = (await a.rest('GET', `/api/message/${conversationId}`)).body
    assert.deepEqual([newest._id, newest.readByAll.toSorted()], [two._id, [b.id, c.id].toSorted()])
    assert.equal((await read(at.people.one(), one)).status, 404)
  })

  it('DELETE /api/message/:messageId is soft and the author\'s alone', async () => {
    const { a, b, conversationId } = await pair()
    const message = await say(a, conversationId, 'regretted')
    assert.equal((await b.rest('DELETE', `/api/message/${message._id}`)).status, 403)
    const gone = await a.rest('DELETE', `/api/message/${message._id}`)
    assert.equal(gone.status, 200)
    subset(gone.body, { _id: message._id, isDeleted: true, content: '', deletedAt: time })
    const [left] = (await b.rest('GET', `/api/message/${conversationId}`)).body
    subset(left, { _id: message._id, isDeleted: true, content: '' })
    assert.equal((await at.people.one().rest('DELETE', `/api/message/${message._id}`)).status, 404)
  })
}
