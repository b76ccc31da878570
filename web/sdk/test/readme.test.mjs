import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Site, online, until } from './site.mjs'

// The README's programs run as they stand, but for the address of the package and of the server.
const programs = [...readFileSync(new URL('../README.md', import.meta.url), 'utf8').matchAll(/```js\n([^]*?)```/g)].map((m) => m[1])

const run = (site, name, source, env = {}) => {
  const file = fileURLToPath(new URL(`./.readme-${name}.mjs`, import.meta.url))
  writeFileSync(file, source.replace('@chaffer/client', '../dist/index.js').replaceAll('http://127.0.0.1:3000', site.url)
    .replace("fetch('/demo", `fetch('${site.url}/demo`).replace("document.title = total ? `(${total}) Shop` : 'Shop'", 'console.log(total)'))
  const child = spawn(process.execPath, [file], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'inherit'] })
  child.said = ''
  child.ready = new Promise((resolve, reject) => {
    child.stdout.on('data', (b) => { if ((child.said += b).includes('ready')) resolve() })
    child.once('exit', (code) => reject(new Error(`the program ended with ${code}`)))
  })
  child.ready.catch(() => { /* whoever waits for it hears of it */ })
  return { child, stop: () => { child.kill(); rmSync(file) } }
}

test('the two programs of the README', async () => {
  assert.equal(programs.length, 2)
  const site = await Site.start()
  const stops = []
  try {
    const vendor = run(site, 'node', programs[1], { TOKEN: site.server.token({ userType: 'vendor', userId: 2, name: 'Tech Haven' }) })
    stops.push(vendor.stop)
    await vendor.child.ready
    const watcher = site.client('vendor', 2)
    await online(watcher)
    const customer = run(site, 'browser', programs[0])
    stops.push(customer.stop)
    await until(watcher, 'the answer', () => watcher.seen.includes('We open at nine.'))
    assert.ok(watcher.seen.includes('Is it still available?'))
    const chat = watcher.chats()[0]
    await until(watcher, 'read by the customer', () => watcher.chat(chat.id).messages.length >= 2)
  } finally {
    for (const stop of stops) stop()
    await site.stop()
  }
})
