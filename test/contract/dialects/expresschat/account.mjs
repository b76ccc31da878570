// Accounts of this contract: signed up, verified by the link that development prints, logged in.
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { Client } from '../client.mjs'

let last = 0

// address is one that nobody else has.
export const address = (name) => `${name.toLowerCase()}${++last}@Example.com`

// linkOf waits for the mail that the server prints in development and takes the link out of it.
export async function linkOf(server, email) {
  for (const deadline = Date.now() + 30_000; Date.now() < deadline; await new Promise((resolve) => setTimeout(resolve, 10))) {
    const mail = server.log.split('Mail to ').findLast((m) => m.startsWith(`${email}: Verify`))
    const found = mail?.match(/(\/Verify\?token=[0-9a-f]+)/)
    if (found) return found[1]
  }
  throw new Error(`no mail to ${email}`)
}

// signedUp is somebody who has signed up, followed the link and logged in.
export async function signedUp(server, name) {
  const email = address(name)
  const password = 'correct horse battery'
  assert.equal((await server.rest('POST', '/signup', { body: { name, email, password } })).status, 201)
  assert.equal((await server.rest('GET', await linkOf(server, email))).status, 200)
  const { status, body, headers } = await server.rest('POST', '/login', { body: { email: email.toLowerCase(), password } })
  assert.equal(status, 200, JSON.stringify(body))
  const cookies = headers.getSetCookie().map((c) => c.split(';')[0]).join('; ')
  return { name, email, password, id: body.userId, access: body.accessToken, refresh: body.refreshToken, cookies }
}

export const text = (s) => typeof s === 'string' && s.length > 0

// known are accounts that were made before, by server and name: a password costs a quarter of a second.
const known = new Map()

// sessions opens clients that present a pair, and closes them with the suite.
export function sessions(at) {
  const opened = []
  after(() => { for (const client of opened) client.close() })
  const open = async (who, options = {}) => {
    const { headers, ...rest } = options
    const client = new Client(at.server, undefined, { auth: { access_token: who.access, refresh_token: who.refresh }, ...rest })
    if (headers) client.manager.opts.extraHeaders = headers
    opened.push(client)
    return client.open()
  }
  const greeted = async (who, options) => {
    const client = await open(who, options)
    client.userId = await client.channel.next('user-id')
    client.personal = await client.channel.next('personal-chat-list')
    client.groups = await client.channel.next('group-chat-list')
    return client
  }
  return {
    open, greeted,
    // account is somebody of that name, who may have chats; fresh is somebody nobody has seen.
    account: (name) => {
      const key = `${at.server.url} ${name}`
      if (!known.has(key)) known.set(key, signedUp(at.server, name))
      return known.get(key)
    },
    fresh: (name) => signedUp(at.server, name),
    post: (path, body, headers) => at.server.rest('POST', path, { body, headers }),
  }
}
