// The document of the real-time messaging system, line by line.
import assert from 'node:assert/strict'
import { it } from 'node:test'
import { subset, time, transports } from '../lib/device.mjs'

export function messaging(at) {
  const text = (s) => typeof s === 'string' && s.length > 0
  const pair = async () => {
    const [a, b] = [at.people.one('Ann'), at.people.one('Bob')]
    const { body } = await a.rest('POST', '/api/conversation', { participants: [a.id, b.id], isGroup: false, groupName: 'Optional Group Name' })
    return { a, b, conversation: body }
  }

  it('POST /api/conversation: the caller is added, a pair has one', async () => {
    const [a, b] = [at.people.one(), at.people.one()]
    const created = await a.rest('POST', '/api/conversation', { participants: [b.id] })
    assert.equal(created.status, 201)
    subset(created.body, { _id: text, id: created.body._id, isGroup: false, lastMessage: null, isDeleted: false, createdAt: time, updatedAt: time })
    assert.deepEqual(created.body.participants.toSorted(), [a.id, b.id].toSorted())
    const again = await b.rest('POST', '/api/conversation', { participants: [a.id, b.id], isGroup: false })
    assert.deepEqual([again.status, again.body._id], [200, created.body._id])
    const three = await a.rest('POST', '/api/conversation', { participants: [a.id, b.id, at.people.one().id] })
    assert.equal(three.status, 400)
  })

  it('GET /api/conversation and /api/conversation/:id are the caller\'s own', async () => {
    const { a, b, conversation } = await pair()
    const { body: message } = await a.rest('POST', '/api/message', { conversationId: conversation._id, content: 'hello' })
    for (const who of [a, b]) {
      const list = await who.rest('GET', '/api/conversation')
      assert.deepEqual([list.status, list.body.length, list.body[0]._id, list.body[0].lastMessage], [200, 1, conversation._id, message._id])
      subset((await who.rest('GET', `/api/conversation/${conversation._id}`)).body, { _id: conversation._id, lastMessage: message._id })
    }
    assert.equal((await at.people.one().rest('GET', `/api/conversation/${conversation._id}`)).status, 404)
    assert.equal((await at.server.rest('GET', '/api/conversation')).status, 401)
  })

  it('groups: the admin adds and removes, others may not', async () => {
    const [admin, bob, cleo] = [at.people.one(), at.people.one(), at.people.one()]
    const { status, body: group } = await admin.rest('POST', '/api/conversation', { participants: [bob.id], isGroup: true, groupName: 'Friends' })
    assert.equal(status, 201)
    subset(group, { isGroup: true, groupName: 'Friends' })
    const change = (who, what, user) => who.rest('POST', `/api/conversation/participant/${what}`, { conversationId: group._id, userId: user.id })
    assert.equal((await change(bob, 'add', cleo)).status, 403)
    const added = await change(admin, 'add', cleo)
    assert.deepEqual([added.status, added.body.participants.toSorted()], [200, [admin.id, bob.id, cleo.id].toSorted()])
    const sc = await cleo.open()
    await bob.rest('POST', '/api/message', { conversationId: group._id, content: 'welcome' })
    subset(await sc.channel.next('new_message'), { message: { content: 'welcome', sender: bob.id }, conversation: { _id: group._id, isGroup: true, groupName: 'Friends' } })
    const removed = await change(admin, 'remove', bob)
    assert.deepEqual(removed.body.participants.toSorted(), [admin.id, cleo.id].toSorted())
    assert.equal((await bob.rest('POST', '/api/message', { conversationId: group._id, content: 'x' })).status, 404)
    assert.equal((await cleo.rest('DELETE', `/api/conversation/${group._id}`)).status, 403)
    assert.equal((await admin.rest('DELETE', `/api/conversation/${group._id}`)).status, 200)
    assert.equal((await cleo.rest('GET', `/api/conversation/${group._id}`)).status, 404)
  })

  for (const transport of Object.keys(transports)) {
    it(`send_message, typing and mark_read, over ${transport}`, async () => {
      const { a, b, conversation } = await pair()
      const [sa, sb] = [await a.open({ transport }), await b.open({ transport })]
      const conversationId = conversation._id
      sa.channel.tell('send_message', { conversationId, content: 'Hello, world!' })
      const { message } = await sa.channel.next('message_sent')
      subset(message, { _id: text, conversation: conversationId, sender: a.id, content: 'Hello, world!', attachments: [], readBy: null, isDeleted: false, createdAt: time, updatedAt: time })
      const received = await sb.channel.next('new_message')
      assert.deepEqual(received.message, message)
      subset(received.conversation, { _id: conversationId, isGroup: false })
      sb.channel.tell('typing', { conversationId, isTyping: true })
      assert.deepEqual(await sa.channel.next('typing_indicator'), { conversationId, userId: b.id, isTyping: true })
      sb.channel.tell('typing', { conversationId, isTyping: false })
      assert.deepEqual(await sa.channel.next('typing_indicator'), { conversationId, userId: b.id, isTyping: false })
      sb.channel.tell('mark_read', { messageId: message._id })
      assert.deepEqual(await sa.channel.next('message_read'), { messageId: message._id, readBy: b.id, conversationId })
      assert.equal(sa.channel.count('new_message'), 0, 'new_message is for the others')
      assert.equal(sb.channel.count('message_sent'), 0, 'message_sent is for the sender')
    })
  }

  it('what was missed comes as new_message, oldest first, on connecting', async () => {
    const { a, b, conversation } = await pair()
    for (const content of ['one', 'two', 'three']) await a.rest('POST', '/api/message', { conversationId: conversation._id, content })
    const sb = await b.open()
    for (const content of ['one', 'two', 'three']) subset(await sb.channel.next('new_message'), { message: { content }, conversation: { _id: conversation._id } })
  })

  it('GET /api/message/:conversationId pages by limit and skip, and by before', async () => {
    const { a, b, conversation } = await pair()
    for (let n = 1; n <= 7; n++) await a.rest('POST', '/api/message', { conversationId: conversation._id, content: String(n) })
    const page = async (query) => (await b.rest('GET', `/api/message/${conversation._id}${query}`)).body
    const contents = (messages) => messages.map((m) => m.content)
    assert.deepEqual(contents(await page('?limit=50&skip=0')), ['1', '2', '3', '4', '5', '6', '7'])
    assert.deepEqual(contents(await page('?limit=3')), ['5', '6', '7'])
    assert.deepEqual(contents(await page('?limit=3&skip=3')), ['2', '3', '4'])
    const [first] = await page('?limit=3')
    assert.deepEqual(contents(await page(`?limit=2&before=${first._id}`)), ['3', '4'])
    assert.equal((await b.rest('GET', `/api/message/${conversation._id}?limit=-1`)).status, 400)
  })

  it('PUT /api/message/read/:id and DELETE /api/message/:id', async () => {
    const { a, b, conversation } = await pair()
    const sa = await a.open()
    const { status, body: message } = await a.rest('POST', '/api/message', { conversationId: conversation._id, content: 'regretted', attachments: [] })
    assert.equal(status, 201)
    const read = await b.rest('PUT', `/api/message/read/${message._id}`)
    assert.equal(read.status, 200)
    subset(read.body, { _id: message._id, readBy: b.id, readByAll: [b.id] })
    assert.deepEqual(await sa.channel.next('message_read'), { messageId: message._id, readBy: b.id, conversationId: conversation._id })
    assert.equal((await b.rest('DELETE', `/api/message/${message._id}`)).status, 403)
    const gone = await a.rest('DELETE', `/api/message/${message._id}`)
    assert.equal(gone.status, 200)
    subset(gone.body, { _id: message._id, isDeleted: true, content: '', deletedAt: time })
    assert.equal((await at.people.one().rest('PUT', `/api/message/read/${message._id}`)).status, 404)
  })

  it('errors are error {message}; never appError', async () => {
    const { conversation } = await pair()
    const stranger = await at.people.one().open()
    for (const [event, payload] of [
      ['send_message', { conversationId: conversation._id, content: 'x' }],
      ['send_message', { conversationId: conversation._id }],
      ['typing', { conversationId: 'none', isTyping: true }],
      ['mark_read', { messageId: 'none' }],
      ['no_such_event', {}],
    ]) {
      stranger.channel.tell(event, payload)
      subset(await stranger.channel.next('error'), { message: (m) => m.length > 0 }, event)
    }
    assert.ok(!stranger.channel.names().includes('appError'))
  })
}
