// Starts the real binary on a database of its own, and ends it.
import { execFileSync, spawn } from 'node:child_process'
import { createHmac, randomBytes, randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const binary = process.env.CHAFFER_BIN || join(root, 'bin/chaffer')
const testdb = join(root, '.cache/testdb')

export class Server {
  #child
  #log = ''
  #cleanup = []

  // database is 'sqlite' or 'postgres'; env overrides settings.
  static async start(database, env = {}) {
    const server = new Server()
    server.secret = randomBytes(32).toString('hex')
    server.serviceToken = randomBytes(16).toString('hex')
    server.port = await freePort()
    server.url = `http://127.0.0.1:${server.port}`
    server.env = {
      PATH: process.env.PATH,
      HOME: process.env.HOME,
      APP_ENV: 'development',
      HOST: '127.0.0.1',
      PORT: String(server.port),
      DATABASE_URL: server.#database(database),
      JWT_SECRET: server.secret,
      SERVICE_TOKENS: server.serviceToken,
      PRESENCE_GRACE: '300ms',
      PRESENCE_WAIT: '2s',
      LIMIT_SENDS_PER_SECOND: '0',
      LIMIT_SENDS_PER_MINUTE: '0',
      LIMIT_NEW_CHATS_PER_HOUR: '0',
      LIMIT_PACKETS_PER_SECOND: '0',
      LIMIT_CONNECTS_PER_MINUTE_PER_IP: '0',
      LIMIT_FAILURES_PER_MINUTE_PER_IP: '0',
      ...env,
    }
    await server.run()
    return server
  }

  async run() {
    const child = spawn(binary, ['serve'], { env: this.env, cwd: tmpdir(), stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    child.stdout.on('data', (b) => { this.#log += b })
    child.stderr.on('data', (b) => { this.#log += b })
    let gone
    child.once('error', (err) => { gone = err })
    child.once('exit', (code, signal) => { gone ??= new Error(`the server ended with ${code ?? signal}`) })
    for (const deadline = Date.now() + 30_000; ;) {
      const ready = await fetch(`${this.url}/readyz`).then((r) => r.ok, () => false)
      if (ready) return
      if (gone || Date.now() > deadline) {
        child.kill('SIGKILL')
        throw new Error(`${gone?.message ?? 'the server was not ready within 30 s'}\n${this.#log}`)
      }
      await new Promise((resolve) => setTimeout(resolve, 15))
    }
  }

  // end stops the process as an operator would and waits for it.
  async end(signal = 'SIGTERM') {
    const child = this.#child
    if (child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve))
      child.kill(signal)
      await exited
    }
    return child.exitCode
  }

  async stop() {
    await this.end()
    for (const clean of this.#cleanup) clean()
    if (/panic|DATA RACE/.test(this.#log)) throw new Error(`the server's log speaks of a panic:\n${this.#log}`)
  }

  get log() { return this.#log }

  // token mints what a shop's backend would: HS256 over the claims, valid for ttl seconds.
  token(claims, ttl = 3600) {
    const now = Math.floor(Date.now() / 1000)
    const part = (o) => Buffer.from(JSON.stringify(o)).toString('base64url')
    const body = `${part({ alg: 'HS256', typ: 'JWT' })}.${part({ iat: now, exp: now + ttl, ...claims })}`
    return `${body}.${createHmac('sha256', this.secret).update(body).digest('base64url')}`
  }

  // rest calls the REST API; the answer is {status, body}.
  async rest(method, path, { token, body, headers } = {}) {
    const res = await fetch(this.url + path, {
      method,
      headers: {
        ...(token && { authorization: `Bearer ${token}` }),
        ...(body !== undefined && { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? undefined : JSON.stringify(body),
    })
    const text = await res.text()
    let parsed = text
    try { parsed = JSON.parse(text) } catch { /* csv and plain text stay text */ }
    return { status: res.status, body: parsed, headers: res.headers }
  }

  #database(kind) {
    if (kind === 'sqlite') {
      const dir = mkdtempSync(join(tmpdir(), 'chaffer-contract-'))
      this.#cleanup.push(() => rmSync(dir, { recursive: true, force: true }))
      return `sqlite://${join(dir, 'chaffer.db')}`
    }
    const url = execFileSync(testdb, ['create'], { encoding: 'utf8' }).trim()
    this.#cleanup.push(() => execFileSync(testdb, ['drop', url]))
    return url
  }
}

// freePort finds a port below those that systems give to outgoing connections: one of them may be taken while a server
// is told of it, or started again.
export async function freePort() {
  for (let tries = 0; tries < 100; tries++) {
    const port = randomInt(10_000, 32_768)
    const probe = createServer()
    const free = await new Promise((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(true)))
    })
    if (free) return port
  }
  throw new Error('none of a hundred ports was free')
}
